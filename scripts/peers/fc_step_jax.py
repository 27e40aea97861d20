"""The MSR-FC meta-step in JAX: jit, vmap over 32 tasks, unrolled inner steps, Adam; the step alone is timed.

Usage: fc_step_jax.py INNER_STEPS SAMPLES
Prints one JSON object a line: {"rank": 1, "median_ms": ..., "min_ms": ...}.
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

INNER_STEPS, SAMPLES = int(sys.argv[1]), int(sys.argv[2])
INPUTS, OUTPUTS, TASKS, QUERY = 70, 68, 32, 19
FILTER_PARAMS = {1: 3, 2: 6, 5: 30}


def predict(symmetry, filter_, x):
    return x @ (symmetry @ filter_).reshape(OUTPUTS, INPUTS).T


def mse(a, b):
    return jnp.mean((a - b) ** 2)


def task_loss(params, x_support, y_support, x_query, y_query):
    v = params["filter"]
    for _ in range(INNER_STEPS):
        gradient = jax.grad(lambda v: mse(predict(params["symmetry"], v, x_support), y_support))(v)
        v = v - params["rate"] * gradient
    return mse(predict(params["symmetry"], v, x_query), y_query)


def meta_loss(params, batch):
    return jnp.sum(jax.vmap(task_loss, (None, 0, 0, 0, 0))(params, *batch))


optimiser = optax.adam(1e-3)


@jax.jit
def step(params, state, batch):
    loss, gradient = jax.value_and_grad(meta_loss)(params, batch)
    updates, state = optimiser.update(gradient, state)
    return optax.apply_updates(params, updates), state, loss


for rank, k in FILTER_PARAMS.items():
    rng = np.random.default_rng(1)
    normal = lambda *shape, sd=1.0: jnp.array(rng.normal(0, sd, shape).astype(np.float32))
    params = {
        "symmetry": normal(OUTPUTS * INPUTS, k, sd=0.01),
        "filter": normal(k, sd=1 / OUTPUTS),
        "rate": jnp.array(0.1),
    }
    state = optimiser.init(params)
    batch = [normal(TASKS, n, d) for n in (1, QUERY) for d in (INPUTS, OUTPUTS)]
    for _ in range(20):
        params, state, loss = step(params, state, batch)
    loss.block_until_ready()
    times = []
    for _ in range(SAMPLES):
        start = time.perf_counter()
        params, state, loss = step(params, state, batch)
        loss.block_until_ready()
        times.append(time.perf_counter() - start)
    print(json.dumps({"rank": rank, "median_ms": float(np.median(times)) * 1e3, "min_ms": min(times) * 1e3}), flush=True)
