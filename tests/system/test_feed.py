"""Rows that were computed elsewhere, from files through their topic: `forebay feed` and views of kind batch."""

import datetime
import json
import os
import pathlib
import subprocess

import deltalake
import polars as pl
import pytest
from confluent_kafka import Consumer

from tests.system.broker import Broker
from tests.system.project import Project, forebay, forebay_binary
from tests.system.worker import Worker

DAY = datetime.timedelta(days=1)
FIRST = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
USERS = [f"u{i}" for i in range(50)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


def scores(day: int) -> pl.DataFrame:
    """A row for each user, all of one time; a few without a risk."""
    return pl.DataFrame(
        {
            "user_id": USERS,
            "at": [FIRST + day * DAY] * len(USERS),
            "risk": [None if (i + day) % 7 == 0 else i / 3 + day for i in range(len(USERS))],
            "band": [f"band {(i + day) % 4}" for i in range(len(USERS))],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC"), "risk": pl.Float64},
    )


def make_project(folder: pathlib.Path, broker: Broker, name: str) -> Project:
    source = {
        "name": "scores",
        "topic": f"{name}.scores",
        "key": ["user_id"],
        "schema": {
            "user_id": "string",
            "risk": "double",
            "band": "string",
            "at": "timestamp_us",
        },
        "event_time": "at",
        "archive": "on",
        "batch": {"path": "scores", "feed": "on", "partitions": 3},
    }
    view = {
        "name": "user_scores",
        "version": 1,
        "kind": "batch",
        "source": "scores",
        "entity": "user",
        "features": ["risk", "band", {"name": "risky", "value": "risk > 10", "default": False}],
    }
    definitions = {
        "sources": [source],
        "entities": [{"name": "user", "keys": {"user_id": "string"}}],
        "feature_views": [view],
    }
    return Project(folder, name, definitions, broker.address, flush_interval="200ms")


def add_day(project: Project, day: int) -> None:
    folder = project.folder / "scores"
    folder.mkdir(exist_ok=True)
    scores(day).write_parquet(folder / f"day {day}.parquet")


def feed(project: Project, code: int = 0) -> str:
    run = forebay("feed", "--project", project.folder)
    assert run.returncode == code, run.stderr
    return run.stdout if code == 0 else run.stderr


def expected(day: int) -> dict[str, tuple]:
    """Of the newest row, by user."""
    return {
        row["user_id"]: (row["risk"], row["band"], None if row["risk"] is None else row["risk"] > 10)
        for row in scores(day).iter_rows(named=True)
    }


FEATURES = ["user_scores.risk", "user_scores.band", "user_scores.risky"]


def looked_up(worker: Worker, at: datetime.datetime) -> dict[str, tuple]:
    entities = [{"user_id": user} for user in USERS]
    answer = worker.batch_get(FEATURES, entities, at=at.isoformat())
    return {user: tuple(column[i] for column in answer["values"]) for i, user in enumerate(USERS)}


def steps(project: Project) -> list[tuple]:
    rows = pl.from_arrow(deltalake.DeltaTable(project.table("user_scores")).to_pyarrow_table())
    return rows.sort("_effective_time", "user_id").select("user_id", "_event_time", "risk", "band").rows()


def newest_updates(broker: Broker, topic: str) -> dict[str, tuple]:
    settings = {"bootstrap.servers": broker.address, "group.id": "readers", "enable.partition.eof": True}
    consumer = Consumer(settings | {"auto.offset.reset": "earliest", "isolation.level": "read_committed"})
    consumer.subscribe([topic])
    newest, ended = {}, 0
    while ended < 3:
        message = consumer.poll(30)
        assert message is not None
        if message.error():
            ended += 1
            continue
        value = json.loads(message.value())
        newest[message.key().decode()] = (value["risk"], value["band"], value["risky"])
    consumer.close()
    return newest


def training_set(project: Project, at: datetime.datetime, mode: str = "served") -> dict[str, tuple]:
    labels = pl.DataFrame({"user_id": USERS, "ts": [at] * len(USERS)})
    labels.write_parquet(project.folder / "labels.parquet")
    out = project.folder / "set.parquet"
    run = forebay(
        "training-set", "--project", project.folder, "--labels", project.folder / "labels.parquet",
        "--time", "ts", "--features", "user_scores.*", "--mode", mode, "--out", out,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return {row[0]: row[2:] for row in pl.read_parquet(out).rows()}


def test_rows_of_files_are_looked_up_published_and_joined_as_any_others(tmp_path, broker):
    project = make_project(tmp_path, broker, "daily")
    add_day(project, 0)
    assert "50 rows sent into topic daily.scores, 0 were there already" in feed(project)
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_applied_records_total", 50)
        assert looked_up(worker, FIRST + DAY / 2) == expected(0)
        add_day(project, 1)
        assert "50 rows sent into topic daily.scores, 50 were there already" in feed(project)
        assert "0 rows sent into topic daily.scores, 100 were there already" in feed(project)
        worker.wait_for_metric("forebay_applied_records_total", 100)
        assert looked_up(worker, FIRST + 2 * DAY) == expected(1)
    assert newest_updates(broker, project.update_topic("user_scores")) == expected(1)
    rows = [row for day in (0, 1) for row in scores(day).sort("user_id").rows()]
    assert steps(project) == rows
    assert training_set(project, FIRST + DAY / 2) == expected(0)
    assert training_set(project, FIRST + 1.5 * DAY) == expected(1)
    assert training_set(project, FIRST + 1.5 * DAY, "event") == expected(1)
    (project.folder / "scores" / "day 0.parquet").unlink()
    assert training_set(project, FIRST + DAY / 2, "event") == expected(0), "the archive has all rows"
    path = project.folder / "features" / "features.yaml"
    path.write_text(path.read_text().replace('"archive": "on"', '"archive": "off"'))
    assert training_set(project, FIRST + 1.5 * DAY, "event") == expected(1)


@pytest.mark.parametrize("point", ["feed.commit", "feed.committed"])
def test_killed_while_it_feeds(tmp_path, broker, point):
    project = make_project(tmp_path, broker, "killed-" + point.replace(".", "-"))
    add_day(project, 0)
    add_day(project, 1)
    command = [forebay_binary(), "feed", "--project", project.folder]
    killed = subprocess.run(command, env=os.environ | {"FOREBAY_CRASH_AT": point}, timeout=60)
    assert killed.returncode == -9
    feed(project)
    Worker(project).run_until_idle()
    assert steps(project) == [row for day in (0, 1) for row in scores(day).sort("user_id").rows()]


def test_rows_that_come_late_are_refused_and_gone_ones_are_not_missed(tmp_path, broker):
    project = make_project(tmp_path, broker, "late")
    add_day(project, 1)
    feed(project)
    add_day(project, 0)
    said = feed(project, code=1)
    assert "more rows are known before 2026-01-02T00:00:00.000000Z" in said and "came late" in said
    for file in (project.folder / "scores").iterdir():
        file.unlink()
    add_day(project, 2)
    assert "50 rows sent into topic late.scores, 50 were there already" in feed(project)
    Worker(project).run_until_idle()
    assert steps(project) == [row for day in (1, 2) for row in scores(day).sort("user_id").rows()]


def test_what_cannot_be_fed_is_said(tmp_path, broker):
    project = make_project(tmp_path, broker, "wrong")
    run = forebay("feed", "orders", "--project", project.folder)
    assert run.returncode == 2
    assert "no source 'orders' has a batch with `feed: on`: the sources that have are scores" in run.stderr
    (project.folder / "scores").mkdir()
    scores(0).with_columns(risk=pl.lit(float("inf"))).write_parquet(project.folder / "scores" / "a.parquet")
    said = feed(project, code=2)
    assert "source scores, the row with the known time 2026-01-01T00:00:00.000000Z: column risk is infinite" in said
    run = forebay("backfill", "user_scores", "--project", project.folder)
    assert run.returncode == 2 and "`forebay feed`" in run.stderr
