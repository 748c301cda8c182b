"""Rows of the driver's view `kinds`: every type that a key or a feature can have, at its edges."""

import datetime
import math
import pathlib
import random

import pyarrow as pa
from pyarrow import parquet
from tests.offline.driver import EPOCH, START, change_rows, join, write, write_ipc

VIEW = 3
TABLE = pathlib.Path("warehouse", "offline", "kinds", "v1")
TRAINING_SET = "training_set.parquet"
ROWS = 4000
DAY = 86_400_000_000
TIME = pa.timestamp("us", "UTC")

KEYS = {"bool": pa.bool_(), "int64": pa.int64(), "string": pa.string(), "timestamp": TIME}
TYPES = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
    "timestamp": TIME,
}
FEATURES = [form + name for name in TYPES for form in ("", "list_")]
INTEGERS = [0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 10**12]
DOUBLES = [0.0, -0.0, math.nan, math.inf, -math.inf, 0.1, 5e-324, 1.7976931348623157e308]
TEXTS = ["", "a", "Česko", "ключ", "emoji 🜲", "quote\"s and\nlines", "x" * 500]
BYTES = [b"", b"\x00", b"\xff\xfe not UTF-8", bytes(range(256))]
TIMES = [0, -1, 1, START, -11_676_096_000_000_123, 253_402_300_799_999_999, -62_135_596_800_000_000]


def column_type(feature: str) -> pa.DataType:
    scalar = TYPES[feature.removeprefix("list_")]
    if not feature.startswith("list_"):
        return scalar
    return pa.list_(pa.field("element", scalar, nullable=False))


def scalar(rng: random.Random, name: str):
    edge = rng.random() < 0.5
    if name == "bool":
        return rng.random() < 0.5
    if name == "int64":
        return rng.choice(INTEGERS) if edge else rng.randrange(-1000, 1000)
    if name == "double":
        return rng.choice(DOUBLES) if edge else rng.uniform(-1e6, 1e6)
    if name == "string":
        return rng.choice(TEXTS) if edge else f"text {rng.randrange(50)}"
    if name == "bytes":
        return rng.choice(BYTES) if edge else rng.randbytes(rng.randrange(20))
    return rng.choice(TIMES) if edge else START + rng.randrange(DAY)


def value(rng: random.Random, feature: str):
    if rng.random() < 0.2:
        return None
    if not feature.startswith("list_"):
        return scalar(rng, feature)
    return [scalar(rng, feature.removeprefix("list_")) for _ in range(rng.randrange(4))]


def rows() -> pa.RecordBatch:
    """Rows over three dates; every key has one row."""
    rng = random.Random(11)
    types = {f"key_{name}": type for name, type in KEYS.items()}
    columns = {name: [scalar(rng, name.removeprefix("key_")) for _ in range(ROWS)] for name in types}
    columns["key_int64"] = list(range(ROWS))
    for feature in FEATURES:
        columns[feature] = [value(rng, feature) for _ in range(ROWS)]
        types[feature] = column_type(feature)
    values = {name: pa.array(column, types[name]) for name, column in columns.items()}
    times = [START + i * 40_000_000 for i in range(ROWS)]
    ops = [rng.choice(["event", "expire", "delete"]) for _ in range(ROWS)]
    return change_rows(values, len(KEYS), times, times, ops)


def served() -> dict[str, list]:
    """What a training set holds at each row's time: a delete has the defaults, here nulls."""
    written = rows()
    deleted = [op == "delete" for op in written.column("_op").to_pylist()]
    return {
        name: [None if gone else one for one, gone in zip(written.column(name).to_pylist(), deleted)]
        for name in FEATURES
    }


def write_table(folder: pathlib.Path) -> None:
    """Twelve commits, so that there is a checkpoint, and three dates; with the hashes of the keys."""
    commands = []
    for first in range(0, ROWS, ROWS // 12 + 1):
        batch = rows().slice(first, ROWS // 12 + 1)
        ipc = write_ipc(folder / f"rows-{first}.arrow", batch)
        commit = {"position": first + len(batch) - 1, "clock": START, "view": VIEW, "ipc": ipc}
        commit["hash"] = True
        commands += [commit, {"flush": True}]
    write(folder, commands)


def write_training_set(folder: pathlib.Path) -> None:
    """A label for each row of the table, at its time, in nanoseconds as pandas writes it."""
    written = rows()
    keys = {name: written.column(name) for name in written.schema.names if name.startswith("key_")}
    times = written.column("_effective_time").cast(pa.timestamp("ns", "UTC"))
    labels = pa.table(keys | {"asked_at": times})
    parquet.write_table(labels, folder / "labels.parquet")
    join(folder, folder / "labels.parquet", "asked_at", "kinds.*", folder / TRAINING_SET)


def exact(column: pa.Array | pa.ChunkedArray | list) -> list:
    """Values in a form that is equal only where the bits are: NaN equals itself, -0.0 is not 0.0."""
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        column = column.to_pylist()
    return [exact_value(value) for value in column]


def exact_value(value):
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, list):
        return exact(value)
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    return value
