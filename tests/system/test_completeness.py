"""Up to when a table is complete, what finishes it, and that rows that are gone are noticed."""

import datetime
import json
import pathlib
import random
import shutil
import time

import polars as pl
import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable

from tests.system import runs
from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.view_outcome import micros
from tests.system.worker import Worker

NAME = "complete"
START_MS = 1_704_103_200_000  # 2024-01-01T10:00:00Z
SECOND = 1_000_000
START = START_MS * 1_000
JUMP = 3_600 * SECOND
PARTITIONS = 2
KEYS = 300
FAILED = 1

DEFINITIONS = {
    "sources": [
        {
            "name": NAME,
            "topic": NAME,
            "key": ["k"],
            "schema": {"k": "string", "x": "double", "s": "string", "at": "timestamp_ms"},
            "event_time": "at",
            "known_time": "event_time",
        }
    ],
    "entities": [{"name": "thing", "keys": {"k": "string"}}],
    "feature_views": [
        {
            "name": "counts",
            "source": NAME,
            "entity": "thing",
            "features": [{"name": "n", "value": "count(*)", "windows": ["10s", "20s"]}],
        },
        {
            "name": "values",
            "source": NAME,
            "entity": "thing",
            "max_age": "40s",
            "features": [
                {"name": "total", "value": "sum(x)", "windows": ["10s", "1m", "2h"]},
                {"name": "newest", "value": "last(s)", "windows": ["15s", "lifetime"]},
            ],
        },
    ],
}
FEATURES = [
    *(f"counts.n_{window}" for window in ("10s", "20s")),
    *(f"values.total_{window}" for window in ("10s", "1m", "2h")),
    *(f"values.newest_{window}" for window in ("15s", "lifetime")),
]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


def produce(broker: Broker, events: list[tuple[str, int, int]]) -> None:
    """(key, partition, milliseconds after the start) each."""
    rng = random.Random(len(events))
    # Idempotent, as retries keep the order then.
    producer = Producer({"bootstrap.servers": broker.address, "enable.idempotence": True})
    for key, partition, after in events:
        event = {"k": key, "x": rng.uniform(-1, 1), "s": f"s{rng.randrange(9)}"}
        event["at"] = START_MS + after
        producer.produce(NAME, json.dumps(event), key, partition)
    assert producer.flush(30) == 0


def key_of(i: int) -> str:
    return f"k{i:03}"


