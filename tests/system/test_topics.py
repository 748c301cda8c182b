"""A topic that is another one, or has more partitions, than when its records were read: the worker
halts, and whoever follows its advice ends with right values."""

import collections
import json
import re
import shutil
import zlib

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions

from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.runs import INTERVALS
from tests.system.topics import read_topic
from tests.system.worker import Worker

USERS = [f"u{i}" for i in range(60)]
SHOPS = [f"s{i}" for i in range(7)]
START_MS = 1_704_103_200_000  # 2024-01-01T10:00:00Z
# The group forgets workers that have ended within a second: a reset waits for that.
SESSION = {"session.timeout.ms": "1000", "heartbeat.interval.ms": "200"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    properties = {"group.min.session.timeout.ms": "500"}
    with Broker(tmp_path_factory.mktemp("broker"), properties) as one:
        yield one


@pytest.fixture
def shop(request, tmp_path, broker):
    name = request.node.name.removeprefix("test_")
    short = re.sub(r"[^a-z0-9]+", "-", name)[:24].strip("-")
    return Shop(f"{short}-{zlib.crc32(name.encode()):x}", tmp_path, broker)


class Shop:
    """A project that counts the visits in a topic, by user (whom the topic is partitioned by) and by
    shop, and a worker of it."""

    def __init__(self, name, folder, broker):
        self.name, self.broker, self.topic = name, broker, f"{name}.visits"
        self.partitions = 3
        self.records = []  # of the topic, oldest first
        self.key = ["user"]
        kafka = {"bootstrap.servers": broker.address} | SESSION
        self.project = Project(
            folder, name, self.definitions(), broker.address, **INTERVALS, kafka=kafka
        )
        self.worker = Worker(self.project)

    def definitions(self) -> dict:
        return {
            "sources": [
                {
                    "name": "visits",
                    "topic": self.topic,
                    "key": self.key,
                    "schema": {"user": "string", "shop": "string", "at": "timestamp_ms"},
                    "event_time": "at",
                    "known_time": "event_time",
                }
            ],
            "entities": [
                {"name": "user", "keys": {"user": "string"}},
                {"name": "shop", "keys": {"shop": "string"}},
            ],
            "feature_views": [
                {
                    "name": f"by_{entity}",
                    "source": "visits",
                    "entity": entity,
                    "features": [{"name": "n", "value": "count(*)", "windows": ["lifetime"]}],
                }
                for entity in ("user", "shop")
            ],
        }

    def create_topic(self, **config) -> None:
        self.broker.create_topic(self.topic, self.partitions, **config)
        self.records = []

    def delete_topic(self, topic: str) -> None:
        admin = self.broker.admin()
        admin.delete_topics([topic])[topic].result(30)
        while topic in admin.list_topics(timeout=10).topics:
            pass

    def add_partitions(self, to: int) -> None:
        admin = self.broker.admin()
        admin.create_partitions([NewPartitions(self.topic, to)])[self.topic].result(30)
        self.partitions = to

    def visit(self, count: int) -> None:
        """Every producer knows how many partitions there are."""
        first = len(self.records)
        for i in range(first, first + count):
            event = {"user": USERS[i * 7 % 60], "shop": SHOPS[i % 7], "at": START_MS + 1000 * i}
            self.records.append(event)
        self.produce(self.records[first:])

    def produce(self, events: list[dict]) -> None:
        producer = Producer({"bootstrap.servers": self.broker.address})
        for event in events:
            partition = zlib.crc32(event["user"].encode()) % self.partitions
            producer.produce(self.topic, json.dumps(event), event["user"], partition)
        assert producer.flush(30) == 0

    def halts(self, *words: str) -> str:
        """The worker, started where it does not run, ends by itself; its last error."""
        if not self.worker.running:
            self.worker.spawn()
        assert self.worker.wait(30) == 1, self.worker.log_tail()
        said = self.worker.log.read_text().splitlines()[-1]
        for word in words:
            assert word in said, f"{word!r} is not in: {said}"
        return said

    def reset_as(self, said: str) -> str:
        """Follows the advice of a message; what that printed."""
        (command,) = re.findall(r"`forebay (reset [^`]*)`", said)
        done = forebay(*command.split(), "--yes", "--project", self.project.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def change(self, **definition) -> None:
        for name, value in definition.items():
            setattr(self, name, value)
        self.project.write_definitions(self.definitions())

    def counts_right(self) -> None:
        """Every lookup and every newest update says how often the topic has the key."""
        want = {
            entity: collections.Counter(event[entity] for event in self.records)
            for entity in ("user", "shop")
        }
        with self.worker as worker:
            for entity, counts in want.items():
                keys = sorted(counts)
                answer = worker.batch_get(
                    [f"by_{entity}.n_lifetime"], [{entity: key} for key in keys]
                )
                assert dict(zip(keys, answer["values"][0])) == dict(counts)
        for entity, counts in want.items():
            newest = {}
            topic = self.project.update_topic(f"by_{entity}")
            for message in read_topic(self.broker.address, topic):
                newest[message.key().decode()] = json.loads(message.value())["n_lifetime"]
            assert newest == dict(counts)


def test_a_source_that_was_created_again_is_another_topic(shop):
    shop.create_topic()
    shop.visit(400)
    with shop.worker as worker:
        worker.wait_for_metric("forebay_consumed_records_total", 2 * 400)
        shop.delete_topic(shop.topic)
        shop.create_topic()
        shop.visit(1_000)
        # What the client itself may say of it is not tested.
        shop.halts()
        shop.halts("deleted and created again")
        shutil.rmtree(shop.project.state)
        said = shop.halts("deleted and created again", f"topic {shop.name}.positions")
    shop.reset_as(said)
    shop.counts_right()


def test_a_source_that_was_created_again_before_anything_was_read_is_read(shop):
    shop.create_topic()
    with shop.worker:
        pass
    shop.delete_topic(shop.topic)
    shop.create_topic()
    shop.visit(100)
    shop.counts_right()


def count_then_add_partitions(shop) -> str:
    """What the worker, which runs meanwhile, says of it."""
    shop.create_topic()
    shop.visit(400)
    shop.worker.start()
    shop.worker.wait_for_metric("forebay_consumed_records_total", 2 * 400)
    shop.add_partitions(5)
    shop.visit(400)
    return shop.halts("this worker", "in other partitions than their history")


def test_keys_that_moved_with_added_partitions_are_not_counted_in_halves(shop):
    count_then_add_partitions(shop)
    shop.halts(f"topic {shop.name}.positions", "in other partitions than their history")
    shutil.rmtree(shop.project.state)
    shop.halts("in other partitions than their history")
    for topic in sorted(shop.broker.admin().list_topics(timeout=10).topics):
        if topic.startswith(shop.name) and topic not in (shop.topic, f"{shop.name}.positions"):
            shop.delete_topic(topic)
    said = shop.halts("in other partitions than their history")
    # Whoever only does the last step of the advice hears it again.
    shown = shop.reset_as(said)
    assert f"kept: topic {shop.name}.positions, which notes that topic {shop.topic} had 3" in shown
    said = shop.halts("say `key: none` of source visits")
    shop.change(key="none")
    shop.reset_as(said)
    shop.counts_right()


def test_a_topic_that_got_partitions_is_written_into_a_new_one(shop):
    said = count_then_add_partitions(shop)
    assert "Or write all its records, oldest first" in said
    old = shop.records
    shop.change(topic=f"{shop.name}.visits-5")
    shop.create_topic()
    shop.produce(old)
    shop.records = old
    shop.reset_as(said)
    shop.counts_right()


def test_partitions_that_no_view_is_computed_by_may_be_added(shop):
    shop.change(key="none")
    shop.create_topic()
    shop.visit(300)
    shop.worker.run_until_idle()
    shop.add_partitions(4)
    shop.visit(300)
    said = shop.halts("all can be built anew")
    assert "other partitions than their history" not in said
    shop.reset_as(said)
    shop.counts_right()


def test_an_update_topic_that_is_gone_does_not_stay_empty(shop):
    shop.create_topic()
    shop.visit(300)
    topic = shop.project.update_topic("by_user")
    shop.worker.start()
    shop.worker.wait_for_metric("forebay_consumed_records_total", 2 * 300)
    shop.delete_topic(topic)
    shop.halts(topic)
    said = shop.halts(f"update topic {topic} was deleted", f"topic {shop.name}.positions knows it")
    shop.reset_as(said)
    shop.counts_right()


def test_a_repartition_topic_that_was_created_again_is_fed_anew(shop):
    shop.create_topic()
    shop.visit(300)
    shop.worker.run_until_idle()
    topic = f"{shop.name}.visits.by.shop"
    shop.delete_topic(topic)
    shop.broker.create_topic(topic, shop.partitions)
    said = shop.halts(f"repartition topic {topic} was deleted and created again")
    shop.reset_as(said)
    shop.counts_right()
