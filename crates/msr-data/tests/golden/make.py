"""Writes c8_basis_3x3.npz and d8_basis_3x3.npz into the folder given (by default this one), and prints the variances of generalised
He initialisation that the tests of msr-groups compare with. Needs `pip install e2cnn==0.2.3 torch "numpy<2"`."""

import pathlib
import sys

import numpy as np
import torch
from e2cnn import gspaces, nn

KERNEL = 3


def layer(space, fields):
    trivial = nn.FieldType(space, [space.trivial_repr])
    regular = nn.FieldType(space, fields * [space.regular_repr])
    return nn.R2Conv(trivial, regular, KERNEL, bias=False)


def basis(space, fields):
    """The expanded filters for each weight set to one in turn, (weights, channels, 1, k, k)."""
    conv = layer(space, fields)
    rows = []
    for i in range(conv.weights.numel()):
        with torch.no_grad():
            conv.weights.zero_()
            conv.weights[i] = 1.0
        rows.append(conv.expand_parameters()[0].detach().numpy())
    return np.stack(rows)


def variances(space):
    """copies / functions for each weight, as e2cnn.nn.init.generalized_he_init takes them for one input field and one position in
    each representation: (frequency, variance)."""
    info = list(layer(space, 1).basisexpansion.get_basis_info())
    count = {}
    for i in info:
        position = i["out_irreps_position"]
        count[position] = count.get(position, 0) + 1
    return [(abs(i["frequency"]), 1 / count[i["out_irreps_position"]]) for i in info]


folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
np.savez(folder / "c8_basis_3x3.npz", basis=basis(gspaces.Rot2dOnR2(8), 3))
np.savez(folder / "d8_basis_3x3.npz", basis=basis(gspaces.FlipRot2dOnR2(8), 1))
groups = {"C2": gspaces.Rot2dOnR2(2), "C3": gspaces.Rot2dOnR2(3), "C4": gspaces.Rot2dOnR2(4), "C8": gspaces.Rot2dOnR2(8)}
groups["D1"] = gspaces.Flip2dOnR2(axis=np.pi / 2)
groups.update({f"D{n}": gspaces.FlipRot2dOnR2(n) for n in (2, 3, 4, 8)})
for name, space in groups.items():
    print(name, " ".join(f"{frequency}:{variance:.4f}" for frequency, variance in sorted(variances(space))))
