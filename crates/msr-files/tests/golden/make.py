"""Makes the files beside it with numpy: every type of number in every order, and what is none.

    python3 make.py

Each array of `types.npz` and `compressed.npz` holds 0, 1, …, 23 (booleans: whether these are odd)
in the shape (2, 3, 4); its name says type and order.
"""

import io
import zipfile
from pathlib import Path

import numpy as np

here = Path(__file__).parent
numbers = np.arange(24).reshape(2, 3, 4)
types = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
arrays = {}
for kind in types:
    for name, order in [("little", "<"), ("big", ">")]:
        plain = (numbers % 2 if kind == "b1" else numbers).astype(order + kind)
        arrays[f"{kind}_{name}_c"] = plain
        arrays[f"{kind}_{name}_fortran"] = np.asfortranarray(plain)
np.savez(here / "types.npz", **arrays)
np.savez_compressed(here / "compressed.npz", **arrays)

for version in [(1, 0), (2, 0), (3, 0)]:
    with open(here / f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, numbers.astype("<f4"), version=version)

others = {
    "records": np.zeros(3, dtype=[("a", "<f4"), ("b", "<i4")]),
    "texts": np.array(["one", "two"]),
    "complex": np.zeros(2, dtype="<c8"),
    "times": np.zeros(2, dtype="<M8[ns]"),
    "objects": np.array([{}, None]),
}
np.savez(here / "others.npz", fine=numbers, **others)

for name, method in [("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)]:
    member = io.BytesIO()
    np.save(member, numbers.astype("<f4"))
    with zipfile.ZipFile(here / f"{name}.npz", "w", method) as archive:
        archive.writestr("x.npy", member.getvalue())
        archive.writestr(zipfile.ZipInfo("y.npy"), member.getvalue(), zipfile.ZIP_STORED)
