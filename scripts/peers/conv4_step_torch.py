"""The Conv4 meta-step in PyTorch: tasks one after the other (`torch`, `torch-nhwc` with channels last), spread over threads (`torch-threads`), or all
at once by torch.func (`torch-func`); Adam. The protocol is that of server.py.
"""

from concurrent.futures import ThreadPoolExecutor

import server

args = server.arguments(["torch", "torch-nhwc", "torch-threads", "torch-func"])

import torch
import torch.nn.functional as F

from conv4_weights import blocks, weight

problem = server.Problem(args)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
on_device = lambda array: torch.tensor(array, device=args.device)
outer = {name: on_device(value).requires_grad_() for name, value in problem.outer.items()}
to_adapt = server.adapted(outer)
depth = blocks(outer)
tensors = lambda examples: (on_device(examples[0]), on_device(examples[1].astype("int64")))
batch = (*tensors(problem.support), *tensors(problem.query))
optimiser = torch.optim.Adam(outer.values(), 1e-3, eps=server.adam_epsilon(args))
eye = lambda size: torch.eye(size, dtype=batch[0].dtype, device=args.device)
torch.set_num_threads(1 if args.variant == "torch-threads" else args.threads)


def normalised(x, gamma, beta):
    """Batch normalisation with the statistics of the batch."""
    if args.variant != "torch-func":
        return F.batch_norm(x, None, None, gamma, beta, training=True)
    # Under torch.func.vmap second derivatives of batch_norm are wrong (pytorch/functorch, issue 534).
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + 1e-5) * gamma[:, None, None] + beta[:, None, None]


def forward(outer, adapted, x):
    if args.variant == "torch-nhwc":
        x = x.contiguous(memory_format=torch.channels_last)
    for i in range(depth):
        x = F.conv2d(x, weight(i, outer, adapted, eye, torch.einsum), padding=1)
        gamma, beta = adapted[f"block{i}.norm.weight"], adapted[f"block{i}.norm.bias"]
        x = normalised(x, gamma, beta)
        x = F.max_pool2d(F.relu(x), 2)
    return F.linear(x.flatten(1), adapted["head.weight"], adapted["head.bias"])


def task_loss(outer, gradient, support_x, support_y, query_x, query_y):
    """The query loss after the inner steps; `gradient(loss, adapted)` keeps the graph."""
    adapted = {name: outer[name] for name in to_adapt}
    for _ in range(args.inner_steps):
        gradients = gradient(lambda v: F.cross_entropy(forward(outer, v, support_x), support_y), adapted)
        adapted = {name: v - outer[server.rate_of(name)] * gradients[name] for name, v in adapted.items()}
    return F.cross_entropy(forward(outer, adapted, query_x), query_y)


def by_graph(loss, adapted):
    gradients = torch.autograd.grad(loss(adapted), tuple(adapted.values()), create_graph=True)
    return dict(zip(adapted, gradients))


def losses_and_gradients(tasks):
    """The losses of some tasks one after the other, and the gradients of their sum over all tasks' number."""
    losses, total = [], None
    for task in tasks:
        loss = task_loss(outer, by_graph, *(part[task] for part in batch))
        # Without inner steps nothing depends on the rates.
        gradients = torch.autograd.grad(loss / problem.tasks, tuple(outer.values()), materialize_grads=True)
        losses.append(loss.item())
        total = gradients if total is None else [a.add_(b) for a, b in zip(total, gradients)]
    return losses, total


if args.variant in ("torch", "torch-nhwc"):

    def gradients():
        return losses_and_gradients(range(problem.tasks))

elif args.variant == "torch-threads":
    pool = ThreadPoolExecutor(args.threads, initializer=lambda: torch.set_num_threads(1))
    used = min(args.threads, problem.tasks)

    def gradients():
        shares = pool.map(losses_and_gradients, [range(i, problem.tasks, used) for i in range(used)])
        found = list(shares)
        losses = [found[task % used][0][task // used] for task in range(problem.tasks)]
        return losses, [sum(parts) for parts in zip(*(total for _, total in found))]

else:

    def of_all(values):
        of_task = lambda *data: task_loss(values, lambda loss, v: torch.func.grad(loss)(v), *data)
        losses = torch.func.vmap(of_task)(*batch)
        return losses.mean(), losses

    def gradients():
        values = {name: value.detach() for name, value in outer.items()}
        found, (_, losses) = torch.func.grad_and_value(of_all, has_aux=True)(values)
        return losses.tolist(), list(found.values())


def step():
    losses, found = gradients()
    for parameter, gradient in zip(outer.values(), found):
        parameter.grad = gradient
    optimiser.step()
    if args.device == "cuda":
        torch.cuda.synchronize()
    return losses


server.serve(args.updated, step, lambda: {name: value.detach().cpu().numpy() for name, value in outer.items()})
