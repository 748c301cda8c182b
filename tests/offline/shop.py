"""A project with tables that the driver writes, for tests of the commands that read them."""

import json
import pathlib
import random
import subprocess

import pyarrow as pa
from tests.offline.driver import BUILD, HOUR, START, change_rows, write, write_ipc

DEFINITIONS = """\
sources:
  - name: orders
    topic: orders
    format: json
    key: [user_id]
    schema: {user_id: string, shop: int64, amount: double, country: string, event_time: timestamp_ms}
    event_time: event_time
    known_time: event_time
entities:
  - {name: user, keys: {user_id: string}}
  - {name: visit, keys: {user_id: string, shop: int64}}
feature_views:
  - name: spend
    version: 1
    source: orders
    entity: user
    features:
      - {name: total, value: sum(amount), windows: [1h]}
      - {name: orders, value: count(*), windows: [1h]}
      - {name: country, value: last(country), windows: [1h]}
  - name: visits
    version: 1
    source: orders
    entity: visit
    features:
      - {name: orders, value: count(*), windows: [1h]}
"""
SPEND, VISITS = 0, 1
DAY = 24 * HOUR


def make_project(folder: pathlib.Path) -> None:
    (folder / "features").mkdir(parents=True)
    (folder / "forebay.yaml").write_text("project: shop\nkafka: {bootstrap.servers: localhost:1}\n")
    (folder / "features" / "shop.yaml").write_text(DEFINITIONS)


def make_state(folder: pathlib.Path) -> None:
    """Makes the driver's state folder one of this project."""
    identity = {"product": "forebay", "format_version": 1, "project": "shop", "uuid": "1"}
    (folder / "state").mkdir(exist_ok=True)
    (folder / "state" / "FORMAT").write_text(json.dumps(identity))


def forebay(folder: pathlib.Path, *arguments, code: int = 0) -> subprocess.CompletedProcess:
    command = [BUILD / "cli" / "forebay", *map(str, arguments), "--project", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def spend_rows(rng: random.Random, first: int, count: int, keys: int, start: int) -> pa.RecordBatch:
    """Rows of spend with offsets from `first`, each a minute or so after the one before."""
    users = [f"u{rng.randrange(keys)}" for _ in range(count)]
    times = [start + i * 60_000_000 + rng.randrange(60_000_000) for i in range(count)]
    values = {
        "user_id": pa.array(users),
        "total_1h": pa.array([None if rng.random() < 0.1 else rng.random() for _ in users]),
        "orders_1h": pa.array([rng.randrange(9) for _ in users], pa.int64()),
        "country_1h": pa.array([rng.choice([None, "US", "CZ, \"x\""]) for _ in users], pa.string()),
    }
    rows = change_rows(values, 1, times, times, [rng.choice(["event", "expire"]) for _ in users])
    offsets = pa.array(range(first, first + count), pa.int64())
    column = rows.schema.get_field_index("_source_offset")
    return rows.set_column(column, rows.schema.field(column), offsets)


def commit(folder: pathlib.Path, rows: pa.RecordBatch, view: int = SPEND, task: int = 0) -> dict:
    """The driver's command that writes these rows."""
    last = rows.column("_source_offset")[-1].as_py()
    ipc = write_ipc(folder / f"rows-{view}-{task}-{last}.arrow", rows)
    clock = rows.column("_effective_time").cast(pa.int64())[-1].as_py()
    return {
        "position": last, "clock": clock, "view": view, "task": task, "ipc": ipc, "hash": True,
    }


def write_spend(folder: pathlib.Path, commits: int = 6, rows: int = 600, keys: int = 20) -> list:
    """A table of `commits` flushes over several days; all rows, batch by batch."""
    rng = random.Random(3)
    batches, commands = [], []
    for i in range(commits):
        batches.append(spend_rows(rng, i * rows, rows, keys, START + i * DAY // 2))
        commands += [commit(folder, batches[-1]), {"flush": True}]
    write(folder, commands)
    return batches
