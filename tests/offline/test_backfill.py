"""forebay backfill: features of events in files, as tables and training sets have them."""

import datetime
import os
import pathlib
import random
import signal
import subprocess

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.object_store.s3_server import S3Server
from tests.offline.driver import BUILD

DEFINITIONS = """\
sources:
  - name: orders
    key: [user_id]
    schema: {{user_id: string, shop: int64, amount: double, at: timestamp_ms}}
    event_time: at
    known_time: event_time
    batch: {{path: {path}, partitions: 3}}
entities:
  - {{name: user, keys: {{user_id: string}}}}
  - {{name: shop, keys: {{shop: int64}}}}
feature_views:
  - name: spend
    version: 1
    source: orders
    entity: user
    features: [{{name: total, value: sum(amount), windows: [1h, lifetime]}}]
  - name: visits
    version: 1
    source: orders
    entity: shop
    features: [{{name: visits, value: count(*), windows: [lifetime]}}]
"""
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def make_project(folder: pathlib.Path, path: str = "history") -> None:
    (folder / "features").mkdir(parents=True)
    (folder / "forebay.yaml").write_text("project: shop\nkafka: {bootstrap.servers: localhost:1}\n")
    (folder / "features" / "shop.yaml").write_text(DEFINITIONS.format(path=path))


def orders(count: int) -> pa.Table:
    """Whole amounts, so that sums are exact in any order; no two at the same time."""
    rng = random.Random(5)
    return pa.table(
        {
            "at": pa.array([START + datetime.timedelta(seconds=7 * i) for i in range(count)]),
            "amount": pa.array([float(rng.randrange(100)) for _ in range(count)]),
            "user_id": pa.array([f"u{rng.randrange(40)}" for _ in range(count)]),
            "shop": pa.array([rng.randrange(9) for _ in range(count)], pa.int32()),
            "note": pa.array(["not declared"] * count),
        }
    )


def write_files(folder: pathlib.Path, events: pa.Table, files: int = 4) -> None:
    """Parquet files that overlap in time."""
    folder.mkdir()
    for i in range(files):
        part = events.filter(pa.array([row % files == i for row in range(len(events))]))
        pq.write_table(part, folder / f"{i}.parquet", row_group_size=100)


def start(folder: pathlib.Path, *arguments: str) -> subprocess.Popen:
    command = [BUILD / "cli" / "forebay", "backfill", *arguments, "--project", folder]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def backfill(folder: pathlib.Path, *arguments: str, code: int = 0) -> str:
    run = start(folder, *arguments)
    said = run.communicate(timeout=120)[1]
    assert run.returncode == code, said
    return said


def table(folder: pathlib.Path, view: str) -> pl.DataFrame:
    path = folder / "warehouse" / "offline" / view / "v1"
    return pl.from_arrow(deltalake.DeltaTable(str(path)).to_pyarrow_table())


def steps(folder: pathlib.Path) -> pl.DataFrame:
    """Of the events, by user and time."""
    rows = table(folder, "spend").filter(pl.col("_op") == "event")
    return rows.select("user_id", "_event_time", "total_lifetime").sort(
        "user_id", "_event_time"
    )


def expected_steps(events: pa.Table) -> pl.DataFrame:
    running = pl.from_arrow(events).sort("user_id", "at")
    return running.select(
        "user_id",
        pl.col("at").alias("_event_time"),
        pl.col("amount").cum_sum().over("user_id").alias("total_lifetime"),
    )


