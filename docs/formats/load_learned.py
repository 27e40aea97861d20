"""Loads what msr learned, and gives the outputs of torch.nn.functional.linear and conv2d.

    python load_learned.py learned.safetensors                 # lists the layers and their weights
    python load_learned.py adapted.safetensors examples.safetensors

The second form compares the outputs for `x` in examples.safetensors, (tasks, examples, ...), with `y` there.
Needs numpy and safetensors; uses torch where it is installed. The format is described in learned.md.
"""

import json
import struct
import sys

import numpy as np
from safetensors.numpy import load_file


FUNCTIONS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "softplus": lambda z: np.logaddexp(z, 0)}


def load(path):
    """The header of a file, and its tensors by name."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        metadata = json.loads(file.read(length))["__metadata__"]
    return json.loads(metadata["msr.learned"]), load_file(path)


def layers(model):
    """The layers of a model, those of stacks one after the other."""
    if model["layer"] != "sequential":
        return [model]
    return [layer for inner in model["layers"] for layer in layers(inner)]


def named(layer, tensors, name):
    """A tensor of a layer, or None."""
    return tensors.get(f"{layer['name']}.{name}" if layer["name"] else name)


def weight(layer, tensors, per_task):
    """W of each task: (t, m, n), or (t, o, c, k, k) of a convolution. Adapted tensors have the tasks in front."""
    front = (lambda v: v) if per_task else (lambda v: v[None])
    kind, config = layer["layer"], layer["config"]
    if kind in ("linear", "conv2d"):
        return front(named(layer, tensors, "weight"))
    v = front(named(layer, tensors, "filter"))
    if kind == "reparam_linear":
        m, n = config["out_features"], config["in_features"]
        return (v @ named(layer, tensors, "symmetry").T).reshape(-1, m, n)  # vec(W) = U v, row by row
    if kind == "reparam_conv2d":
        conv = config["conv"]
        shape = (-1, conv["out_channels"], conv["in_channels"], conv["kernel"], conv["kernel"])
        if config["symmetry"] == "kronecker_factors":  # vec(W) = (A x B x C) vec(V)
            a, b, c = (named(layer, tensors, f"factor_{part}") for part in ("out", "in", "taps"))
            return np.einsum("ia,jb,sr,tabr->tijs", a, b, c, v).reshape(shape)
        return (v @ named(layer, tensors, "symmetry").T).reshape(shape)
    raise ValueError(f"this script knows no layer of kind {kind}")


def linear(x, w, bias):
    """torch.nn.functional.linear."""
    return x @ w.T + (0 if bias is None else bias)


def conv2d(x, w, bias, stride, padding):
    """torch.nn.functional.conv2d."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    y = np.einsum("bchwij,ocij->bohw", windows, w, optimize=True)
    return y if bias is None else y + bias[:, None, None]


def forward(model, tensors, per_task, x):
    """The outputs for x (tasks, examples, ...)."""
    try:
        import torch
        import torch.nn.functional as f
    except ImportError:
        torch = None
    for layer in layers(model):
        if layer["layer"] == "activation":
            x = FUNCTIONS[layer["function"]](x)
            continue
        w, bias = weight(layer, tensors, per_task), named(layer, tensors, "bias")
        if not per_task:  # initial values serve every task
            w = np.repeat(w, len(x), axis=0)
        outputs = []
        for task in range(len(x)):
            b = None if bias is None else (bias[task] if per_task else bias)
            is_conv, config = w.ndim == 5, layer["config"]
            conv = config.get("conv", config)
            if torch is not None:
                wt, bt = torch.tensor(w[task]), None if b is None else torch.tensor(b)
                xt = torch.tensor(x[task])
                y = f.conv2d(xt, wt, bt, conv["stride"], conv["padding"]) if is_conv else f.linear(xt, wt, bt)
                outputs.append(y.numpy())
            elif is_conv:
                outputs.append(conv2d(x[task], w[task], b, conv["stride"], conv["padding"]))
            else:
                outputs.append(linear(x[task], w[task], b))
        x = np.stack(outputs)
    return x


def main(path, examples=None):
    header, tensors = load(path)
    per_task = "tasks" in header
    print(f"version {header['version']}, {len(header['tasks'])} tasks" if per_task else f"version {header['version']}")
    for layer in layers(header["model"]):
        if layer["layer"] != "activation":
            print(f"{layer['layer']} `{layer['name']}`: W {weight(layer, tensors, per_task).shape}")
    if examples is not None:
        data = load_file(examples)
        y = forward(header["model"], tensors, per_task, data["x"])
        print(f"largest difference: {np.abs(y - data['y']).max():.3e}, largest output {np.abs(y).max():.3e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
