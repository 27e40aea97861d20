"""Checks what `msr export` writes in the tools that it is for.

    cargo build --release --bin msr
    python check.py --msr target/release/msr [--case NAME] [--keep FOLDER]

For groups without and with signs, square and rectangular, it writes a verdict.json as `msr discover --out` does,
has msr export it to every target, and compares each with the others:

- npz (numpy) is the reference: W = signs * v[labels] and vec(W) = U v are the same, commute with the generators, and
  number as many free parameters as a projection on the equivariant maps has rank, which is computed here;
- pytorch: the file tests itself, then its outputs for given parameters are compared with W x + b;
- onnx: the checker of onnx, then onnxruntime with given parameters in the initializers and batches of two sizes;
- escnn: the file tests itself with escnn and with emlp, where they are installed: the same space of weights;
- gap: the file, run by GAP, which checks the order and prints what the group is.

Outputs agree to 1e-6, in f32 for onnx and f64 elsewhere. A tool that is not installed is left out, and said to be.
emlp needs older packages than the others; --emlp-python names a Python that has it. The versions with which all
passed: Python 3.11, numpy 1.26, torch 2.15, onnx 1.23, onnxruntime 1.32, escnn 1.0.11 (it needs a Fortran compiler
to install), emlp 1.0.3 (with jax 0.4.20), GAP 4.12. Nothing here is needed to build or to test.
"""

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TARGETS = {"npz": "npz", "pytorch": "py", "onnx": "onnx", "escnn": "py", "gap": "g"}
TOLERANCE = 1e-6


def cycles(images):
    """Signed cycles of a list of (image, is_negative), as msr reads them."""
    seen, text = set(), ""
    for start in range(len(images)):
        cycle, x = [], start
        while x not in seen:
            seen.add(x)
            cycle.append(x)
            x = images[x][0]
        before = {images[x][0]: images[x][1] for x in cycle}
        if len(cycle) > 1 or (cycle and before[cycle[0]]):
            text += "(" + " ".join(("-" if before[x] else "") + str(x) for x in cycle) + ")"
    return text or "()"


def plain(images):
    return [(int(image), False) for image in images]


def grid(transform):
    """What a transform of a 4 x 4 grid does to its cells."""
    return plain(np.argsort(transform(np.arange(16).reshape(4, 4)).ravel()))


def vectors(cells, component):
    """Cells with two components each, (cell, component) at 2 cell + component."""
    return [(2 * to + component[c][0], component[c][1]) for to, _ in cells for c in range(2)]


def cases():
    """(name, order, outputs, inputs, [(on outputs, on inputs)], output shape, input shape, whether it is signed)"""
    ring = plain(np.roll(np.arange(6), -1))
    yield "C_6", 6, 6, 6, [(ring, ring)], (6,), (6,), False
    turn, flip = grid(np.rot90), grid(np.fliplr)
    yield "D_4", 8, 16, 16, [(turn, turn), (flip, flip)], (4, 4), (4, 4), False
    swap, round_ = plain([1, 0, 2, 3, 4]), plain([1, 2, 3, 4, 0])
    yield "S_5", 120, 5, 5, [(swap, swap), (round_, round_)], (5,), (5,), False
    # Ten pairs of five points to the points.
    pairs = [(a, b) for a in range(5) for b in range(a)]
    on_pairs = lambda g: plain([pairs.index((max(g[a][0], g[b][0]), min(g[a][0], g[b][0]))) for a, b in pairs])
    yield "S_5", 120, 5, 10, [(swap, on_pairs(swap)), (round_, on_pairs(round_))], (5,), (10,), False
    # Quarter turns and a flip of a field of vectors, which becomes a field of numbers: one sign at a time.
    quarter, mirror = {0: (1, False), 1: (0, True)}, {0: (0, True), 1: (1, False)}
    field = [(turn, vectors(turn, quarter)), (flip, vectors(flip, mirror))]
    yield "D_4", 8, 16, 32, field, (4, 4), (4, 4, 2), True
    # A turn of a single vector: (-1, -1) is its square.
    single = [(1, False), (0, True)]
    yield "C_2", 2, 2, 2, [(single, single)], (2,), (2,), True
    # All signs of three points: nothing but three multiples stays, and no bias.
    signs = [[(x, x == at) for x in range(3)] for at in range(3)]
    yield "C_2^3", 4, 3, 3, [(g, g) for g in signs], (3,), (3,), True
    # Complex irreducible parts of a group that escnn does not have: Z_7 with its multiplications by 1, 2, 4.
    shift, double = plain([(x + 1) % 7 for x in range(7)]), plain([2 * x % 7 for x in range(7)])
    yield "C_7 x| C_3", 21, 7, 7, [(shift, shift), (double, double)], (7,), (7,), False
    # Quaternions, of which escnn's part says what is not possible.
    i = [(1, False), (0, True), (3, False), (2, True)]
    j = [(2, False), (3, True), (0, True), (1, False)]
    yield "C_2 x C_2", 4, 4, 4, [(i, i), (j, j)], (4,), (4,), True
    # More elements than are listed.
    many = plain([1, 0, *range(2, 8)]), plain([*range(1, 8), 0])
    yield "S_8", 40320, 8, 8, [(g, g) for g in many], (2, 4), (8,), False


