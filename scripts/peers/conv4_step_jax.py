"""The Conv4 meta-step in JAX: jit, tasks one after the other (`scan`) or all at once (`vmap`), convolutions as XLA's
own, also with channels last (`nhwc`), or as products with columns (`im2col-scan`, `im2col-vmap`); Adam. The protocol is that of server.py.
"""

import server

args = server.arguments(["jax-scan", "jax-nhwc-scan", "jax-vmap", "jax-im2col-scan", "jax-im2col-vmap"])

import jax
import jax.numpy as jnp
import numpy as np
import optax

from conv4_weights import blocks, weight

jax.config.update("jax_enable_x64", args.dtype == "f64")
problem = server.Problem(args)
outer = jax.tree.map(jnp.array, problem.outer)
to_adapt = server.adapted(outer)
depth = blocks(outer)
batch = jax.tree.map(jnp.array, (*problem.support, *problem.query))


def normalised(x, adapted, i, channel):
    """Batch normalisation over all dimensions but `channel`, then a ReLU."""
    others = [d for d in range(4) if d != channel]
    mean, variance = x.mean(others, keepdims=True), x.var(others, keepdims=True)
    gamma, beta = (jnp.expand_dims(adapted[f"block{i}.norm.{of}"], others) for of in ("weight", "bias"))
    return jax.nn.relu((x - mean) / jnp.sqrt(variance + 1e-5) * gamma + beta)


def forward(outer, adapted, x):
    last = "nhwc" in args.variant
    layout, channel, pool = ("NHWC", 3, (1, 2, 2, 1)) if last else ("NCHW", 1, (1, 1, 2, 2))
    x = x.transpose(0, 2, 3, 1) if last else x
    for i in range(depth):
        w = weight(i, outer, adapted, jnp.eye, jnp.einsum)
        x = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=(layout, "OIHW", layout))
        x = normalised(x, adapted, i, channel)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, pool, pool, "VALID")
    x = x.transpose(0, 3, 1, 2) if last else x
    return x.reshape(len(x), -1) @ adapted["head.weight"].T + adapted["head.bias"]


def forward_by_columns(outer, adapted, x):
    """The same with channels last, convolutions as products of matrices."""
    x = x.transpose(0, 2, 3, 1)
    for i in range(depth):
        w = weight(i, outer, adapted, jnp.eye, jnp.einsum)
        outputs, inputs = w.shape[:2]
        n, rows, columns, _ = x.shape
        padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        shifts = [padded[:, a : a + rows, b : b + columns] for a in range(3) for b in range(3)]
        matrix = w.transpose(2, 3, 1, 0).reshape(9 * inputs, outputs)
        x = (jnp.concatenate(shifts, -1).reshape(-1, 9 * inputs) @ matrix).reshape(n, rows, columns, outputs)
        x = normalised(x, adapted, i, 3)
        half = rows // 2, columns // 2
        x = x[:, : 2 * half[0], : 2 * half[1]].reshape(n, half[0], 2, half[1], 2, outputs).max((2, 4))
    x = x.transpose(0, 3, 1, 2)
    return x.reshape(len(x), -1) @ adapted["head.weight"].T + adapted["head.bias"]


predict = forward_by_columns if "im2col" in args.variant else forward


def cross_entropy(scores, labels):
    chosen = jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None].astype(jnp.int32), 1)
    return -jnp.mean(chosen)


def task_loss(outer, support_x, support_y, query_x, query_y):
    adapted = {name: outer[name] for name in to_adapt}
    for _ in range(args.inner_steps):
        gradients = jax.grad(lambda v: cross_entropy(predict(outer, v, support_x), support_y))(adapted)
        adapted = {name: v - outer[server.rate_of(name)] * gradients[name] for name, v in adapted.items()}
    return cross_entropy(predict(outer, adapted, query_x), query_y)


def meta_loss(outer, batch):
    if args.variant.endswith("vmap"):
        losses = jax.vmap(task_loss, (None, 0, 0, 0, 0))(outer, *batch)
    else:
        losses = jax.lax.map(lambda task: task_loss(outer, *task), batch)
    return jnp.mean(losses), losses


optimiser = optax.adam(1e-3, eps=server.adam_epsilon(args))
state = optimiser.init(outer)


@jax.jit
def updated(outer, state, batch):
    (_, losses), gradients = jax.value_and_grad(meta_loss, has_aux=True)(outer, batch)
    updates, state = optimiser.update(gradients, state)
    return optax.apply_updates(outer, updates), state, losses


def step():
    global outer, state
    outer, state, losses = jax.block_until_ready(updated(outer, state, batch))
    return np.asarray(losses)


server.serve(args.updated, step, lambda: outer)