@pytest.mark.parametrize("form", ["parquet", "csv", "delta"])
def test_a_table_has_the_steps_of_all_events_once(tmp_path: pathlib.Path, form: str) -> None:
    events = orders(2000)
    history = tmp_path / "history"
    if form == "parquet":
        write_files(history, events)
    elif form == "delta":
        for first in (0, 1000):
            deltalake.write_deltalake(str(history), events[first : first + 1000], mode="append")
    else:
        history.mkdir()
        milliseconds = events["at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
        pyarrow.csv.write_csv(events.set_column(0, "at", milliseconds), history / "all.csv")
    make_project(tmp_path)
    assert "2000 applied" in backfill(tmp_path)
    assert steps(tmp_path).equals(expected_steps(events))
    visits = table(tmp_path, "visits").group_by("shop").agg(pl.col("visits_lifetime").max())
    counts = pl.from_arrow(events).group_by(pl.col("shop").cast(pl.Int64)).len("visits_lifetime")
    assert visits.sort("shop").rows() == counts.sort("shop").rows()
    command = [BUILD / "cli" / "forebay", "verify", "--project", tmp_path]
    verified = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "online = table" in verified.stdout
    assert verified.stderr == "in sync: 49 keys of 2 views\n"


@pytest.mark.parametrize("columns", [["shop", "user_id"], ["amount"], ["at"]])
def test_columns_that_a_table_is_partitioned_by(tmp_path: pathlib.Path, columns: list[str]) -> None:
    frame = pl.from_arrow(orders(60)).with_columns(
        pl.col("user_id").str.replace("u1.*", "a b/ü=%25"),
        pl.when(pl.col("shop") < 8).then("shop"),
    )
    events = frame.to_arrow()
    deltalake.write_deltalake(str(tmp_path / "history"), events, partition_by=columns)
    make_project(tmp_path)
    assert "60 applied" in backfill(tmp_path)
    assert steps(tmp_path).equals(expected_steps(events))
    visits = table(tmp_path, "visits").group_by("shop").agg(pl.col("visits_lifetime").max())
    counts = frame.drop_nulls("shop").group_by(pl.col("shop").cast(pl.Int64)).len("visits_lifetime")
    assert visits.sort("shop").rows() == counts.sort("shop").rows()


def test_a_training_set_of_files_alone(tmp_path: pathlib.Path) -> None:
    events = orders(500)
    write_files(tmp_path / "history", events)
    make_project(tmp_path)
    backfill(tmp_path, "spend")
    pq.write_table(events.select(["user_id", "at"]), tmp_path / "labels.parquet")
    command = [BUILD / "cli" / "forebay", "training-set", "--project", tmp_path]
    command += ["--labels", tmp_path / "labels.parquet", "--time", "at", "--features", "spend.*"]
    command += ["--out", tmp_path / "out.parquet"]
    subprocess.run(command, check=True)
    joined = pl.read_parquet(tmp_path / "out.parquet").sort("user_id", "at")
    assert joined["spend.total_lifetime"].equals(
        expected_steps(events)["total_lifetime"], check_names=False
    )


def test_files_in_a_bucket(tmp_path: pathlib.Path, monkeypatch) -> None:
    events = orders(400)
    with S3Server() as server:
        server.make_bucket("data")
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)
        for i in range(2):
            where = f"s3://data/history/2026/{i}.parquet"
            part = pl.from_arrow(events).gather_every(2, i)
            part.write_parquet(where, storage_options=server.storage_options())
        make_project(tmp_path, path="s3://data/history")
        backfill(tmp_path)
    assert steps(tmp_path).equals(expected_steps(events))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_an_ended_run_is_gone_on_with(tmp_path: pathlib.Path, end: signal.Signals) -> None:
    events = orders(3000)
    write_files(tmp_path / "history", events)
    make_project(tmp_path)
    with (tmp_path / "forebay.yaml").open("a") as config:
        config.write("commit_interval: 10ms\nstate_interval: 20ms\n")
    run = start(tmp_path, "--rate", "2000")
    logs = tmp_path / "state"
    while run.poll() is None and not any(
        log.stat().st_size > 10_000 for log in logs.rglob("change_log/*") if log.exists()
    ):
        os.sched_yield()
    assert run.poll() is None
    run.send_signal(end)
    said = run.communicate(timeout=60)[1]
    again = backfill(tmp_path)
    if end == signal.SIGTERM:
        assert run.returncode == 0 and "goes on from here" in said
        assert "3000 applied" not in again
    assert steps(tmp_path).equals(expected_steps(events))
    before = table(tmp_path, "spend")
    backfill(tmp_path)
    assert len(table(tmp_path, "spend")) == len(before)


