"""Parquet files as pandas and pyarrow write them: every compression, and every type that is read.

All hold the same rows: see README.md. `python make.py` writes them beside itself.
"""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROWS = 40

row = np.arange(ROWS)
task = np.where(row % 3 == 0, "first", "second")
x = {"x0": row * 0.25 - 3, "x1": row % 7 - 2}
y = row / 8
table = pa.table({"task": task, **x, "y": y})

for name in ["snappy", "gzip", "zstd", "brotli", "lz4", "none"]:
    pq.write_table(table, HERE / f"{name}.parquet", compression=name)
pq.write_table(
    table,
    HERE / "pages-v2.parquet",
    compression="zstd",
    data_page_version="2.0",
    row_group_size=16,
    data_page_size=64,
    write_page_checksum=True,
    use_dictionary=["task"],
    column_encoding={"x0": "BYTE_STREAM_SPLIT", "x1": "DELTA_BINARY_PACKED", "y": "PLAIN"},
)
pd.DataFrame({"task": pd.Categorical(task), **x, "y": y}).to_parquet(HERE / "pandas.parquet")

typed = pa.table(
    {
        "task": pa.array(row % 3 == 0).cast(pa.uint8()),
        "x_bool": pa.array(row % 2 == 0),
        "x_i8": pa.array((row - 20).astype(np.int8)),
        "x_u16": pa.array((65535 - row).astype(np.uint16)),
        "x_u32": pa.array((4294967295 - row).astype(np.uint32)),
        "x_u64": pa.array((row + 2**40).astype(np.uint64)),
        "x_f16": pa.array((row / 4).astype(np.float16)),
        "x_f32": pa.array((row / 4).astype(np.float32)),
        "x_d32": pa.array([Decimal(int(i)) / 100 - 1 for i in row], pa.decimal128(7, 2)),
        "x_d128": pa.array([Decimal(int(i)) / 1000 - 7 for i in row], pa.decimal128(30, 3)),
        "x_list": pa.array([[float(i), float(-i)] for i in row]),
        "y_fixed": pa.array([[int(i), 2, 3] for i in row], pa.list_(pa.int32(), 3)),
    }
)
pq.write_table(typed, HERE / "typed.parquet", compression="zstd", row_group_size=25)

# What is refused.
pq.write_table(
    pa.table({"task": task, "x0": pa.array(row).cast(pa.timestamp("ms")), "y": y}), HERE / "times.odd"
)
pq.write_table(
    pa.table({"task": task, "x0": pa.array([None if i == 21 else float(i) for i in row]), "y": y}),
    HERE / "null.odd",
)
pq.write_table(
    pa.table({"task": task, "x0": pa.array([[1.0] * (2 if i != 21 else 3) for i in row]), "y": y}),
    HERE / "ragged.odd",
)
pq.write_table(
    pa.table({"task": task, "x0": pa.array([[1.0] if i != 21 else [None] for i in row]), "y": y}),
    HERE / "null-in-a-list.odd",
)
