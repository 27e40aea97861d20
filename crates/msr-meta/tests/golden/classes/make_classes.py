"""Meta-learning of classes by PyTorch in float64: MAML of both orders, label smoothing, ridge heads.

Every array of `classes.npz` is named `case/array`; `in/...` are inputs shared by all cases. The model is
`scores = W2 tanh(W1 x + b1) + b2`; tasks are adapted by three gradient steps of rate 0.3 each.

    python make_classes.py     # writes classes.npz beside this file
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
T, S, Q, N, H, C = 3, 4, 6, 4, 5, 3
RATE, STEPS, EPSILON = 0.3, 3, 0.1
g = torch.Generator().manual_seed(0)
normal = lambda *shape: torch.randn(*shape, generator=g)
label = lambda *shape: torch.randint(C, shape, generator=g)

out = {}
start = [normal(H, N), normal(H), normal(C, H), normal(C)]
xs, ys, xq, yq = normal(T, S, N), label(T, S), normal(T, Q, N), label(T, Q)
many_x, many_y = normal(T, 9, N), label(T, 9)
for name, t in zip(["w1", "b1", "w2", "b2", "x_support", "y_support", "x_query", "y_query", "x_many", "y_many"],
                   start + [xs, ys, xq, yq, many_x, many_y]):
    out[f"in/{name}"] = t.numpy()


def forward(p, x):
    return torch.tanh(x @ p[0].T + p[1]) @ p[2].T + p[3]


def adapt(p, t, steps, epsilon, second):
    for _ in range(steps):
        loss = F.cross_entropy(forward(p, xs[t]), ys[t], label_smoothing=epsilon)
        grads = torch.autograd.grad(loss, p, create_graph=second)
        p = [a - RATE * b for a, b in zip(p, grads)]
    return p


for case, inner, outer in [("none", 0.0, 0.0), ("outer", 0.0, EPSILON), ("both", EPSILON, EPSILON)]:
    for order in ["first", "second"]:
        p = [t.clone().requires_grad_() for t in start]
        losses = torch.stack([
            F.cross_entropy(forward(adapt(p, t, STEPS, inner, order == "second"), xq[t]), yq[t], label_smoothing=outer)
            for t in range(T)
        ])
        grads = torch.autograd.grad(losses.sum(), p)
        out[f"{case}-{order}/losses"] = losses.detach().numpy()
        for name, grad in zip(["w1", "b1", "w2", "b2"], grads):
            out[f"{case}-{order}/{name}"] = grad.numpy()

for steps in [0, 1, 3, 7]:
    scores = torch.stack([
        forward(adapt([t.clone().requires_grad_() for t in start], t, steps, 0.0, False), xq[t]) for t in range(T)
    ]).detach()
    p = torch.softmax(scores, -1)
    confidence, told = p.max(-1)
    right = (told == yq).double()
    out[f"after-{steps}/scores"] = scores.numpy()
    out[f"after-{steps}/accuracy"] = right.mean(-1).numpy()
    out[f"after-{steps}/nll"] = -torch.log(p.gather(-1, yq[..., None]))[..., 0].mean(-1).numpy()
    error, bins = 0.0, 4
    for m in range(bins):
        inside = (confidence > m / bins) & (confidence <= (m + 1) / bins)
        if inside.any():
            error += inside.double().mean() * (right[inside].mean() - confidence[inside].mean()).abs()
    out[f"after-{steps}/ece"] = np.array(float(error))

for case, x, y, signs, bias in [("few", xs, ys, False, False), ("few-signs-bias", xs, ys, True, True),
                                ("many", many_x, many_y, False, False), ("many-bias", many_x, many_y, False, True)]:
    p = [start[0].clone().requires_grad_(), start[1].clone().requires_grad_()]
    ridge = torch.tensor(np.log(0.7)).requires_grad_()
    scale = torch.tensor(np.log(2.0)).requires_grad_()

    def features(x):
        f = torch.tanh(x @ p[0].T + p[1])
        return torch.cat([f, torch.ones(f.shape[:-1] + (1,))], -1) if bias else f

    fs, fq = features(x), features(xq)
    target = F.one_hot(y, C).double()
    target = 2 * target - 1 if signs else target
    eye = torch.eye(fs.shape[-1])
    head = torch.linalg.solve(fs.mT @ fs + ridge.exp() * eye, fs.mT @ target)
    scores = scale.exp() * fq @ head
    losses = torch.stack([F.cross_entropy(scores[t], yq[t]) for t in range(T)])
    grads = torch.autograd.grad(losses.sum(), p + [ridge, scale])
    out[f"{case}/losses"] = losses.detach().numpy()
    out[f"{case}/scores"] = scores.detach().numpy()
    for name, grad in zip(["w1", "b1", "ridge", "scale"], grads):
        out[f"{case}/{name}"] = grad.numpy()

out = {k: v.astype(np.uint32) if v.dtype == np.int64 else v for k, v in out.items()}
np.savez(os.path.join(os.path.dirname(os.path.abspath(__file__)), "classes.npz"), **out)