@pytest.fixture(scope="module")
def stopped(broker, tmp_path_factory):
    """A project whose worker was stopped after its clocks had jumped over steps of 300 keys, and
    what its lookups answered before, by time and key. Not to be run again."""
    broker.create_topic(NAME, PARTITIONS)
    rng = random.Random(25)
    after = sorted(rng.randrange(9_000) for _ in range(2 * KEYS))
    events = [(key_of(i % KEYS), i % KEYS % PARTITIONS, after[i]) for i in range(2 * KEYS)]
    produce(broker, events + [(f"z{p}", p, JUMP // 1_000) for p in range(PARTITIONS)])
    project = Project(
        tmp_path_factory.mktemp("stopped"), NAME, DEFINITIONS, broker.address, **runs.INTERVALS
    )
    times = [START + rng.randrange(10 * SECOND, 60 * SECOND) for _ in range(12)]
    times += [START + s * SECOND for s in (21, 22, 3_599, 3_600, 7_000, 9_999)]
    answers = {}
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_applied_records_total", len(events) + PARTITIONS)
        due = wait_for_due_steps(worker)
        for at in times:
            entities = [{"k": key_of(i)} for i in range(KEYS)]
            answer = worker.batch_get(FEATURES, entities, at=at)
            for i in range(KEYS):
                answers[at, key_of(i)] = [column[i] for column in answer["values"]]
    return project, answers, due, worker.log.read_text()


def wait_for_due_steps(worker: Worker) -> float:
    """Once the clocks of all partitions have jumped."""
    name = "forebay_pending_expiries"
    deadline = time.monotonic() + 60
    while True:
        due = [value for label, value in worker.metrics().items() if label.startswith(name)]
        if len(due) == PARTITIONS and min(due) > 0:
            return sum(due)
        assert time.monotonic() < deadline, worker.log_tail()


def join(project: Project, labels: pl.DataFrame, *arguments) -> tuple[pl.DataFrame, str]:
    labels.write_parquet(project.folder / "labels.parquet")
    out = project.folder / "out.parquet"
    done = forebay(
        *("training-set", "--project", project.folder, "--time", "t", "--out", out),
        *("--labels", project.folder / "labels.parquet", "--features", ",".join(FEATURES)),
        *arguments,
    )
    assert done.returncode == 0, done.stderr
    return pl.read_parquet(out), done.stderr


def labels_of(pairs) -> pl.DataFrame:
    times, keys = zip(*pairs)
    return pl.DataFrame({"k": keys, "t": pl.Series(times, dtype=pl.Datetime("us", "UTC"))})


def last_written(project: Project) -> int:
    """The newest step of the keys in question: up to there, a lookup is no travel in time."""
    newest = START
    for view in ("counts", "values"):
        rows = pl.read_delta(project.table(view)).filter(pl.col("k").str.starts_with("k"))
        newest = max(newest, micros(rows["_effective_time"].max()))
    return newest


def test_the_table_says_that_it_is_complete_before_the_first_step_that_is_due(stopped):
    project, _, due, log = stopped
    for view in ("counts", "values"):
        rows = pl.read_delta(project.table(view)).filter(pl.col("k").str.starts_with("k"))
        written = rows.filter(pl.col("_op") != "event").group_by("_source_partition")
        [commit] = DeltaTable(project.table(view)).history(1)
        for partition, steps in written:
            before = commit["forebay"]["complete_before"][f"{NAME}-{partition[0]}"]
            newest = micros(steps["_effective_time"].max())
            if view == "counts":
                assert len(steps) == 64 and newest <= before <= START + 20 * SECOND
    # Two steps of each key in `counts`, and those of `values`.
    assert due > 2 * KEYS - 2 * 64
    said = [line for line in log.splitlines() if "due and not written" in line]
    views = [line.partition("[info] ")[2].partition(":")[0] for line in said]
    assert views == ["counts@1", "values@1"]
    assert sum(int(line.partition("@1: ")[2].partition(" ")[0]) for line in said) == due
    assert "complete before 2024-01-01T10:00:1" in said[0]


def test_exact_training_sets_are_what_lookups_answered(stopped):
    project, answers, _, _ = stopped
    written = last_written(project)
    labels = labels_of([pair for pair in answers if pair[0] >= written])
    assert len(labels) >= 10 * KEYS
    plain, warned = join(project, labels)
    assert "expiry steps that are due and not yet written" in warned and "--exact" in warned
    exact, warned = join(project, labels, "--exact")
    assert "are at or after 2024-01-01T11:00:00.000000Z, the clock of task complete-" in warned
    want = [answers[micros(t), k] for k, t in labels.rows()]
    assert exact.select(FEATURES).rows() == [tuple(row) for row in want]
    wrong = sum(a != tuple(b) for a, b in zip(plain.select(FEATURES).rows(), want))
    assert wrong > len(want) // 2, "the table alone does not say it"


def test_exact_training_sets_have_the_rows_of_the_table_before_a_keys_last_step(stopped):
    project, _, _, _ = stopped
    rows = pl.read_delta(project.table("counts")).sort("k", "_effective_time")
    steps = rows.with_columns(until=pl.col("_effective_time").shift(-1).over("k"))
    steps = steps.filter(pl.col("until").is_not_null())
    labels = steps.select("k", t=pl.col("until") - datetime.timedelta(microseconds=1))
    exact, _ = join(project, labels, "--exact")
    for column in ("n_10s", "n_20s"):
        assert exact[f"counts.{column}"].to_list() == steps[column].to_list()


def test_exact_needs_the_state_where_the_table_stands(stopped, tmp_path, broker):
    project, answers, _, _ = stopped
    labels = labels_of(list(answers)[:1])
    labels.write_parquet(tmp_path / "labels.parquet")

    def refuses(folder, *words):
        done = forebay(
            *("training-set", "--exact", "--project", folder, "--time", "t"),
            *("--labels", tmp_path / "labels.parquet", "--features", "counts"),
            *("--out", tmp_path / "out.parquet"),
        )
        assert done.returncode == FAILED, done.stderr
        for word in words:
            assert word in done.stderr, done.stderr
        assert not (tmp_path / "out.parquet").exists()

    copy = pathlib.Path(shutil.copytree(project.folder, tmp_path / "copy"))
    moved = Project(copy, NAME, DEFINITIONS, broker.address)
    shutil.rmtree(moved.state / f"{NAME}-1")
    refuses(copy, f"needs the state of counts@1 in task {NAME}-1, which is not in the project's")
    shutil.rmtree(moved.state)
    refuses(copy, f"{moved.state} is not a state folder")
    shutil.copytree(project.state, moved.state)
    [newest] = sorted(pathlib.Path(moved.table("counts"), "_delta_log").glob("*.json"))[-1:]
    newest.unlink()
    refuses(copy, "the state knows of a row of counts@1", "stop the worker with SIGTERM")


# ---- rows that are gone ----


def test_a_worker_does_not_go_on_behind_rows_that_are_gone(broker, tmp_path, stopped):
    """The newest commit of a table is gone, as after a restore; then the rest of the change log."""
    stopped_project, _, _, _ = stopped
    shutil.copytree(stopped_project.folder, tmp_path / "project")
    intervals = runs.INTERVALS | {"flush_interval": "1h"}
    project = Project(tmp_path / "project", NAME, DEFINITIONS, broker.address, **intervals)
    worker = Worker(project, log=tmp_path / "worker.log")
    commits = sorted(pathlib.Path(project.table("counts"), "_delta_log").glob("*.json"))
    kept = commits[-1].read_bytes()
    commits[-1].unlink()

    def refuses(*words):
        worker.spawn()
        assert worker.wait() == FAILED, worker.log_tail()
        for word in words:
            assert word in worker.log_tail(), worker.log_tail()

    said = ["rows of counts@1 are missing", project.table("counts"), "`forebay reset counts@1`"]
    refuses(*said)
    commits[-1].write_bytes(kept)
    worker.start()
    produce(broker, [("z0", 0, JUMP // 1_000 + 1)])
    worker.wait_for_metric("forebay_applied_records_total", 1)
    segment = wait_for_frames(project, f"{NAME}-0")
    worker.kill()
    # The rows are in the log alone, and the table before them lacks some.
    commits[-1].unlink()
    refuses(*said)
    commits[-1].write_bytes(kept)
    # The frames are cut off as if they had never been.
    whole = segment.read_bytes()
    segment.write_bytes(whole[:32])
    refuses(*said, "change_log hold")
    segment.write_bytes(whole)
    # A way out that keeps the state: the hole is taken on purpose.
    commits[-1].unlink()
    definitions = json.loads(json.dumps(DEFINITIONS))
    definitions["feature_views"][0]["history"] = "off"
    project.write_definitions(definitions)
    with worker:
        pass
    project.write_definitions(DEFINITIONS)
    with worker:
        assert worker.get(["values.newest_lifetime"], {"k": "z0"})


def wait_for_frames(project: Project, task: str) -> pathlib.Path:
    """The segment of the task's change log, once the state says that its rows are in it."""
    deadline = time.monotonic() + 60
    while True:
        done = forebay("dump", "positions", "-p", project.folder, "--task", task.replace("-", "/"))
        assert done.returncode == 0, done.stderr
        views = json.loads(done.stdout)["state"]["views"]
        logs = list((project.state / task / "change_log").glob("*.log"))
        if logs and min(view["last_row"] for view in views) > KEYS:
            return logs[0]
        assert time.monotonic() < deadline, done.stdout
