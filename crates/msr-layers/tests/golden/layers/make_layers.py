"""Outputs and gradients of PyTorch's layers in float64, for tests/norms.rs and tests/pools.rs.

Per case: the input x, a cotangent g, the output y and the gradient of (y * g).sum() by x and by the parameters.
Run: python make_layers.py OUT.npz   (needs torch and numpy; made with torch 2.x, seed 0)
"""
import sys
import numpy as np, torch, torch.nn.functional as F
torch.manual_seed(0); torch.set_default_dtype(torch.float64)
store = {}

def case(name, shape, f, **parameters):
    x = torch.randn(*shape, requires_grad=True)
    p = {k: v.clone().requires_grad_(True) for k, v in parameters.items()}
    y = f(x, **p)
    g = torch.randn_like(y)
    grads = torch.autograd.grad((y * g).sum(), [x, *p.values()])
    store.update({f"{name}/x": x, f"{name}/y": y, f"{name}/g": g, f"{name}/grad_x": grads[0]})
    for (k, v), grad in zip(p.items(), grads[1:]):
        store.update({f"{name}/{k}": v, f"{name}/grad_{k}": grad})

weight, bias = torch.rand(3) + 0.5, torch.randn(3)
norm = lambda x, weight, bias: F.batch_norm(x, None, None, weight, bias, training=True)
case("batch_norm2", (5, 3), norm, weight=weight, bias=bias)
case("batch_norm4", (4, 3, 5, 6), norm, weight=weight, bias=bias)
# Two training batches, then an evaluation with the running averages.
layer = torch.nn.BatchNorm2d(3, momentum=0.3)
for i in range(2):
    x = torch.randn(4, 3, 5, 6) * (i + 1) + i
    store.update({f"running/x{i}": x, f"running/y{i}": layer(x)})
layer.eval()
x = torch.randn(1, 3, 5, 6)
store.update({"running/x": x, "running/y": layer(x), "running/mean": layer.running_mean, "running/var": layer.running_var})
w, b = torch.rand(5, 6) + 0.5, torch.randn(5, 6)
case("layer_norm", (4, 3, 5, 6), lambda x, weight, bias: F.layer_norm(x, (5, 6), weight, bias), weight=w, bias=b)
case("max_pool", (2, 3, 7, 6), lambda x: F.max_pool2d(x, 2))
case("max_pool_overlap", (2, 3, 7, 6), lambda x: F.max_pool2d(x, 3, 2))
case("avg_pool", (2, 3, 7, 6), lambda x: F.avg_pool2d(x, 2))
case("avg_pool_overlap", (2, 3, 7, 6), lambda x: F.avg_pool2d(x, 3, 2))
np.savez_compressed(sys.argv[1], **{k: v.detach().numpy() for k, v in store.items()})
