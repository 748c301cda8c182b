"""The digests that runs are held against: the reference against the oracle, and how rows are read."""

import json
import os
import pathlib
import subprocess
from types import SimpleNamespace

import polars as pl
import pytest

from bench import digest
from tests.oracle.model import Feature, Source, View, Window
from tests.oracle.oracle import Record, Task
from tests.system.project import ROOT

BUILD = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build")).resolve()
EVENTS = 3_000
PARTITIONS = 4
SOURCE = Source(
    name="transactions",
    topic="transactions",
    key=("user_id",),
    schema={
        "user_id": "string",
        "amount": "double",
        "country": "string",
        "event_time": "timestamp_ms",
    },
    event_time="event_time",
    known_time="event_time",
)
FOUR = tuple(Window.sawtooth(*window) for window in (("10m",), ("1h",), ("24h",), ("7d", "1d")))


def feature(name, aggregate, windows=FOUR, **more):
    return Feature(name, "", aggregate, lambda row: row["amount"], windows, **more)


VIEW = View(
    "user_activity",
    "user",
    ("user_id",),
    (
        feature("payments", "count"),
        feature("spend", "sum"),
        feature("smallest", "min"),
        feature("largest", "max"),
        feature("foreign", "count", FOUR[1:3], keep=lambda row: row["country"] != "US"),
    ),
)


def run(program, *arguments):
    command = [BUILD / "bench" / program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def reference(*options, method="rows"):
    return json.loads(run("reference_digest", "--method", method, *options))


def murmur2(key: bytes) -> int:
    """As Kafka's Java client has it."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    value = (0x9747B28C ^ len(key)) & mask
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        value = (value * multiplier & mask) ^ word
    if whole < len(key):
        value = (value ^ int.from_bytes(key[whole:], "little")) * multiplier & mask
    value = (value ^ value >> 13) * multiplier & mask
    return value ^ value >> 15


def row_of(answer):
    return dict(zip(VIEW.columns, answer.values))


def digest_of(rows):
    """Word for word as bench/README.md defines it."""

    def cents(value):
        return 0 if value is None else int(100 * value + 0.5)

    total = 0
    for row in rows:
        total += 11 * row["foreign_1h"] + 13 * row["foreign_24h"]
        for weight, window in enumerate(("10m", "1h", "24h", "7d_hop_1d"), 1):
            total += weight * (
                row[f"payments_{window}"]
                + 3 * cents(row[f"spend_{window}"])
                + 5 * cents(row[f"smallest_{window}"])
                + 7 * cents(row[f"largest_{window}"])
            )
    return total


@pytest.fixture(scope="module")
def tasks():
    """The oracle's, of the first events spread over three days."""
    printed = run("produce_transactions", "--print", "--events", EVENTS, "--in-three-days", EVENTS)
    tasks = [Task(SOURCE, [VIEW]) for _ in range(PARTITIONS)]
    offsets = [0] * PARTITIONS
    for line in printed.splitlines():
        event = json.loads(line)
        partition = (murmur2(event["user_id"].encode()) & 0x7FFFFFFF) % PARTITIONS
        record = Record(offsets[partition], event["event_time"] * 1000, line.encode())
        tasks[partition].apply(record)
        offsets[partition] += 1
    return tasks


@pytest.mark.parametrize("method", ["rows", "tiles"])
def test_the_reference_is_what_the_oracle_says(tasks, method):
    found = reference("--events", EVENTS, "--in-three-days", EVENTS, method=method)
    steps = [(task, step) for task in tasks for step in task.steps]
    rows, newest = {op: [] for op in ("event", "expire", "delete")}, {}
    for task, step in steps:
        answer = task.keys[step.view, step.key].at(step.effective_time)
        rows[step.op].append(answer)
        newest[step.key] = answer
    assert len(rows["delete"]) == rows["delete"].count(None), "a deleted key has no values"
    events, expiries = ([row_of(a) for a in rows[op]] for op in ("event", "expire"))
    histories = [(task, history) for task in tasks for history in task.keys.values()]
    answers = [history.at(max(task.clock, history.last)) for task, history in histories]
    live = [row_of(answer) for answer in newest.values() if answer is not None]
    assert found == {
        "events": EVENTS,
        "keys": len(histories),
        "event_rows": EVENTS,
        "expire_rows": len(expiries),
        "delete_rows": len(rows["delete"]),
        "event_digest": digest_of(events),
        "digest": digest_of(events + expiries),
        "newest_rows": len(live),
        "newest_digest": digest_of(live),
        "lookup_digest": digest_of([row_of(a) for a in answers if a is not None]),
    }
    assert expiries, "windows must expire for this to show anything"


def test_tiles_give_what_rows_give_when_rows_are_emitted_every_second():
    options = ["--events", 20_000, "--in-three-days", 200_000, "--emit-us", 1_000_000]
    rows, tiles = (reference(*options, method=method) for method in ("rows", "tiles"))
    every_step = reference(*options[:4], method="tiles")
    assert rows == tiles
    assert rows["event_rows"] < every_step["event_rows"]
    assert rows["lookup_digest"] == every_step["lookup_digest"]


@pytest.mark.parametrize(
    "in_three_days, expected", [(5_000_000, 47943135325885), (100_000, 30644199831118)]
)
def test_by_key_time_the_digest_is_that_of_other_engines(in_three_days, expected):
    """So the events are theirs, and so is the formula."""
    options = ["--events", 100_000, "--in-three-days", in_three_days, "--by-key-time"]
    assert reference(*options, method="tiles")["digest"] == expected


def test_rows_are_digested_as_defined():
    rows = [
        {
            column: i + j if column.startswith(("payments", "foreign")) else (i + j) * 1.01
            for j, column in enumerate(digest.COLUMNS)
        }
        for i in range(3)
    ]
    rows[1] |= {"spend_10m": None, "smallest_10m": None, "largest_10m": None, "payments_10m": 0}
    frame = pl.LazyFrame(rows).with_columns(_op=pl.Series(["event", "expire", "event"]))
    assert digest.of_rows(frame) == {
        "event_rows": 2,
        "expire_rows": 1,
        "delete_rows": 0,
        "event_digest": digest_of([rows[0], rows[2]]),
        "digest": digest_of(rows),
    }


def test_only_the_newest_record_of_a_key_counts_and_a_tombstone_leaves_nothing():
    def message(key, payments):
        row = dict.fromkeys(digest.COLUMNS, 0) | {"payments_10m": payments}
        value = None if payments is None else json.dumps(row).encode()
        return SimpleNamespace(key=lambda: key, value=lambda: value)

    def read_values(values):
        return pl.DataFrame([json.loads(value) for value in values])

    messages = [message(*record) for record in [("a", 1), ("b", 2), ("a", 4), ("b", None)]]
    assert digest.of_newest(messages, read_values) == {"newest_rows": 1, "newest_digest": 4}
