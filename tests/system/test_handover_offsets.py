"""Files in front of a topic up to an offset of each partition: what was exported of a topic, and what does not
fit one."""

import datetime
import json
import pathlib
import random

import deltalake
import polars as pl
import pytest
from confluent_kafka import Message, Producer

from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.test_handover import START, backfill, milliseconds, offsets_of, orders, produce, view
from tests.system.test_verify import Answer
from tests.system.topics import read_topic
from tests.system.worker import Worker, WorkerError

PARTITIONS = 3
ENTITIES = [
    {"name": "user", "keys": {"user_id": "string"}},
    {"name": "shop", "keys": {"shop": "int64"}},
]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


def make_project(folder: pathlib.Path, broker: Broker, name: str, topic: str, **batch) -> Project:
    source = {
        "name": "orders",
        "topic": topic,
        "key": ["user_id"],
        "schema": {"user_id": "string", "shop": "int64", "amount": "double", "at": "timestamp_ms"},
        "event_time": "at",
    }
    if batch:
        source["batch"] = {"path": "history", **batch}
    definitions = {
        "sources": [source],
        "entities": ENTITIES,
        "feature_views": [view("spend", "user"), view("sales", "shop")],
    }
    return Project(folder / name, name, definitions, broker.address)


def write_history(folder: pathlib.Path, name: str, frames: list[pl.DataFrame]) -> None:
    history = folder / name / "history"
    history.mkdir(parents=True)
    for i, frame in enumerate(frames):
        frame.write_parquet(history / f"{i}.parquet")


def produce_disordered(broker: Broker, topic: str) -> None:
    """Many records of one timestamp; of some, event time and timestamp lie up to half an hour back."""
    rng = random.Random(3)
    producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2"})
    for event in orders().iter_rows(named=True):
        written = milliseconds(event["at"]) - (rng.randrange(1_800_000) if rng.random() < 0.1 else 0)
        at = written - (rng.randrange(1_800_000) if rng.random() < 0.2 else 0)
        producer.produce(topic, json.dumps(event | {"at": at}), event["user_id"], timestamp=written)
    assert producer.flush(60) == 0


def export(messages: list[Message]) -> pl.DataFrame:
    """Of one partition, with the timestamps."""
    rows = [json.loads(message.value()) for message in messages]
    written = [message.timestamp()[1] for message in messages]
    return pl.DataFrame(rows).with_columns(
        pl.col("at").cast(pl.Datetime("ms", "UTC")),
        written=pl.Series(written).cast(pl.Datetime("ms", "UTC")),
    )


def end_within_a_time(messages: list[Message]) -> int:
    """An offset in the middle, before and at which the records have one timestamp, and after which there are
    older ones than the latest before."""
    times = [message.timestamp()[1] for message in messages]
    ends = range(len(times) // 3, len(times))
    return next(i for i in ends if times[i] == times[i - 1] == max(times[:i]) > min(times[i:]))


def rows_of(project: Project, name: str) -> pl.DataFrame:
    table = pl.from_arrow(deltalake.DeltaTable(project.table(name)).to_pyarrow_table())
    return table.sort("user_id", "_effective_time", "_ordinal")


def answers_of(project: Project) -> list[dict]:
    """Of every key at a time when some windows are left, and long after."""
    times = [START + datetime.timedelta(hours=hours) for hours in (10.5, 24)]
    entities = [{"user_id": user} for user in orders()["user_id"].unique().sort()]
    shops = [{"shop": shop} for shop in orders()["shop"].unique().sort()]
    with Worker(project) as worker:
        return [
            worker.batch_get(features, keys, at=at.isoformat())
            for features, keys in (
                (["spend.total_1h", "spend.total_lifetime", "spend.n_lifetime"], entities),
                (["sales.total_lifetime", "sales.n_lifetime"], shops),
            )
            for at in times
        ]


def test_an_exported_topic_gives_what_the_topic_gives(broker, tmp_path):
    broker.create_topic("exported", partitions=PARTITIONS)
    produce_disordered(broker, "exported")
    partitions: list[list[Message]] = [[] for _ in range(PARTITIONS)]
    for message in read_topic(broker.address, "exported"):
        partitions[message.partition()].append(message)
    ends = [end_within_a_time(messages) for messages in partitions]
    write_history(tmp_path, "files", [export(one[:end]) for one, end in zip(partitions, ends)])
    batch = {"until": ends, "known_time": "written", "max_disorder": "1h"}
    files = make_project(tmp_path, broker, "files", "exported", **batch)
    topic = make_project(tmp_path, broker, "topic", "exported")
    backfill(files)
    for project in (files, topic):
        Worker(project).run_until_idle()
    assert rows_of(files, "spend").equals(rows_of(topic, "spend"))
    assert len(rows_of(files, "spend")) > len(orders())
    assert answers_of(files) == answers_of(topic)
    Answer(files).assert_in_sync()


def test_verify_tells_the_steps_of_files_where_the_topic_has_as_many(broker, tmp_path):
    """The topic's offsets are below those of the files' rows, at first."""
    broker.create_topic("young", partitions=PARTITIONS)
    produce(broker.address, "young", orders()[290:330])
    ends = offsets_of(broker, "young", 300)
    write_history(tmp_path, "files-young", [orders()[:300]])
    project = make_project(tmp_path, broker, "files-young", "young", until=ends)
    backfill(project)
    for events in (orders()[:330], orders()):
        Worker(project).run_until_idle()
        answer = Answer(project).assert_in_sync()
        assert answer.total("moving") == 0
        assert answer.total("equal", "spend@1") == events["user_id"].n_unique()
        assert answer.total("equal", "sales@1") == events["shop"].n_unique()
        if len(events) < len(orders()):
            produce(broker.address, "young", orders()[330:])


def test_offsets_that_do_not_fit_the_topic(broker, tmp_path):
    broker.create_topic("fitting", partitions=PARTITIONS)
    produce(broker.address, "fitting", orders()[:30])
    write_history(tmp_path, "misfit", [orders()[:30]])
    project = make_project(tmp_path, broker, "misfit", "fitting", until=[1, 2])
    misfit = "`until` of its files names 2 offsets, and topic fitting has 3 partitions"
    done = forebay("backfill", "--project", project.folder)
    assert done.returncode != 0 and misfit in done.stderr
    with pytest.raises(WorkerError, match=misfit):
        Worker(project).run_until_idle()
    project = make_project(tmp_path, broker, "misfit", "fitting", until=[0, 31, 0])
    backfill(project)
    with pytest.raises(WorkerError, match="they cannot have what was never there"):
        Worker(project).run_until_idle()


def test_what_has_read_less_of_the_topic_than_the_files_is_not_skipped_ahead(broker, tmp_path):
    broker.create_topic("behind", partitions=PARTITIONS)
    produce(broker.address, "behind", orders()[:300])
    project = make_project(tmp_path, broker, "behind", "behind")
    Worker(project).run_until_idle()
    produce(broker.address, "behind", orders()[300:])
    write_history(tmp_path, "behind", [orders()[:450]])
    ends = offsets_of(broker, "behind", 450)
    project = make_project(tmp_path, broker, "behind", "behind", until=ends)
    with pytest.raises(WorkerError, match="what was computed of the topic goes up to offset"):
        Worker(project).run_until_idle()
    path = project.folder / "features" / "features.yaml"
    definitions = json.loads(path.read_text())
    definitions["feature_views"].append(view("spend", "user", version=2))
    project.write_definitions(definitions)
    backfill(project, "spend@2")
    with pytest.raises(WorkerError, match="what was computed of the topic goes up to offset"):
        Worker(project).run_until_idle()