def verdict(case):
    name, order, m, n, generators, output_shape, input_shape, signed = case
    return {
        "format": 1, "verdict": "found", "said": name, "later": "is ignored",
        "symmetry": {
            "name": name, "order": str(order), "outputs": m, "inputs": n, "output_shape": output_shape,
            "input_shape": input_shape, "signed": signed, "free_parameters": rank(case), "confirmed_on": 50,
            "generators": [{"outputs": cycles(y), "inputs": cycles(x)} for y, x in generators],
            "asymmetry": {"value": 0.0, "lower": None, "upper": 0.01},
        },
    }


def matrix(images):
    p = np.zeros((len(images), len(images)))
    for x, (to, is_negative) in enumerate(images):
        p[to, x] = -1 if is_negative else 1
    return p


def rank(case):
    """The dimension of the W with P W = W Q for all generators."""
    m, n, generators = case[2], case[3], case[4]
    rows = [np.kron(matrix(y), matrix(x)) - np.eye(m * n) for y, x in generators]
    return m * n - np.linalg.matrix_rank(np.vstack(rows))


def close(got, expected, what):
    scale = max(1.0, np.abs(expected).max())
    apart = np.abs(got - expected).max() / scale
    assert apart < TOLERANCE, f"{what}: apart by {apart}"
    return f"{what} {apart:.0e}"


