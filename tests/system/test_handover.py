"""Files in front of a topic: `forebay backfill`, and then a worker that goes on with the topic."""

import datetime
import json
import pathlib
import random
import shutil
import subprocess
import sys

import deltalake
import polars as pl
import pytest
from confluent_kafka import Producer, TopicPartition

from tests.system.broker import Broker
from tests.system.project import ROOT, Project, forebay
from tests.system.test_verify import Answer
from tests.system.topics import read_topic
from tests.system.worker import Worker, WorkerError

EVENTS, EARLY = 600, 3
AT_ONCE = 8  # events of one time
FIRST_IN_TOPIC = 200  # the topic has some that the files have, too
# By what `until` is, where they end: offsets divide the events of one time.
UNTIL = {"time": 296, "offsets": 300}
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


VIEWS = [("spend", "user"), ("sales", "shop")]


@pytest.fixture(params=UNTIL)
def until(request) -> str:
    return request.param


def orders() -> pl.DataFrame:
    rng = random.Random(7)
    step = datetime.timedelta(seconds=488)
    users, shops = ["early"] * EARLY, [99] * EARLY  # known to the files alone
    rest = EVENTS - EARLY
    return pl.DataFrame(
        {
            "number": range(EVENTS),
            "at": [START + i // AT_ONCE * step for i in range(EVENTS)],
            "user_id": users + [f"u{rng.randrange(25)}" for _ in range(rest)],
            "shop": shops + [rng.randrange(8) for _ in range(rest)],
            "amount": [float(rng.randrange(100)) for _ in range(EVENTS)],
        }
    )


def milliseconds(at: datetime.datetime) -> int:
    return int(at.timestamp() * 1000)


def produce(address: str, topic: str, events: pl.DataFrame, partitioner: str = "murmur2") -> None:
    producer = Producer({"bootstrap.servers": address, "partitioner": partitioner})
    for event in events.iter_rows(named=True):
        at = milliseconds(event["at"])
        value = json.dumps(event | {"at": at})
        producer.produce(topic, value, event["user_id"], timestamp=at)
    assert producer.flush(60) == 0


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        for topic in ("orders", "others", "kept"):
            one.create_topic(topic, partitions=3)
        events = orders()[FIRST_IN_TOPIC:]
        produce(one.address, "orders", events)
        produce(one.address, "kept", events)
        gone = [TopicPartition("kept", partition, 90) for partition in range(3)]
        admin = one.admin()
        for deleted in admin.delete_records(gone).values():
            deleted.result(30)
        produce(one.address, "others", events, partitioner="consistent")
        yield one


def view(name: str, entity: str, version: int = 1) -> dict:
    features = [
        {"name": "total", "value": "sum(amount)", "windows": ["1h", "lifetime"]},
        {"name": "n", "value": "count(*)", "windows": ["lifetime"]},
    ]
    return {
        "name": name,
        "version": version,
        "source": "orders",
        "entity": entity,
        "features": features,
    }


def offsets_of(broker: Broker, topic: str, number: int) -> list[int]:
    """By partition, the first record of an event of that number or a later one."""
    offsets: dict[int, int] = {}
    for message in read_topic(broker.address, topic):
        if json.loads(message.value())["number"] >= number:
            offsets.setdefault(message.partition(), message.offset())
    return [offsets[partition] for partition in sorted(offsets)]


def make_project(
    folder: pathlib.Path, broker: Broker, name: str, until: str = "time", topic: str = "orders"
) -> Project:
    history = folder / "history"
    history.mkdir()
    events = orders()
    if until == "time":
        end, in_files = events["at"][UNTIL[until]].isoformat(), events
    else:
        end, in_files = offsets_of(broker, "orders", UNTIL[until]), events[: UNTIL[until]]
    for i in range(3):  # overlapping in time
        in_files.gather_every(3, i).write_parquet(history / f"{i}.parquet")
    source = {
        "name": "orders",
        "topic": topic,
        "key": ["user_id"],
        "schema": {"user_id": "string", "shop": "int64", "amount": "double", "at": "timestamp_ms"},
        "event_time": "at",
        "batch": {"path": "history", "until": end},
    }
    definitions = {
        "sources": [source],
        "entities": [
            {"name": "user", "keys": {"user_id": "string"}},
            {"name": "shop", "keys": {"shop": "int64"}},
        ],
        "feature_views": [view(name, entity) for name, entity in VIEWS],
    }
    return Project(folder, name, definitions, broker.address)


def check(project: Project, name: str, key: str, version: int = 1) -> None:
    """Each event made one step, and the last of a time has what all events up to then say."""
    path = project.table(name, version)
    rows = pl.from_arrow(deltalake.DeltaTable(path).to_pyarrow_table())
    steps = rows.filter(pl.col("_op") == "event").sort("_effective_time")
    expected = orders().select(
        key,
        pl.col("at").alias("_event_time"),
        pl.col("amount").cum_sum().over(key).alias("total_lifetime"),
        pl.int_range(1, pl.len() + 1).over(key).alias("n_lifetime"),
    )
    assert len(steps) == len(expected)
    last_of_times = [
        one.group_by(key, "_event_time", maintain_order=True).last().sort(key, "_event_time")
        for one in (steps.select(expected.columns), expected)
    ]
    assert last_of_times[0].rows() == last_of_times[1].rows()


def backfill(project: Project, *arguments: str) -> None:
    done = forebay("backfill", *arguments, "--project", project.folder)
    assert done.returncode == 0, done.stderr


def training_set(project: Project, at: datetime.datetime) -> str:
    """What is said of labels at that time."""
    labels = project.folder / "labels.parquet"
    pl.DataFrame({"user_id": ["u1"], "at": [at]}).write_parquet(labels)
    arguments = ["--labels", labels, "--time", "at", "--features", "spend.*"]
    arguments += ["--out", project.folder / "set.parquet", "--project", project.folder]
    done = forebay("training-set", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_worker_goes_on_where_the_files_end(broker, tmp_path, until):
    project = make_project(tmp_path, broker, f"handover-{until}", until)
    with pytest.raises(WorkerError, match="run `forebay backfill (spend|sales)` first"):
        Worker(project).run_until_idle()
    backfill(project)
    Worker(project).run_until_idle()
    check(project, "spend", "user_id")
    check(project, "sales", "shop")
    assert "rows may still come" not in training_set(project, orders()["at"][EVENTS - 100])
    totals = dict(orders().group_by("user_id").agg(pl.col("amount").sum()).rows())
    with Worker(project) as worker:
        feature = "spend.total_lifetime"
        answers = {
            user: worker.get([feature], {"user_id": user})[feature]["value"] for user in totals
        }
    assert answers == totals


def newest_updates(broker: Broker, project: Project, name: str) -> dict[str, dict]:
    """By key; each in the partition that it says."""
    newest = {}
    for message in read_topic(broker.address, project.update_topic(name)):
        key = message.key().decode()
        newest[key] = json.loads(message.value()) if message.value() is not None else None
        assert newest[key] is None or newest[key]["_source_partition"] == message.partition()
    return {key: value for key, value in newest.items() if value is not None}


def check_updates(broker: Broker, project: Project, name: str, key: str) -> None:
    """The newest update of each key says what its newest row says."""
    updates = newest_updates(broker, project, name)
    table = pl.from_arrow(deltalake.DeltaTable(project.table(name)).to_pyarrow_table())
    newest = table.sort("_effective_time").group_by(key).last()
    columns = [column for column in newest.columns if column != "date"]
    rows = {str(row[key]): row for row in newest.select(columns).iter_rows(named=True)}
    assert updates.keys() == rows.keys()
    for which, row in rows.items():
        for column, value in row.items():
            said = updates[which][column]
            if isinstance(value, datetime.datetime):
                said = datetime.datetime.fromisoformat(said)
            assert said == value, (which, column)


def test_update_topics_have_what_files_know(broker, tmp_path, until):
    project = make_project(tmp_path, broker, f"known-{until}", until)
    backfill(project)
    assert "early" in newest_updates(broker, project, "spend")
    check_updates(broker, project, "spend", "user_id")
    check_updates(broker, project, "sales", "shop")
    Worker(project).run_until_idle()
    check_updates(broker, project, "spend", "user_id")
    check_updates(broker, project, "sales", "shop")
    answer = Answer(project).assert_in_sync()
    assert answer.total("equal", "spend@1") == orders()["user_id"].n_unique()
    assert answer.total("equal", "sales@1") == orders()["shop"].n_unique()
    records = len(read_topic(broker.address, project.update_topic("spend")))
    backfill(project)
    assert len(read_topic(broker.address, project.update_topic("spend"))) == records


def test_killed_while_tasks_publish_what_files_know(broker, tmp_path, monkeypatch):
    project = make_project(tmp_path, broker, "half-known")
    path = project.folder / "features" / "features.yaml"
    definitions = json.loads(path.read_text())
    definitions["feature_views"][1]["updates"] = {"format": "protobuf"}
    project.write_definitions(definitions)
    work = tmp_path / "work"
    monkeypatch.setenv("FOREBAY_CRASH_AT", "backfill.newest_published:2")
    command = ["backfill", "--work", work, "--tasks", 2, "--project", project.folder]
    assert forebay(*command).returncode != 0
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    with pytest.raises(WorkerError, match="run `forebay backfill (spend|sales)` first"):
        Worker(project).run_until_idle()
    backfill(project, "--finish", work)
    check_updates(broker, project, "spend", "user_id")
    Worker(project).run_until_idle()
    answer = Answer(project).assert_in_sync()
    assert answer.total("equal", "sales@1") == orders()["shop"].n_unique()


def event_set(project: Project, *arguments: str) -> tuple[str, pl.DataFrame]:
    """What is said of a label right after the events of each time, and its set."""
    labels, out = project.folder / "labels.parquet", project.folder / "set.parquet"
    after = pl.col("at") + datetime.timedelta(seconds=1)
    orders().select("user_id", "shop", after).write_parquet(labels)
    command = ["--labels", labels, "--time", "at", "--features", "spend,sales", "--mode", "event"]
    command += ["--out", out, "--project", project.folder, *arguments]
    done = forebay("training-set", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr, pl.read_parquet(out)


def test_a_training_set_of_files_and_archive_has_each_event_once(broker, tmp_path, until):
    project = make_project(tmp_path, broker, f"archived-{until}", until)
    path = project.folder / "features" / "features.yaml"
    definitions = json.loads(path.read_text())
    definitions["sources"][0]["archive"] = "on"
    project.write_definitions(definitions)
    backfill(project)
    Worker(project).run_until_idle()
    said, out = event_set(project, "--leakage")
    assert "0 of 6 features differ" in said
    for name, key in (("spend", "user_id"), ("sales", "shop")):
        totals = orders().select(key, "at", total=pl.col("amount").cum_sum().over(key))
        total = totals.select(pl.col("total").last().over(key, "at")).to_series()
        assert out[f"{name}.total_lifetime"].equals(total, check_names=False)

    definitions["sources"][0]["archive"] = "off"
    project.write_definitions(definitions)
    said, of_files = event_set(project)
    assert "are in its topic alone, and were not read: add `archive: on`" in said
    whole = UNTIL[until] // AT_ONCE * AT_ONCE
    assert of_files[:whole].equals(out[:whole]) and not of_files.equals(out)


def test_a_new_version_is_backfilled_beside_one_that_has_gone_on(broker, tmp_path, until):
    project = make_project(tmp_path, broker, f"versions-{until}", until)
    backfill(project)
    Worker(project).run_until_idle()
    path = project.folder / "features" / "features.yaml"
    definitions = json.loads(path.read_text())
    definitions["feature_views"].append(view("spend", "user", version=2))
    project.write_definitions(definitions)
    with pytest.raises(WorkerError, match="run `forebay backfill spend` first"):
        Worker(project).run_until_idle()
    backfill(project, "spend@2")
    Worker(project).run_until_idle()
    check(project, "spend", "user_id", version=2)
    check(project, "spend", "user_id")
    check(project, "sales", "shop")


def set_until(project: Project, end: str | list[int]) -> None:
    path = project.folder / "features" / "features.yaml"
    definitions = json.loads(path.read_text())
    definitions["sources"][0]["batch"]["until"] = end
    project.write_definitions(definitions)


def other_end(broker: Broker, until: str) -> str | list[int]:
    later = UNTIL[until] + 2 * AT_ONCE
    return orders()["at"][later].isoformat() if until == "time" else offsets_of(broker, "orders", later)


def test_another_end_than_the_files_were_read_up_to_is_refused(broker, tmp_path, monkeypatch, until):
    project = make_project(tmp_path, broker, f"moved-{until}", until)
    path = project.folder / "features" / "features.yaml"
    end = json.loads(path.read_text())["sources"][0]["batch"]["until"]
    other = other_end(broker, until)

    def refused() -> None:
        done = forebay("backfill", "--project", project.folder)
        assert done.returncode != 0 and "`until` of the files of source orders was" in done.stderr

    monkeypatch.setenv("FOREBAY_CRASH_AT", "backfill.read")
    assert forebay("backfill", "--project", project.folder).returncode != 0
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    set_until(project, other)
    refused()
    set_until(project, end)
    backfill(project)
    set_until(project, other)
    refused()
    with pytest.raises(WorkerError, match="`until` of the files of source orders was"):
        Worker(project).run_until_idle()
    set_until(project, end)
    Worker(project).run_until_idle()
    check(project, "spend", "user_id")
    check(project, "sales", "shop")


def test_new_versions_are_built_from_files_and_topic_while_the_worker_runs(broker, tmp_path, until):
    project = make_project(tmp_path, broker, f"lane-{until}", until)
    backfill(project)
    with Worker(project) as worker:
        definitions = json.loads((project.folder / "features" / "features.yaml").read_text())
        views = [view(name, entity, version) for version in (1, 2) for name, entity in VIEWS]
        project.write_definitions(definitions | {"feature_views": views})
        done = forebay("apply", "--yes", project.folder)
        assert done.returncode == 0, done.stderr
        worker.wait_for_log("running the definitions of version")
        features = ["spend@1.n_lifetime", "spend@2.n_lifetime"]
        one, other = worker.get(features, {"user_id": "u1"}).values()
        assert one["value"] == other["value"] > 0
        worker.stop()
    for version in (1, 2):
        check(project, "spend", "user_id", version)
        check(project, "sales", "shop", version)


def test_tasks_that_read_the_files_up_to_another_end_are_not_finished(broker, tmp_path):
    project = make_project(tmp_path, broker, "moved-tasks")
    work = tmp_path / "work"
    command = ["backfill", "--work", work, "--tasks", 2, "--print", "--project", project.folder]
    for line in forebay(*command).stdout.splitlines():
        assert forebay("task", line).returncode == 0
    set_until(project, other_end(broker, "time"))
    done = forebay("backfill", "--finish", work, "--project", project.folder)
    assert done.returncode != 0 and "`until` of the files of source orders was" in done.stderr


def test_after_a_reset_the_files_may_be_read_up_to_another_end(broker, tmp_path):
    project = make_project(tmp_path, broker, "reset-end")
    backfill(project)
    Worker(project).run_until_idle()
    set_until(project, other_end(broker, "time"))
    done = forebay("reset", "--all", "--yes", "--project", project.folder)
    assert done.returncode == 0, done.stderr
    backfill(project)
    Worker(project).run_until_idle()
    check(project, "spend", "user_id")
    check(project, "sales", "shop")


@pytest.mark.parametrize("point", ["handover.copied", "handover.adopted"])
def test_killed_while_it_takes_over(broker, tmp_path, monkeypatch, point, until):
    project = make_project(tmp_path, broker, f"{point.replace('.', '-')}-{until}", until)
    backfill(project)
    monkeypatch.setenv("FOREBAY_CRASH_AT", f"{point}:2")
    with pytest.raises(WorkerError):
        Worker(project).run_until_idle()
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    Worker(project).run_until_idle()
    check(project, "spend", "user_id")
    check(project, "sales", "shop")


def test_a_topic_that_does_not_reach_back_to_the_files_is_refused(broker, tmp_path, until):
    project = make_project(tmp_path, broker, f"gone-{until}", until, topic="kept")
    backfill(project)
    with pytest.raises(WorkerError, match="what came between is in neither"):
        Worker(project).run_until_idle()


def test_a_topic_that_is_partitioned_otherwise_is_refused(broker, tmp_path):
    project = make_project(tmp_path, broker, "otherwise", topic="others")
    backfill(project)
    with pytest.raises(WorkerError, match="partitioner=murmur2_random"):
        Worker(project).run_until_idle()


def test_the_example_with_a_history(broker, tmp_path):
    folder = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "transactions", folder)
    config = (folder / "forebay.yaml").read_text()
    config = config.replace("localhost:9092", broker.address).replace("project: shop", "project: cards")
    config = config.replace("8080", "0").replace("8081", "0")
    (folder / "forebay.yaml").write_text(config)
    broker.create_topic("transactions", partitions=2)
    command = [sys.executable, ROOT / "examples" / "history.py", folder, "--days", "3"]
    subprocess.run([*command, "--events-a-day", "500"], check=True)
    done = forebay("backfill", "--project", folder)
    assert done.returncode == 0, done.stderr
    now = milliseconds(datetime.datetime.now(datetime.timezone.utc)) + 1000
    producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2_random"})
    payment = {"transaction_id": "t1", "user_id": "u1", "merchant_id": "m1", "amount": 5.0}
    payment |= {"country": "US", "event_time": now}
    producer.produce("transactions", json.dumps(payment), "u1", timestamp=now)
    assert producer.flush(30) == 0
    done = forebay("run", folder, "--until-idle")
    assert done.returncode == 0, done.stderr
    before = pl.concat(map(pl.read_parquet, sorted((folder / "history").glob("*.parquet"))))
    spent = before.filter(pl.col("user_id") == "u1", pl.col("amount") > 0)["amount"].sum()
    path = folder / "warehouse" / "offline" / "user_spend" / "v1"
    rows = pl.from_arrow(deltalake.DeltaTable(str(path)).to_pyarrow_table())
    newest = rows.filter(pl.col("user_id") == "u1").sort("_effective_time")["spend_7d"][-1]
    assert newest == pytest.approx(spent + 5)
