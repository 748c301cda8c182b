"""A project whose view `kinds` has a feature of every type, its rows, and who reads them back."""

import json
import pathlib
import random

import deltalake
import polars as pl
import pyarrow as pa
import yaml
from tests.offline import kinds
from tests.offline.driver import START, change_rows, write, write_ipc
from tests.offline.shop import forebay

DEFINITIONS = """\
sources:
  - name: events
    topic: transactions
    format: json
    key: [key_string]
    schema: {key_string: string, key_int64: int64, key_timestamp: timestamp_us, bool: bool, int64: int64,
             double: double, string: string, bytes: bytes, timestamp: timestamp_us,
             event_time: timestamp_us}
    event_time: event_time
    known_time: event_time
entities:
  - name: kind
    keys: {key_string: string, key_int64: int64, key_timestamp: timestamp}
feature_views:
  - name: kinds
    version: 1
    source: events
    entity: kind
    features:
"""
TABLE = pathlib.Path("warehouse", "offline", "kinds", "v1")
KEYS = ["key_string", "key_int64", "key_timestamp"]
FEATURES = [f"{name}_lifetime" for name in kinds.FEATURES]
# From one row of a table to the next: 48 to a day.
STEP = kinds.DAY // 48


def make_project(folder: pathlib.Path, settings: str = "") -> None:
    """`settings`: further lines of its forebay.yaml."""
    (folder / "features").mkdir(parents=True)
    config = "project: lake\nkafka: {bootstrap.servers: localhost:1}\n" + settings
    (folder / "forebay.yaml").write_text(config)
    lines = []
    for name in kinds.TYPES:
        for feature, value in [(name, f"last({name})"), (f"list_{name}", f"last_n({name}, 3)")]:
            lines.append(f'      - {{name: {feature}, value: "{value}", windows: [lifetime]}}\n')
    (folder / "features" / "lake.yaml").write_text(DEFINITIONS + "".join(lines))


def key_of(offset: int) -> dict:
    """Ten keys, each with rows on every date."""
    number = offset % 10
    return {
        "key_string": f"ключ {number}",
        "key_int64": number * 10**12,
        "key_timestamp": kinds.TIMES[number % len(kinds.TIMES)],
    }


def rows(first: int, count: int) -> pa.RecordBatch:
    """Those with the offsets from `first`: always the same."""
    columns = {name: [] for name in KEYS + kinds.FEATURES}
    ops = []
    for offset in range(first, first + count):
        rng = random.Random(offset)
        for name, value in key_of(offset).items():
            columns[name].append(value)
        for feature in kinds.FEATURES:
            columns[feature].append(kinds.value(rng, feature))
        ops.append(rng.choice(["event", "expire", "delete"]))
    types = {name: kinds.KEYS[name.removeprefix("key_")] for name in KEYS}
    types |= {name: kinds.column_type(name) for name in kinds.FEATURES}
    values = {
        name if name in KEYS else f"{name}_lifetime": pa.array(column, types[name])
        for name, column in columns.items()
    }
    times = [START + offset * STEP for offset in range(first, first + count)]
    made = change_rows(values, len(KEYS), times, times, ops)
    place = made.schema.get_field_index("_source_offset")
    offsets = pa.array(range(first, first + count), pa.int64())
    return made.set_column(place, made.schema.field(place), offsets)


def commit(folder: pathlib.Path, first: int, count: int) -> dict:
    """The driver's command that writes these rows."""
    last = first + count - 1
    ipc = write_ipc(folder / f"rows-{first}.arrow", rows(first, count))
    clock = START + last * STEP
    return {"position": last, "clock": clock, "view": 0, "ipc": ipc, "hash": True}


def write_rows(folder: pathlib.Path, first: int, count: int, commits: int = 1) -> None:
    """Flushes these rows in so many commits."""
    commands = []
    for i in range(commits):
        begin, end = first + count * i // commits, first + count * (i + 1) // commits
        commands += [commit(folder, begin, end - begin), {"flush": True}]
    write(folder, commands)


# ---- who reads ----