class Reference:
    """W and b from the arrays, checked against the generators."""

    def __init__(self, case, path):
        m, n, generators = case[2], case[3], case[4]
        arrays = np.load(path)
        random = np.random.default_rng(0)
        self.v = random.standard_normal(arrays["symmetry"].shape[1])
        self.w = arrays["signs"] * np.append(self.v, 0)[arrays["labels"]]
        assert np.allclose((arrays["symmetry"] @ self.v).reshape(m, n), self.w)
        # With signs nobody knows how a bias would be tied, so there is none.
        self.has_bias = "bias_symmetry" in arrays
        assert self.has_bias != case[7], "a bias for permutations, and none with signs"
        self.v_bias, self.b = np.zeros(0), np.zeros(m)
        if self.has_bias:
            self.v_bias = random.standard_normal(arrays["bias_symmetry"].shape[1])
            self.b = arrays["bias_symmetry"] @ self.v_bias
            assert np.allclose(arrays["bias_signs"] * np.append(self.v_bias, 0)[arrays["bias_labels"]], self.b)
        assert len(self.v) == rank(case), f"{len(self.v)} free parameters, not {rank(case)}"
        for y, x in generators:
            assert np.allclose(matrix(y) @ self.w, self.w @ matrix(x))
        # Biases are left alone by the generators that were written, of which signs may be turned.
        for images, signs in zip(arrays["output_images"], arrays["output_signs"]):
            moved = np.zeros(m)
            moved[images] = signs * self.b
            assert np.allclose(moved, self.b)
        assert (str(arrays["name"]), str(arrays["order"])) == (case[0], str(case[1]))
        assert tuple(arrays["input_shape"]) == case[6] and tuple(arrays["output_shape"]) == case[5]
        self.shapes = case[6], case[5]

    def examples(self, count):
        x = np.random.default_rng(count).standard_normal((count, self.w.shape[1]))
        y = x @ self.w.T + self.b
        return x.reshape(count, *self.shapes[0]), y.reshape(count, *self.shapes[1])


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def check_pytorch(path, reference):
    import torch

    run(sys.executable, path)
    spec = importlib.util.spec_from_file_location("tied", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    layer = module.TiedLinear(dtype=torch.float64)
    assert (layer.free_bias is not None) == reference.has_bias
    state = {"free": torch.tensor(reference.v)}
    if reference.has_bias:
        state["free_bias"] = torch.tensor(reference.v_bias)
    else:
        asked = module.TiedLinear(bias=True, dtype=torch.float64)
        assert asked.free_bias.shape == reference.b.shape, "a bias that is asked for is not tied"
    layer.load_state_dict(state)
    x, y = reference.examples(7)
    said = close(layer(torch.tensor(x)).detach().numpy(), y, "outputs")
    scripted = torch.compile(layer, backend="eager")
    close(scripted(torch.tensor(x)).detach().numpy(), y, "compiled")
    rows = layer.fan_in.rsqrt()
    nonzero = (np.abs(reference.w) > 0).sum(1)
    drawn = (torch.nn.functional.pad(rows, (1, 0))[layer.index] * layer.sign).square().sum(1).numpy()
    assert np.allclose(drawn[nonzero > 0], 1), "outputs have variance one"
    return said


def check_onnx(path, reference):
    import onnx
    import onnxruntime

    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["x"]
    given = {"free": reference.v.astype(np.float32)}
    if len(reference.v_bias):
        given["free_bias"] = reference.v_bias.astype(np.float32)
    # What was learned is written into the initializers.
    learned = onnx.load(path)
    for tensor in learned.graph.initializer:
        if tensor.name in given:
            tensor.CopyFrom(onnx.numpy_helper.from_array(given.pop(tensor.name), tensor.name))
    assert not given, f"no initializers: {list(given)}"
    session = lambda model: onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    first, session = session(model), session(learned)
    said = []
    for count in [1, 9]:
        x, y = reference.examples(count)
        got = session.run(None, {"x": x.astype(np.float32)})[0]
        assert got.shape == y.shape
        said.append(close(got, y, f"batch of {count}"))
        # With the initial values, too.
        assert np.isfinite(first.run(None, {"x": x.astype(np.float32)})[0]).all()
    return ", ".join(said)


def check_escnn(path, pythons):
    lines = [line for python in pythons for line in run(python, path).splitlines()]
    tested = [line for line in lines if "not tested" not in line]
    missing = [tool for tool in ["escnn", "emlp"] if not any(line.startswith(tool) for line in tested)]
    return "; ".join(tested + [f"{tool} is not installed" for tool in missing])


def check_gap(path):
    if not shutil.which("gap"):
        return "GAP is not installed"
    # GAP ends with 0 after an error, too.
    command = ["gap", "-q", "--nointeract", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Error" not in said, said
    return done.stdout.strip().replace("\n", ", ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--msr", required=True, help="the program")
    parser.add_argument("--case", help="only cases whose name has this in it")
    parser.add_argument("--keep", help="a folder for the files; without it they are removed")
    parser.add_argument("--escnn-python", default=sys.executable, help="a Python with escnn")
    parser.add_argument("--emlp-python", default=sys.executable, help="a Python with emlp")
    args = parser.parse_args()
    checked = 0
    with tempfile.TemporaryDirectory() as temporary:
        for number, case in enumerate(cases()):
            name = f"{case[0]}, {case[2]} x {case[3]}{', signed' if case[7] else ''}"
            if args.case and args.case not in name:
                continue
            folder = Path(args.keep or temporary) / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "verdict.json").write_text(json.dumps(verdict(case), default=int))
            paths = {}
            for target, ending in TARGETS.items():
                paths[target] = folder / f"tied_{target}.{ending}"
                run(args.msr, "export", folder, "--to", target, "--out", paths[target], "--force")
            reference = Reference(case, paths["npz"])
            print(f"{name}: {len(reference.v)} free parameters of W, {len(reference.v_bias)} of b")
            for target, check in [("pytorch", check_pytorch), ("onnx", check_onnx)]:
                needed = {"pytorch": "torch", "onnx": "onnxruntime"}[target]
                there = importlib.util.find_spec(needed) is not None
                print(f"  {target}: {check(paths[target], reference) if there else needed + ' is not installed'}")
            pythons = dict.fromkeys([args.escnn_python, args.emlp_python])
            print(f"  escnn: {check_escnn(paths['escnn'], pythons)}")
            print(f"  gap: {check_gap(paths['gap'])}", flush=True)
            checked += 1
    print(f"{checked} cases passed")
    return 0 if checked else 1


if __name__ == "__main__":
    sys.exit(main())
