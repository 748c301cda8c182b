"""What Kafka refuses, forgets or does not answer: nothing is lost, nothing comes twice, and the worker
ends in time, saying why."""

import dataclasses
import itertools
import json
import random
import re
import shutil
import socket
import time

import polars as pl
import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)
from confluent_kafka import ConsumerGroupTopicPartitions

from tests.system import runs
from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.topics import dead_letters, headers_of, read_topic, updates
from tests.system.worker import Worker

_numbers = itertools.count()
START_MS = 1_704_103_200_000  # 2024-01-01T10:00:00Z
FAILED = 1

# A stopped worker is forgotten by its group soon, and a topic that is gone is believed to be.
QUICK = {
    "session.timeout.ms": 1_000,
    "heartbeat.interval.ms": 300,
    "topic.metadata.refresh.interval.ms": 500,
    "topic.metadata.propagation.max.ms": 500,
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    properties = {
        "group.min.session.timeout.ms": "500",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    with Broker(tmp_path_factory.mktemp("broker"), properties) as one:
        yield one


@pytest.fixture
def name(request):
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))
    return f"{words[:40]}-{next(_numbers)}"


@pytest.fixture(params=["exactly_once", "at_least_once"])
def delivery(request):
    return request.param


def definitions(topic: str, by_shop: bool = False) -> dict:
    """The newest text of each user in four windows, and the number of events of each user; with
    `by_shop` also that of each shop, through a repartition topic."""

    def view(name, entity, value, windows):
        features = [{"name": "f", "value": value, "windows": windows}]
        return {
            "name": name,
            "source": "notes",
            "entity": entity,
            "updates": {"every": "change"},  # so that each event is told by its offset
            "features": features,
        }

    views = [
        view("texts", "user", "last(text)", ["1h", "6h", "1d", "30d"]),
        view("counts", "user", "count(*)", ["lifetime"]),
    ]
    if by_shop:
        views.append(view("shops", "shop", "count(*)", ["lifetime"]))
    return {
        "sources": [
            {
                "name": "notes",
                "topic": topic,
                "key": ["user"],
                "schema": {name: "string" for name in ("user", "shop", "text")}
                | {"at": "timestamp_ms"},
                "event_time": "at",
                "known_time": "event_time",
            }
        ],
        "entities": [{"name": name, "keys": {name: "string"}} for name in ("user", "shop")],
        "feature_views": views,
    }


def prepare(folder, broker, name, by_shop=False, kafka=None, **config) -> Project:
    """A project with a source topic of one partition."""
    broker.create_topic(name)
    project = Project(folder, name, definitions(name, by_shop), broker.address)
    project.config["kafka"] |= QUICK | (kafka or {})
    project.config |= runs.INTERVALS | {"stop_timeout": "1s"} | config
    project.write_config()
    return project