HASHED = "_key_hash"  # the driver's own: rows() does not know it


def uri(folder: pathlib.Path) -> str:
    """Of the table, wherever the warehouse is; who asks for one in a bucket is told by the environment."""
    settings = yaml.safe_load((folder / "forebay.yaml").read_text())
    return f"{settings.get('warehouse', folder / TABLE.parts[0])}/{TABLE.relative_to(TABLE.parts[0])}"


def by_delta_rs(folder: pathlib.Path, version: int | None = None) -> pa.Table:
    return deltalake.DeltaTable(uri(folder), version=version).to_pyarrow_table()


def by_polars(folder: pathlib.Path, version: int | None = None) -> pa.Table:
    return pl.scan_delta(uri(folder), version=version).collect().to_arrow()


def exact_rows(read: pa.Table | pa.RecordBatch, names: list[str] | None = None) -> list[tuple]:
    """In order of their offsets, bit by bit; `names`: these columns."""
    names = names or [name for name in rows(0, 1).schema.names if name != HASHED]
    found = read.select(names).sort_by("_source_offset")
    return list(zip(*(kinds.exact(found[name]) for name in names)))


def expected(count: int, gone: frozenset[int] = frozenset()) -> list[tuple]:
    """Of the first rows, those whose offsets are not in `gone`."""
    return [row for offset, row in enumerate(exact_rows(rows(0, count))) if offset not in gone]


def key_words(number: int) -> list[str]:
    """A key as commands take it."""
    key = key_of(number)
    time = pl.Series([key["key_timestamp"]]).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
    return [f"key_string={key['key_string']}", f"key_int64={key['key_int64']}", f"key_timestamp={time[0]}"]


def steps(folder: pathlib.Path, number: int, *arguments) -> list[dict]:
    """The history of a key, by forebay."""
    words = key_words(number)
    done = forebay(folder, "history", "kinds", *words, "--format", "json", *arguments)
    return [json.loads(line) for line in done.stdout.splitlines()]


def training_set_command(folder: pathlib.Path, count: int) -> list:
    """Which joins a label for each of the rows, at its time, into joined.parquet."""
    asked = rows(0, count)
    labels = pa.table({name: asked[name] for name in KEYS} | {"at": asked["_effective_time"]})
    pl.from_arrow(labels).write_parquet(folder / "labels.parquet")
    command = ["training-set", "--labels", folder / "labels.parquet", "--time", "at"]
    return [*command, "--features", "kinds.*", "--out", folder / "joined.parquet"]


def training_set(folder: pathlib.Path, count: int) -> list[tuple]:
    """Of a label for each of the rows, at its time, by forebay."""
    forebay(folder, *training_set_command(folder, count))
    joined = pl.read_parquet(folder / "joined.parquet").sort("at").to_arrow()
    return list(zip(*(kinds.exact(joined[f"kinds.{name}"]) for name in FEATURES)))


def expected_training_set(count: int, gone: frozenset[int] = frozenset()) -> list[tuple]:
    """Where a row is gone, so are all of its key before it."""
    served = rows(0, count)
    ops = served["_op"].to_pylist()
    deleted = [op == "delete" or offset in gone for offset, op in enumerate(ops)]
    columns = [
        [None if gone else one for one, gone in zip(kinds.exact(served[name]), deleted)]
        for name in FEATURES
    ]
    return list(zip(*columns))


def check(
    folder: pathlib.Path,
    count: int,
    readers=(by_delta_rs, by_polars),
    gone: frozenset[int] = frozenset(),
) -> None:
    """The table has the first `count` rows but for those that are gone, whoever reads it."""
    want = expected(count, gone)
    for read in readers:
        assert exact_rows(read(folder)) == want, read.__name__
    assert training_set(folder, count) == expected_training_set(count, gone)
    served = rows(0, count)
    for number in range(min(count, 3)):
        found = [(step["_op"], step["int64_lifetime"]) for step in steps(folder, number)]
        assert found == [
            (served["_op"][i].as_py(), served["int64_lifetime"][i].as_py())
            for i in range(number, count, 10)
            if i not in gone
        ]
