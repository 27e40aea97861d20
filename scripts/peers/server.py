"""The protocol between msr-bench and a meta-step in another framework, and the problem that it is given.

A server is started with the file of a problem, takes one step from the initial values, writes what it has then, and
says so with a line of JSON, {"losses": [...], "start_mib": ...}. For each line N that it reads it takes one step
untimed and N timed ones, and answers {"ms": [...], "peak_mib": ...}. It ends with its input.
"""

import argparse
import json
import os
import sys
import time

import numpy as np


def arguments(variants):
    """The command line: a variant, the file of the problem, the file for what one step made of it, sizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("variant", choices=variants)
    parser.add_argument("problem")
    parser.add_argument("updated")
    parser.add_argument("--inner-steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--dtype", choices=["f32", "f64"], required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where to compute; msr-bench makes one GPU visible")
    args = parser.parse_args()
    # Frameworks start as many threads as there are processors for them.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    return args


def adam_epsilon(args):
    """Adam's epsilon, as in msr-bench: in f64, where steps are compared, as large as gradients are."""
    return {"f32": 1e-8, "f64": 1e-2}[args.dtype]


class Problem:
    """Support and query sets, (tasks, examples, ...), and the outer parameters by name; numbers in `args.dtype`."""

    def __init__(self, args):
        dtype = {"f32": np.float32, "f64": np.float64}[args.dtype]
        cast = lambda array: array.astype(dtype) if array.dtype.kind == "f" else array
        arrays = {name: cast(array) for name, array in np.load(args.problem).items()}
        self.support = arrays.pop("support_x"), arrays.pop("support_y")
        self.query = arrays.pop("query_x"), arrays.pop("query_y")
        self.tasks = len(self.support[1])
        self.outer = arrays


def rate_of(name):
    """The name of the inner rate of an adapted parameter: one for each layer."""
    return "rate." + name.rsplit(".", 1)[0]


def adapted(outer):
    """The names of what the inner loop adapts, those with a rate."""
    return [name for name in outer if rate_of(name) in outer and ".symmetry" not in name]


def peak_mib():
    """The most memory that this process has had, where the system says it."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def serve(path, step, outer):
    """Takes steps as they are asked for; `step` returns the losses of all tasks, `outer` the parameters by name."""
    start = peak_mib()
    losses = [float(loss) for loss in step()]
    np.savez(path, **{name: np.asarray(value) for name, value in outer().items()})
    print(json.dumps({"losses": losses, "start_mib": start}), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line) + 1):
            begin = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - begin))
        print(json.dumps({"ms": times[1:], "peak_mib": peak_mib()}), flush=True)