@pytest.mark.parametrize(
    "point", ["flush.files_written", "flush.committed:2", "flush.segments_deleted", "backfill.read"]
)
def test_killed_at_a_named_point(tmp_path: pathlib.Path, monkeypatch, point: str) -> None:
    events = orders(1000)
    write_files(tmp_path / "history", events)
    make_project(tmp_path)
    monkeypatch.setenv("FOREBAY_CRASH_AT", point)
    backfill(tmp_path, code=-signal.SIGKILL)
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    backfill(tmp_path)
    assert steps(tmp_path).equals(expected_steps(events))


def test_what_is_wrong_is_said_and_writes_nothing(tmp_path: pathlib.Path) -> None:
    events = orders(100)
    write_files(tmp_path / "history", events)
    make_project(tmp_path)
    assert "unknown feature view 'spent'" in backfill(tmp_path, "spent", code=2)
    renamed = events.rename_columns(["when", "amount", "user_id", "shop", "note"])
    pq.write_table(renamed, tmp_path / "history" / "9.parquet")
    said = backfill(tmp_path, code=2)
    assert "9.parquet: source orders needs column 'at', and there is none" in said
    assert not (tmp_path / "warehouse" / "offline").exists()


def test_files_that_changed_between_two_runs_are_refused(tmp_path: pathlib.Path) -> None:
    events = orders(100)
    write_files(tmp_path / "history", events)
    make_project(tmp_path)
    backfill(tmp_path)
    pq.write_table(events, tmp_path / "history" / "9.parquet")
    said = backfill(tmp_path, code=1)
    assert "orders.batch" in said and "forebay reset" in said
    assert len(steps(tmp_path)) == 100


def test_a_view_of_rows_has_the_newest_row_with_its_nulls(tmp_path: pathlib.Path) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "forebay.yaml").write_text("project: shop\nkafka: {bootstrap.servers: localhost:1}\n")
    (tmp_path / "features" / "shop.yaml").write_text(
        """\
sources:
  - name: scores
    key: [user_id]
    schema: {user_id: string, risk: double, band: string, at: timestamp_ms}
    event_time: at
    batch: {path: scores}
entities: [{name: user, keys: {user_id: string}}]
feature_views:
  - name: user_scores
    version: 1
    kind: batch
    source: scores
    entity: user
    where: user_id <> 'nobody'
    features: [risk, {name: label, value: upper(band), default: none}]
"""
    )
    rows = [("u1", 1.5, "a", 0), ("u1", None, "b", 2), ("nobody", 1.0, "c", 3), ("u1", 2.5, None, 4)]
    scores = pl.DataFrame(
        [(user, risk, band, START + datetime.timedelta(hours=hour)) for user, risk, band, hour in rows],
        schema=["user_id", "risk", "band", "at"],
        orient="row",
    )
    (tmp_path / "scores").mkdir()
    scores.write_parquet(tmp_path / "scores" / "all.parquet")
    backfill(tmp_path)
    hours = [-1, 0, 1, 2, 3, 4]
    labels = [{"user_id": "u1", "ts": START + datetime.timedelta(hours=hour)} for hour in hours]
    pl.DataFrame(labels).write_parquet(tmp_path / "labels.parquet")
    command = [BUILD / "cli" / "forebay", "training-set", "--project", tmp_path]
    command += ["--labels", tmp_path / "labels.parquet", "--time", "ts"]
    command += ["--features", "user_scores.*", "--out", tmp_path / "out.parquet"]
    subprocess.run(command, check=True)
    joined = pl.read_parquet(tmp_path / "out.parquet")
    assert joined["user_scores.risk"].to_list() == [None, 1.5, 1.5, None, None, 2.5]
    assert joined["user_scores.label"].to_list() == ["none", "A", "A", "B", "B", None]