def text(size: int, seed: int = 1) -> str:
    """Does not compress below half of it."""
    return random.Random(seed).randbytes(size // 2).hex()


def send(broker, topic: str, *notes: tuple[str, str], first: int = 0) -> None:
    """(user, text) each; `first` is the number of notes sent before."""
    producer = Producer({"bootstrap.servers": broker.address})
    for i, (user, words) in enumerate(notes, first):
        note = {"user": user, "shop": f"s{i % 2}", "text": words, "at": START_MS + i}
        producer.produce(topic, json.dumps(note), user, timestamp=START_MS + i)
    assert producer.flush(30) == 0


def offsets(broker, project, view: str) -> list[int]:
    """Of the source, of each record of the update topic."""
    return [u.source[1] for u in updates(broker.address, project.update_topic(view))]


def table_offsets(project, view: str) -> list[int]:
    return sorted(pl.read_delta(project.table(view))["_source_offset"])


def limit_topic(broker, topic: str, max_message_bytes: int) -> None:
    entry = ConfigEntry(
        "max.message.bytes", str(max_message_bytes), incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin = broker.admin()
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(30)


# ---- what a topic cannot hold ----


def test_an_update_that_its_topic_cannot_hold_is_set_aside(tmp_path, broker, name, delivery):
    project = prepare(
        tmp_path, broker, name, kafka={"message.max.bytes": 100_000}, delivery=delivery
    )
    topic = project.update_topic("texts")
    broker.create_topic(topic, max_message_bytes="60000")
    notes = [("a", text(20_000)), ("b", "x"), ("a", "y"), ("b", text(20_000, 2)), ("c", "z")]
    send(broker, name, *notes)
    def check():
        assert offsets(broker, project, "texts") == [1, 2, 4]
        assert offsets(broker, project, "counts") == list(range(5))
        assert table_offsets(project, "texts") == list(range(5))
        letters = dead_letters(broker.address, project.dead_letter_topic)
        assert [(x.key, x.value) for x in letters] == [(b"a", None), (b"b", None)]
        found = [dataclasses.astuple(x.rejected) for x in letters]
        assert found == [(0, "update_too_large", "texts"), (3, "update_too_large", "texts")]

    worker = Worker(project)
    worker.run_until_idle()
    check()
    rows = pl.read_delta(project.table("texts")).sort("_source_offset")
    assert list(rows["f_1h"]) == [words for _, words in notes]
    log = worker.log_tail()
    assert f"topic {topic} takes records of up to 60000 bytes" in log
    assert f"dead letters of {name}: 2 update_too_large in view texts" in log

    shutil.rmtree(project.state)
    with Worker(project) as worker:
        metrics = worker.wait_for_metric("forebay_dead_letters_total", 2)
        labels = f'{{topic="{name}",reason="update_too_large",view="texts"}}'
        assert metrics["forebay_dead_letters_total" + labels] == 2
        assert metrics[f'forebay_applied_records_total{{topic="{name}",partition="0"}}'] == 5
        answer = worker.get(["texts.f_1h"], {"user": "b"}, at="2024-01-01T10:00:01Z")
        assert answer["texts.f_1h"]["value"] == notes[3][1]
    check()
    # What was settled stays so, whatever the limit has become.
    limit_topic(broker, topic, 100_000)
    shutil.rmtree(project.state)
    Worker(project).run_until_idle()
    check()
    again = forebay("dead-letter", project.folder, "--again")
    assert again.stdout.startswith("nothing was sent back\n"), again
    assert f"2 dead letters of {name} not sent back: their records were applied" in again.stdout


def test_an_event_that_a_repartition_topic_cannot_hold_is_set_aside(tmp_path, broker, name):
    project = prepare(tmp_path, broker, name, by_shop=True, kafka={"message.max.bytes": 20_000})
    send(broker, name, ("a", "x"), ("b", text(30_000)), ("a", "y"), ("c", "z" * 18_500))
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce(name, text(30_000, 3), "k" * 30_000, headers=[("trace", b"t")])
    assert producer.flush(30) == 0
    worker = Worker(project)
    worker.run_until_idle()
    assert offsets(broker, project, "counts") == [0, 1, 2, 3]
    assert len(offsets(broker, project, "shops")) == 3
    letters = read_topic(broker.address, project.dead_letter_topic)
    found = [
        (h["__connect.errors.offset"], h["forebay-reason"], h.get("forebay-view"), m.key(), m.value())
        + (h.get("forebay-omitted"), h.get("trace"))
        for m in letters
        for h in [headers_of(m)]
    ]
    assert sorted(found, key=str) == [
        ("1", "event_too_large", "shops", b"b", None, "value", None),
        ("1", "update_too_large", "texts", b"b", None, None, None),
        ("3", "update_too_large", "texts", b"c", None, None, None),
        ("4", "undecodable", None, None, None, "value, headers, key", None),
    ]
    again = forebay("dead-letter", project.folder, "--again", "--reason", "undecodable")
    assert again.stdout.startswith("nothing was sent back\n"), again
    assert "could not hold the whole record" in again.stdout


# ---- what a broker refuses for good ----


def lower_limit(broker, topic):
    """The worker knows another limit."""
    limit_topic(broker, topic, 2_000)
    return lambda: limit_topic(broker, topic, 1_000_000)


def delete_topic(broker, topic):
    admin = broker.admin()
    admin.delete_topics([topic])[topic].result(30)
    return lambda: None


def forbid_writing(broker, topic):
    def acl(kind, who, operation, permission):
        return kind(
            ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, who, "*", operation, permission
        )

    rights = [
        acl(AclBinding, "User:*", AclOperation.ALL, AclPermissionType.ALLOW),
        acl(AclBinding, "User:*", AclOperation.WRITE, AclPermissionType.DENY),
    ]
    admin = broker.admin()
    for done in admin.create_acls(rights).values():
        done.result(30)

    def allow():
        every = acl(AclBindingFilter, None, AclOperation.ANY, AclPermissionType.ANY)
        admin = broker.admin()
        for done in admin.delete_acls([every]).values():
            done.result(30)

    return allow


def ends_by_itself(worker: Worker, *words: str, seconds: float = 30) -> None:
    """With exit code 1, and the cause as the last thing said."""
    assert worker.wait(seconds) == FAILED, worker.log_tail()
    last = worker.log_tail().splitlines()[-1]
    assert last.startswith("forebay: ") and all(word in last for word in words), worker.log_tail()


def committed(broker, project) -> int:
    """The group's offset in the source's one partition."""
    group = ConsumerGroupTopicPartitions(
        f"forebay-{project.name}", [TopicPartition(project.name, 0)]
    )
    admin = broker.admin()
    answer = admin.list_consumer_group_offsets([group])
    return answer[group.group_id].result(30).topic_partitions[0].offset


@pytest.mark.parametrize(
    "spoil, word",
    [
        (lower_limit, "raise max.message.bytes"),
        (delete_topic, "was it deleted?"),
        (forbid_writing, "grant this client WRITE"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_worker_that_may_not_publish_loses_nothing(
    tmp_path, broker, name, delivery, spoil, word
):
    project = prepare(tmp_path, broker, name, delivery=delivery)
    topic = project.update_topic("texts")
    send(broker, name, *[("a", "x")] * 3)
    with pytest.raises(AssertionError, match="ended"):
        with Worker(project) as worker:
            worker.wait_for_metric("forebay_applied_records_total", 3)
            while offsets(broker, project, "texts") != [0, 1, 2]:
                assert worker.running
            mend = spoil(broker, topic)
            send(broker, name, *[(user, text(5_000)) for user in "abcde"], first=3)
            ends_by_itself(worker, word)
            raise AssertionError("ended")
    assert committed(broker, project) <= 3
    mend()
    if spoil is delete_topic:  # what was in it does not come back by itself
        done = forebay("reset", "texts@1", "--yes", "--project", project.folder)
        assert done.returncode == 0, done.stderr
    Worker(project).run_until_idle()
    published = offsets(broker, project, "texts")
    counted = offsets(broker, project, "counts")
    if delivery == "at_least_once":
        published, counted = sorted(set(published)), sorted(set(counted))
    assert published == list(range(8))
    assert counted == list(range(8))
    assert table_offsets(project, "texts") == list(range(8))


# ---- what does not answer ----


def test_a_stop_ends_in_time_though_a_repartition_topic_is_gone(tmp_path, broker, name):
    project = prepare(tmp_path, broker, name, by_shop=True, ready_lag=10**12)
    send(broker, name, *[(f"u{i % 1000}", "x") for i in range(60_000)])
    worker = Worker(project).start()
    worker.wait_for_metric("forebay_applied_records_total", 1_000)
    delete_topic(broker, f"{name}.notes.by.shop")  # with records for it on their way
    assert worker.stop(seconds=25) == FAILED  # what waited for the topic is given up, or refused
    assert worker.log_tail().splitlines()[-1].startswith("forebay: ")


def test_a_stop_ends_in_time_though_the_broker_hangs(tmp_path, broker, name):
    project = prepare(tmp_path, broker, name, state_interval="10m")
    worker = Worker(project).start()
    send(broker, name, ("a", "x"))
    worker.wait_for_metric("forebay_applied_records_total", 1)
    broker.pause()
    try:
        assert worker.stop(seconds=25) == FAILED
        assert worker.log_tail().splitlines()[-1].startswith("forebay: ")
    finally:
        broker.resume()
    Worker(project).run_until_idle()
    assert offsets(broker, project, "counts") == [0]


def test_a_failure_ends_the_worker_in_time_though_the_broker_hangs(tmp_path, broker, name):
    project = prepare(tmp_path, broker, name)
    send(broker, name, ("a", "x"))
    worker = Worker(project).start()
    lower_limit(broker, project.update_topic("texts"))
    with socket.create_connection(("127.0.0.1", worker.ready["http_port"])) as stalled:
        # The doors wait for it when they close: meanwhile the broker stops answering.
        stalled.sendall(b"POST /v1/get HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        send(broker, name, ("a", text(5_000)), first=1)
        worker.wait_for_log("stopping without a further commit")
        broker.pause()
        try:
            ends_by_itself(worker, "raise max.message.bytes", seconds=20)
        finally:
            broker.resume()


# ---- what Kafka forgets ----


def test_nothing_comes_twice_when_kafka_has_forgotten_the_group(tmp_path, broker, name, delivery):
    project = prepare(tmp_path, broker, name, by_shop=True, delivery=delivery)
    notes = [(f"u{i % 7}", "x") for i in range(100)]
    send(broker, name, *notes, ("late", "x"))
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce(name, "not JSON", "k")
    assert producer.flush(30) == 0
    Worker(project).run_until_idle()
    topics = [project.update_topic(view) for view in ("texts", "counts", "shops")]
    topics.append(project.dead_letter_topic)
    before = {topic: [m.value() for m in read_topic(broker.address, topic)] for topic in topics}
    assert [len(values) for values in before.values()] == [101, 101, 101, 1]

    for lost in ("group", "group and state"):
        forget_group(broker, f"forebay-{name}")
        if lost == "group and state":
            shutil.rmtree(project.state)
        Worker(project).run_until_idle()
        for topic, values in before.items():
            found = [m.value() for m in read_topic(broker.address, topic)]
            assert found == values, f"{topic}, without {lost}"


def forget_group(broker, group: str) -> None:
    """As Kafka does by itself after seven days without a member."""
    admin = broker.admin()
    deadline = time.monotonic() + 30
    while True:
        try:
            return admin.delete_consumer_groups([group])[group].result(30)
        except KafkaException as error:  # it has its members until their session is over
            assert "not empty" in str(error).lower() and time.monotonic() < deadline, error
            time.sleep(0.1)
