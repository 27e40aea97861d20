"""The MSR-Conv C8 meta-step in JAX: 32 tasks, 1 support and 19 query images of 32 x 32, 24 channels, Kronecker factors
A, B, C, Adam.

usage: rot8_step_jax.py INNER_STEPS SAMPLES
Prints a line of JSON per variant: tasks by `vmap` or one after the other (`map`), the convolution as XLA's own or as a
product with columns (`im2col`), and the squared error from second moments of columns and targets (`moments`).
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

STEPS, SAMPLES = int(sys.argv[1]), int(sys.argv[2])
TASKS, QUERY, CHANNELS, SIZE, KERNEL = 32, 19, 24, 32, 3
OUT = SIZE - KERNEL + 1


def columns(x):
    """(n, 1, h, w) -> (n, oh, ow, k^2)"""
    shifts = [(i, j) for i in range(KERNEL) for j in range(KERNEL)]
    return jnp.stack([x[:, 0, i : i + OUT, j : j + OUT] for i, j in shifts], -1)


def weight(p, v):
    return jnp.einsum("oa,ib,sk,abk->ois", p["A"], p["B"], p["C"], v).reshape(CHANNELS, 1, KERNEL, KERNEL)


def by_convolution(p, v, x, y):
    out = jax.lax.conv_general_dilated(
        x, weight(p, v), (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW")
    )
    return jnp.mean((out - y) ** 2)


def by_columns(p, v, x, y):
    out = jnp.einsum("nhwk,ok->nohw", columns(x), weight(p, v).reshape(CHANNELS, -1))
    return jnp.mean((out - y) ** 2)


def by_moments(p, v, x, y):
    c = columns(x).reshape(-1, OUT * OUT, KERNEL * KERNEL)
    y = y.reshape(-1, CHANNELS, OUT * OUT)
    gram = jnp.einsum("npk,npl->kl", c, c)
    cross = jnp.einsum("nop,npk->ok", y, c)
    w = weight(p, v).reshape(CHANNELS, -1)
    return (jnp.sum(w * (w @ gram - 2 * cross)) + jnp.sum(y * y)) / y.size


def step_of(loss, spread, optimiser):
    def task(p, xs, ys, xq, yq):
        v = p["v"]
        for _ in range(STEPS):
            v = v - p["rate"] * jax.grad(lambda v: loss(p, v, xs, ys))(v)
        return loss(p, v, xq, yq)

    def total(p, batch):
        if spread == "vmap":
            return jnp.sum(jax.vmap(task, (None, 0, 0, 0, 0))(p, *batch))
        return jnp.sum(jax.lax.map(lambda one: task(p, *one), batch))

    @jax.jit
    def step(p, state, batch):
        value, gradient = jax.value_and_grad(total)(p, batch)
        updates, state = optimiser.update(gradient, state)
        return optax.apply_updates(p, updates), state, value

    return step


def main():
    rng = np.random.default_rng(0)
    normal = lambda *shape: jnp.array(rng.normal(size=shape).astype(np.float32))
    batch = (
        normal(TASKS, 1, 1, SIZE, SIZE),
        normal(TASKS, 1, CHANNELS, OUT, OUT),
        normal(TASKS, QUERY, 1, SIZE, SIZE),
        normal(TASKS, QUERY, CHANNELS, OUT, OUT),
    )
    losses = {"": by_convolution, "-im2col": by_columns, "-moments": by_moments}
    for spread in ("map", "vmap"):
        for suffix, loss in losses.items():
            p = dict(
                v=0.3 * normal(CHANNELS, 1, KERNEL * KERNEL),
                A=jnp.eye(CHANNELS),
                B=jnp.eye(1),
                C=jnp.eye(KERNEL * KERNEL),
                rate=jnp.array(0.1, dtype=jnp.float32),
            )
            optimiser = optax.adam(1e-3)
            state, step, times = optimiser.init(p), step_of(loss, spread, optimiser), []
            for i in range(SAMPLES + 2):
                start = time.perf_counter()
                p, state, value = step(p, state, batch)
                value.block_until_ready()
                jax.block_until_ready(p)
                if i >= 2:
                    times.append(1e3 * (time.perf_counter() - start))
            print(json.dumps({"variant": spread + suffix, "median_ms": float(np.median(times))}), flush=True)


main()
