"""Follows an update topic as a consumer of features would.

updates = UpdateReader("localhost:9092", "shop.user_spend.v1")
updates.start(); ...; updates.newest["u7"]["spend_10m"]; updates.stop()
"""

from __future__ import annotations

import datetime
import json
import statistics
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


class UpdateReader(threading.Thread):
    """`count`: updates read. `newest`: the newest row of each key that has one."""

    def __init__(self, brokers: str, topic: str):
        super().__init__(daemon=True)
        self.count = 0
        self.newest: dict[str, dict] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "demo",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                "log_level": 2,
            }
        )
        partitions = self._consumer.list_topics(topic, timeout=30).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        self._ages: list[float] = []
        self._last_read = time.monotonic()
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()
        if self.is_alive():
            self.join()
        self._consumer.close()

    def is_quiet(self) -> bool:
        """Nothing came for a second."""
        return time.monotonic() - self._last_read > 1

    def take_median_age(self) -> float | None:
        """Seconds from an event's arrival in Kafka to its update here, since the last call."""
        ages, self._ages = self._ages, []
        return statistics.median(ages) if ages else None

    def run(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(1000, timeout=0.05):
                if message.error() is None:
                    self._take(message)

    def _take(self, message) -> None:
        self._last_read = time.monotonic()
        self.count += 1
        key = message.key().decode()
        if message.value() is None:
            self.newest.pop(key, None)
            return
        row = json.loads(message.value())
        self.newest[key] = row
        if row["_op"] == "event":
            # A step is effective when its record reached Kafka (known_time: kafka).
            effective = datetime.datetime.fromisoformat(row["_effective_time"])
            self._ages.append(time.time() - effective.timestamp())
