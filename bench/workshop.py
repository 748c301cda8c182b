"""What the stages share: the settings, a broker with the events, and project folders."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from bench import measured_process
from bench.variants import VIEW, Variant
from tests.system.broker import Broker

ROOT = pathlib.Path(__file__).resolve().parents[1]
BROKER_JVM = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC")
PARTITIONS = 4
IN_THREE_DAYS = 5_000_000  # transactions of event time, see transaction_stream.h


class BenchFailed(Exception):
    """A stage could not measure; the message says why."""


def setting(default, text: str):
    return dataclasses.field(default=default, metadata={"text": text})


@dataclasses.dataclass
class Settings:
    events: int = setting(5_000_000, "through the whole worker, in each run")
    runs: int = setting(5, "of each variant and other engine, of the engine alone and of the join")
    variants: str = setting("", "of the whole worker, by name, with commas; empty: all")
    check_events: int = setting(100_000, "whose digest is computed by brute force")
    users: int = setting(1_000_000, "that the events are of, at most")
    zipf: float = setting(1.05, "how unevenly users share the events")
    engine_keys: int = setting(10_000_000, "of the engine alone, where they do not fit into memory")
    engine_events: int = setting(5_000_000, "through the engine alone, with hot keys")
    spilled_events: int = setting(1_000_000, "the same, where its state is larger than memory")
    scaling_events: int = setting(300_000, "for each point of the scaling table")
    scaling_runs: int = setting(3, "of each of them")
    freshness_rate: int = setting(50_000, "events per second while freshness is measured")
    repartition_rate: int = setting(10_000, "the same, for a view by another key beside a direct one")
    freshness_seconds: float = setting(10, "of that")
    freshness_warm_up: float = setting(60, "seconds before, in which the broker gets its code compiled")
    keys: int = setting(100_000, "with state: hot ones of the engine alone, and for lookups")
    lookups: int = setting(1_000_000, "in process")
    load_seconds: float = setting(10, "of lookups over the network, each")
    table_events: int = setting(1_000_000, "in the table that labels are joined with")
    labels: int = setting(1_000_000, "joined with the offline table")
    score_rows: int = setting(5_000_000, "of a table of scores that labels are joined with")
    history_rows: int = setting(100_000_000, "in the table that the steps of one key are read from")
    catalog_features: int = setting(10_000, "in a catalog that is planned, started with and searched")
    profile: bool = setting(False, "also say where the time goes, by perf")


@dataclasses.dataclass(frozen=True)
class Topic:
    """Of transactions, as produce_transactions makes them."""

    events: int
    users: int
    zipf: float
    format: str = "json"
    in_three_days: int = IN_THREE_DAYS

    @property
    def name(self) -> str:
        parts = (self.format, self.events, self.users, self.zipf, self.in_three_days)
        return "-".join(["transactions", *map(str, parts)])


class Workshop:
    """Owns the folder `folder`, and the broker once a stage asked for it. A context manager."""

    def __init__(self, folder: pathlib.Path, settings: Settings):
        self.folder = folder
        self.settings = settings
        self._broker: Broker | None = None
        self._topics: set[Topic] = set()
        self._projects = 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *exception) -> None:
        if self._broker is not None:
            self._broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self) -> pathlib.Path:
        return self.folder / "log"

    def broker(self) -> Broker:
        """Started."""
        if self._broker is None:
            self._broker = Broker(self.folder / "broker", java=BROKER_JVM)
            self._broker.start()
        return self._broker

    def topic(self, events: int, **more) -> Topic:
        """With its events."""
        settings = self.settings
        topic = Topic(events, **({"users": settings.users, "zipf": settings.zipf} | more))
        if topic not in self._topics:
            command = [binary("bench/produce_transactions"), "--brokers", self.broker().address]
            command += ["--topic", topic.name, "--partitions", PARTITIONS]
            command += ["--format", topic.format, *stream_options(topic)]
            measured_process.run(command, self.log)
            self._topics.add(topic)
        return topic

    def make_project(self, variant: Variant, topic: str, **more) -> pathlib.Path:
        """A new one that reads `topic`: bench/transactions in this variant; `more`: entries of its
        forebay.yaml. Its folder's name is also that of its consumer group and the first part of that
        of its topics."""
        self._projects += 1
        folder = self.folder / f"{variant.name}-{self._projects}"
        shutil.copytree(ROOT / "bench" / "transactions" / "features", folder / "features")
        definitions = folder / "features" / "user_activity.yaml"
        definitions.write_text(variant.definitions(definitions.read_text(), topic))
        entries = {
            "project": folder.name,
            "delivery": variant.delivery,
            "kafka": {"bootstrap.servers": self.broker().address} | variant.kafka,
            "serving": {"address": "127.0.0.1", "http_port": 0, "grpc_port": 0},
            "ready_lag": 10**12,  # ready when it begins to read: time is taken from then on
        } | more
        (folder / "forebay.yaml").write_text(json.dumps(entries))
        return folder

    def remove_project(self, project: pathlib.Path) -> None:
        """With its update topic, if it has one: the broker would go on compacting that."""
        admin, topic = self.broker().admin(), update_topic(project)
        if topic in admin.list_topics(timeout=30).topics:
            admin.delete_topics([topic])[topic].result(30)
        shutil.rmtree(project)

    def count_updates(self, project: pathlib.Path) -> int:
        """How many the project published; and, of each transaction, a mark in each partition."""
        topic = update_topic(project)
        latest = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(PARTITIONS)}
        admin = self.broker().admin()  # what it was asked for ends with it
        return sum(end.result(30).offset for end in admin.list_offsets(latest).values())


def update_topic(project: pathlib.Path) -> str:
    return f"{project.name}.{VIEW}.v1"


def stream_options(topic: Topic) -> list:
    """Of a program that makes the transactions."""
    options = ["--events", topic.events, "--users", topic.users, "--zipf", topic.zipf]
    return [*options, "--in-three-days", topic.in_three_days]


def binary(path: str) -> pathlib.Path:
    """A program of the build folder."""
    found = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build")).resolve() / path
    if not found.exists():
        raise BenchFailed(f"{found} is not built: run ./dev build")
    return found
