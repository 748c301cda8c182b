"""Topics read to their end, and what the records of forebay's topics say."""

from __future__ import annotations

import dataclasses
import json
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from tests.oracle.oracle import Erasure, Origin, Record, Rejected, parse_time
from tests.oracle.repartition import Marker


def read_topic(address: str, topic: str, isolation: str = "read_committed") -> list[Message]:
    """Every record of the topic, partition by partition in offset order."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "test",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "fetch.max.bytes": 64_000_000,
            "check.crcs": True,
        }
    )
    try:
        found = consumer.list_topics(topic, timeout=30).topics[topic]
        assert found.error is None, f"{topic}: {found.error}"
        partitions = sorted(found.partitions)
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        return _consume_to_end(consumer, len(partitions))
    finally:
        consumer.close()


def _consume_to_end(consumer: Consumer, partitions: int) -> list[Message]:
    messages = []
    heard = time.monotonic()
    while partitions:
        batch = consumer.consume(1_000, timeout=0.1)  # returns what is there when time is up
        if batch:
            heard = time.monotonic()
        assert time.monotonic() - heard < 30, "the broker stopped answering"
        for message in batch:
            if message.error() is None:
                messages.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                partitions -= 1
            else:
                raise AssertionError(message.error())
    return sorted(messages, key=lambda m: (m.partition(), m.offset()))


def headers_of(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers() or []}


def source_record(message: Message) -> Record | Erasure:
    """A record of a source's topic, for the oracle."""
    headers = headers_of(message)
    if headers.get("forebay-control") == "erase":
        assert message.value() is None
        return Erasure(message.offset(), headers["forebay-entity"], message.key().decode())
    return Record(message.offset(), message.timestamp()[1] * 1000, message.value())


def repartition_record(message: Message) -> Record | Erasure | Marker:
    """What a repartition topic holds, for the oracle."""
    headers = headers_of(message)
    partition = int(headers["forebay-source-partition"])
    if headers.get("forebay-control") == "marker":
        assert message.key() is None and message.value() is None, headers
        clock = headers.get("forebay-source-clock")
        at_end = {"0": False, "1": True}[headers["forebay-at-end"]]
        return Marker(message.offset(), partition, None if clock is None else int(clock), at_end)
    if headers.get("forebay-control") == "erase":
        assert message.value() is None, headers
        clock = headers.get("forebay-source-clock")
        offset = int(headers["forebay-source-offset"])
        origin = Origin(partition, offset, 0, None if clock is None else int(clock))
        entity = headers["forebay-entity"]
        return Erasure(message.offset(), entity, message.key().decode(), origin)
    names = ("forebay-source-offset", "forebay-known-time", "forebay-source-clock")
    origin = Origin(partition, *(int(headers[name]) for name in names))
    timestamp = message.timestamp()[1] * 1000
    return Record(message.offset(), timestamp, message.value(), origin, message.key())


@dataclasses.dataclass(frozen=True)
class Update:
    """A record of an update topic. `value`: JSON, None for a tombstone."""

    key: str
    value: bytes | None
    source: tuple[int, int, int]  # partition, offset, ordinal
    effective_time: int
    has_headers: bool

    @property
    def row(self) -> dict | None:
        return None if self.value is None else json.loads(self.value)


def updates(address: str, topic: str) -> list[Update]:
    return [_update(message) for message in read_topic(address, topic)]


def _update(message: Message) -> Update:
    headers = headers_of(message)
    said = [_said_by_headers(headers)] if headers else []
    if message.value() is not None:
        said.append(_said_by_value(json.loads(message.value())))
    assert said[0] == said[-1], "headers and value say the same"
    source, effective_time = said[0]
    assert source[0] == message.partition(), "a task writes its own partition only"
    return Update(message.key().decode(), message.value(), source, effective_time, bool(headers))


def _said_by_headers(headers: dict[str, str]) -> tuple[tuple, int]:
    _, *source = headers["forebay-source"].split("/")
    return tuple(map(int, source)), int(headers["forebay-effective-time"])


def _said_by_value(row: dict) -> tuple[tuple, int]:
    source = (row["_source_partition"], row["_source_offset"], row["_ordinal"])
    return source, parse_time(row["_effective_time"])


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    topic: str
    partition: int
    rejected: Rejected
    key: bytes | None
    value: bytes | None


def dead_letters(address: str, topic: str) -> list[DeadLetter]:
    return [_dead_letter(message) for message in read_topic(address, topic)]


def _dead_letter(message: Message) -> DeadLetter:
    headers = headers_of(message)
    assert headers["__connect.errors.exception.message"], "a dead letter says what is wrong"
    rejected = Rejected(
        int(headers["__connect.errors.offset"]),
        headers["forebay-reason"],
        headers.get("forebay-view", ""),
    )
    return DeadLetter(
        headers["__connect.errors.topic"],
        int(headers["__connect.errors.partition"]),
        rejected,
        message.key(),
        message.value(),
    )
