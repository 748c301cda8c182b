"""Writes offline tables through the real sink, and joins training sets, by way of `offline_driver`."""

import datetime
import json
import os
import pathlib
import subprocess

import pyarrow as pa

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build"))
DRIVER = BUILD / "tests" / "offline" / "offline_driver"
START = 1_700_000_000_000_000
HOUR = 3_600_000_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def run(*arguments, text: str = "") -> subprocess.CompletedProcess:
    assert DRIVER.exists(), f"{DRIVER} is missing: run ./dev build, or set FOREBAY_BUILD"
    return subprocess.run(
        [DRIVER, *map(str, arguments)], input=text, capture_output=True, text=True, check=False
    )


def write(folder: pathlib.Path, commands: list[dict]) -> None:
    done = run("write", folder, text="".join(json.dumps(command) + "\n" for command in commands))
    assert done.returncode == 0, done.stderr


def join(folder: pathlib.Path, labels, time_column: str, features: str, output, *unit) -> dict:
    done = run("join", folder, labels, time_column, features, output, *unit)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def at(micros: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=micros)


def row(offset: int, key: str, effective_time: int, **values) -> dict:
    return {"offset": offset, "key": key, "effective_time": effective_time, **values}


def small_table(folder: pathlib.Path) -> None:
    """Users a and b of spend, on two dates, and a visit of a."""
    rows = [
        row(0, "a", START, total=1.5, events=3, country="US"),
        row(1, "b", START + 10, total=2.5, events=4),
        row(2, "a", START + 20, op="delete", events=0),
        row(3, "a", START + 48 * HOUR, total=9.0, events=9),
    ]
    write(
        folder,
        [
            {"position": 3, "clock": START + 49 * HOUR, "rows": rows},
            {"position": 4, "clock": START + 49 * HOUR, "view": 1, "rows": [row(4, "a", START, events=7)]},
            {"flush": True},
        ],
    )


def change_rows(
    values: dict[str, pa.Array], keys: int, effective: list[int], event: list[int], ops: list[str]
) -> pa.RecordBatch:
    """Rows of a view, with offsets from 0: the columns of `values`, first `keys` of keys, and others."""
    rows = len(ops)
    time = pa.timestamp("us", "UTC")
    rest = {
        "_effective_time": pa.array(effective, time),
        "_event_time": pa.array(event, time),
        "_known_time": pa.array(effective, time),
        "_op": pa.array(ops, pa.string()),
        "_key_hash": pa.array(range(rows), pa.int64()),
        "_source_partition": pa.array([0] * rows, pa.int32()),
        "_source_offset": pa.array(range(rows), pa.int64()),
        "_ordinal": pa.array([0] * rows, pa.int32()),
        "_view_version": pa.array([1] * rows, pa.int32()),
    }
    columns = values | rest
    nullable = set(list(values)[keys:])
    schema = pa.schema(
        [pa.field(name, array.type, nullable=name in nullable) for name, array in columns.items()]
    )
    return pa.record_batch(list(columns.values()), schema=schema)


def write_ipc(path: pathlib.Path, rows: pa.RecordBatch) -> str:
    with pa.ipc.new_file(path, rows.schema) as file:
        file.write_batch(rows)
    return str(path)
