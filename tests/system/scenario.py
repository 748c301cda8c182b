"""What a system test feeds and asks: a source, its views, and the messages of its topic."""

from __future__ import annotations

import dataclasses
import json
import random

from confluent_kafka import Producer

from tests.oracle.model import Source, View, definitions


@dataclasses.dataclass(frozen=True)
class Message:
    """One record to produce. `timestamp` in milliseconds; `bad` is the reason code that its dead
    letter must have, empty for a good record."""

    key: str
    value: bytes
    timestamp: int
    bad: str = ""


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`messages` in the order of delivery."""

    project: str
    source: Source
    views: tuple[View, ...]
    messages: list[Message]
    services: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    partitions: int = 4

    def definitions(self) -> dict:
        return definitions(self.source, list(self.views), self.services)

    @property
    def direct_views(self) -> list[View]:
        """Those whose key is the topic's."""
        return [view for view in self.views if set(view.keys) == set(self.source.key)]

    @property
    def forwarded_views(self) -> dict[str, list[View]]:
        """Those that a repartition topic feeds, by entity."""
        by_entity: dict[str, list[View]] = {}
        for view in self.views:
            if set(view.keys) != set(self.source.key):
                by_entity.setdefault(view.entity, []).append(view)
        return by_entity

    def repartition_topic(self, entity: str) -> str:
        return f"{self.project}.{self.source.name}.by.{entity}"


def produce(
    broker_address: str, topic: str, messages: list[Message], seconds: float = 0
) -> None:
    """All of them, in order per key, durable on return; spread over about as many seconds."""
    producer = Producer(
        {
            "bootstrap.servers": broker_address,
            "enable.idempotence": True,
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    failures = []

    def delivered(error, message):
        if error is not None:
            failures.append(error)

    for message in messages:
        producer.produce(
            topic,
            message.value,
            message.key,
            timestamp=message.timestamp,
            on_delivery=delivered,
        )
        producer.poll(seconds / len(messages))
    assert producer.flush(60) == 0
    assert failures == []


def with_bad_records(
    events: list[tuple[int, str, dict]], event_time: str, wrong: dict, share: float, seed: int
) -> list[Message]:
    """Messages of `events` (timestamp in ms, key, fields), in their order. After some of them comes
    a spoiled copy, of the four kinds in turn; `wrong` are fields of a wrong type."""
    rng = random.Random(seed)
    year_2999 = 32_472_144_000_000
    messages = []
    spoiled = 0
    for timestamp, key, fields in events:
        text = json.dumps(fields)
        messages.append(Message(key, text.encode(), timestamp))
        if rng.random() >= share:
            continue
        value, reason = [
            (text[: len(text) // 2], "undecodable"),
            (json.dumps({k: v for k, v in fields.items() if k != event_time}), "bad_event_time"),
            (json.dumps(fields | wrong), "undecodable"),
            (json.dumps(fields | {event_time: year_2999}), "future"),
        ][spoiled % 4]
        spoiled += 1
        messages.append(Message(key, value.encode(), timestamp, reason))
    return messages


def delivered_late(
    events: list[tuple[int, str, dict]], share: float, most_ms: int, seed: int
) -> list[tuple[int, str, dict]]:
    """The events in order of delivery: a share of them up to `most_ms` after their time."""
    rng = random.Random(seed)

    def arrival(event):
        return event[0] + (rng.randint(1, most_ms) if rng.random() < share else 0)

    return sorted(events, key=arrival)
