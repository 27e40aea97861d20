"""Meta-gradients of small Conv4 networks, computed with PyTorch (create_graph=True) in float64.

Every case: T = 2 tasks, 3 classes, 3 support / 6 query images of 16x16, 2 channels in, 3 in the blocks, 2 inner steps with one learned
rate per adapted tensor, cross-entropy; losses of the tasks and gradients of their MEAN by everything that is learned.
`kronecker`: Kronecker-factored convolutions, 2x2 max-pools, batch statistics (transductive).
`strided`:   plain convolutions with stride 2, batch statistics.
`support`:   plain convolutions, 2x2 max-pools, queries normalised with the statistics of the task's support set under the adapted weights.
`omniglot`:  the network of the few-shot literature, in a file of its own: 2 tasks, 5 classes, 5 support / 25 query images of 28x28, one channel in,
             32 in the blocks, Kronecker factors, one inner step. What goes in are float32 numbers; gradients are computed in float64, and rounded.
Arrays: `<case>/in/<name>`, `<case>/grad/<name>` (names of the Rust parameters), `<case>/loss`.
Run: python make_conv4.py OUT.npz OMNIGLOT.npz   (needs torch and numpy)
"""
import sys
import numpy as np, torch, torch.nn.functional as F
rng = np.random.default_rng(0)
T, NS, NQ, CLASSES, CIN, C, SIZE, STEPS, NOISE = 2, 3, 6, 3, 2, 3, 16, 2, 0.1
store, SINGLE = {}, False

def case(name, kronecker, stride, support_statistics):
    p, adapted = {}, []
    def add(key, value, adapts):
        value = np.float64(np.float32(value)) if SINGLE else value
        p[key] = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        if adapts: adapted.append(key)
    for i in range(4):
        c = CIN if i == 0 else C
        if kronecker:
            for what, n in (("out", C), ("in", c), ("taps", 9)):
                add(f"block{i}.conv.symmetry_{what}", NOISE * rng.normal(size=(n, n)), False)
            add(f"block{i}.conv.filter", rng.normal(size=(C, c, 9)) / np.sqrt(9 * c), True)
        else:
            add(f"block{i}.conv.weight", rng.normal(size=(C, c, 3, 3)) / np.sqrt(9 * c), True)
        add(f"block{i}.norm.weight", 0.5 + rng.random(C), True)
        add(f"block{i}.norm.bias", 0.3 * rng.normal(size=C), True)
    add("head.weight", rng.normal(size=(CLASSES, C)), True)
    add("head.bias", rng.normal(size=CLASSES), True)
    for key in adapted:
        add(f"rate.{key}", 0.02 + 0.05 * rng.random(), False)
    image = lambda n: torch.tensor(np.round(64 * rng.random((T, n, CIN, SIZE, SIZE))) / 64)
    xs, xq = image(NS), image(NQ)
    ys, yq = torch.arange(CLASSES).repeat(T, NS // CLASSES), torch.arange(CLASSES).repeat(T, NQ // CLASSES)

    def forward(v, x, given=None):
        """Logits and the statistics (mean, variance) of each block."""
        statistics = []
        for i in range(4):
            if kronecker:
                factor = lambda what: p[f"block{i}.conv.symmetry_{what}"] + torch.eye(len(p[f"block{i}.conv.symmetry_{what}"]), dtype=torch.float64)
                w = torch.einsum("oa,ib,sk,abk->ois", factor("out"), factor("in"), factor("taps"), v[f"block{i}.conv.filter"])
                w = w.reshape(w.shape[0], w.shape[1], 3, 3)
            else:
                w = v[f"block{i}.conv.weight"]
            x = F.conv2d(x, w, stride=2 if stride else 1, padding=1)
            statistics.append((x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)))
            gamma, beta = v[f"block{i}.norm.weight"], v[f"block{i}.norm.bias"]
            if given is None:
                x = F.batch_norm(x, None, None, gamma, beta, training=True)
            else:
                m, s = (a[:, None, None] for a in given[i])
                x = (x - m) / torch.sqrt(s + 1e-5) * gamma[:, None, None] + beta[:, None, None]
            x = F.relu(x)
            if not stride: x = F.max_pool2d(x, 2)
        return F.linear(x.flatten(1), v["head.weight"], v["head.bias"]), statistics

    losses = []
    for t in range(T):
        v = {k: p[k] for k in adapted}
        for _ in range(STEPS):
            g = torch.autograd.grad(F.cross_entropy(forward(v, xs[t])[0], ys[t]), [v[k] for k in adapted], create_graph=True)
            v = {k: v[k] - p[f"rate.{k}"] * gk for k, gk in zip(adapted, g)}
        given = forward(v, xs[t])[1] if support_statistics else None
        losses.append(F.cross_entropy(forward(v, xq[t], given)[0], yq[t]))
    losses = torch.stack(losses)
    grads = torch.autograd.grad(losses.mean(), list(p.values()))
    store[f"{name}/loss"] = losses.detach().numpy()
    kept = np.float32 if SINGLE else np.float64
    for (key, value), g in zip(p.items(), grads):
        arrays = [np.array(a.numpy(), dtype=kept, order="C") for a in (value.detach(), g)]
        store[f"{name}/in/{key}"], store[f"{name}/grad/{key}"] = arrays
    for key, value in (("x_support", xs), ("x_query", xq)):
        store[f"{name}/in/{key}"] = value.numpy().astype(kept)
    for key, value in (("y_support", ys), ("y_query", yq)):
        store[f"{name}/in/{key}"] = value.numpy()

case("kronecker", True, False, False)
case("strided", False, True, False)
case("support", False, False, True)
np.savez_compressed(sys.argv[1], **store)
store, SINGLE = {}, True
T, NS, NQ, CLASSES, CIN, C, SIZE, STEPS, NOISE = 2, 5, 25, 5, 1, 32, 28, 1, 0.01
case("omniglot", True, False, False)
np.savez_compressed(sys.argv[2], **store)
