"""How soon an event counts: from the producer to a lookup through HTTP, or to a consumer of the update
topic that reads what is committed, under a steady load."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import threading
import time
from types import SimpleNamespace

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from bench import measured_process
from bench.stream import figures_or_reason
from bench.variants import DEFAULTS, STATE, STATE_REPARTITIONED, VIEW, Variant
from bench.workshop import PARTITIONS, BenchFailed, Workshop, binary, update_topic
from tests.system.worker import Worker

FEATURE = f"{VIEW}.payments_10m"
LOOKUP, CONSUMER = "a lookup", "a consumer of updates"
_TOPICS = itertools.count()
PATIENCE = 30  # seconds, for the last updates


@dataclasses.dataclass(frozen=True)
class Case:
    variant: Variant
    seen_by: str
    rate: int  # events per second
    entries: dict = dataclasses.field(default_factory=dict)  # more of forebay.yaml


def measure(workshop: Workshop) -> dict:
    rate, lower = workshop.settings.freshness_rate, workshop.settings.repartition_rate
    cases = (
        Case(DEFAULTS, LOOKUP, rate),
        Case(DEFAULTS, CONSUMER, rate),
        Case(STATE, LOOKUP, lower),
        Case(STATE_REPARTITIONED, LOOKUP, lower),
    )
    return {"freshness": [_result_of(workshop, case) for case in cases]}


def _result_of(workshop: Workshop, case: Case) -> dict:
    title = case.variant.title
    print(f"==> freshness: {title}, {case.rate:,} events/s, seen by {case.seen_by}", flush=True)
    described = {"variant": case.variant.name, "title": title, "seen_by": case.seen_by}
    described["asked_rate"] = case.rate
    return described | figures_or_reason(lambda: measure_case(workshop, case))


def measure_case(workshop: Workshop, case: Case) -> dict:
    settings, variant = workshop.settings, case.variant
    broker = workshop.broker()
    topic = f"freshness-{next(_TOPICS)}"
    broker.create_topic(topic, PARTITIONS, retention_ms="-1")  # the events are of long ago
    project = workshop.make_project(variant, topic, **case.entries)
    with Worker(SimpleNamespace(folder=project)) as worker, contextlib.ExitStack() as stack:
        command = [binary("bench/freshness_load"), "--brokers", broker.address, "--topic", topic]
        if case.seen_by == LOOKUP:
            command += ["--http", f"127.0.0.1:{worker.ready['http_port']}", "--feature", FEATURE]
        else:
            watch = stack.enter_context(_Watch(broker.address, update_topic(project)))
        command += ["--keyed-by", variant.topic_key]
        command += ["--rate", case.rate, "--seconds", settings.freshness_seconds]
        command += ["--warm-up", settings.freshness_warm_up, "--users", settings.users]
        command += ["--zipf", settings.zipf]
        cpu_before = measured_process.cpu_seconds(worker.pid)
        cost = measured_process.run(command, workshop.log, known=[broker.pid, worker.pid])
        cpu_seconds = measured_process.cpu_seconds(worker.pid) - cpu_before
        compacted = worker.metrics().get("forebay_compacted_rows_total", 0)
        *probes, figures = cost.output.splitlines()
        row = json.loads(figures) | ({} if case.seen_by == LOOKUP else watch.times_of(probes))
    workshop.remove_project(project)
    if row["rate"] < 0.95 * row["asked_rate"]:
        raise BenchFailed(f"the producer reached {row['rate']} events per second only")
    return row | {
        "worker_cores": cpu_seconds / cost.seconds,
        "foreign_cores": cost.foreign_cores,
        "compacted_rows": compacted,
    }


class _Watch:
    """When the first update of each probe came, as a consumer sees it that reads what is committed.
    A context manager, with a thread of its own."""

    def __init__(self, address: str, topic: str):
        self._consumer = Consumer(
            {"bootstrap.servers": address, "group.id": "watch", "enable.auto.commit": False}
        )
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
        self._arrivals: dict[str, float] = {}  # by user
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._consume)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def times_of(self, probes: list[str]) -> dict:
        """Of what freshness_load printed of them. Waits until all have come."""
        starts = {user: float(start) for user, start in map(str.split, probes)}
        deadline = time.monotonic() + PATIENCE
        while starts.keys() - self._arrivals.keys():
            if time.monotonic() > deadline:
                raise BenchFailed(f"updates did not come within {PATIENCE} s")
            time.sleep(0.1)
        times = sorted(1000 * (self._arrivals[user] - start) for user, start in starts.items())
        return {
            "p50_ms": times[(len(times) - 1) // 2],
            "p99_ms": times[(len(times) - 1) * 99 // 100],
            "max_ms": times[-1],
        }

    def _consume(self) -> None:
        while not self._ended.is_set():
            for message in self._consumer.consume(1_000, timeout=0.002):
                key = message.key()
                if message.error() is None and key.startswith(b"probe"):
                    self._arrivals.setdefault(key.decode(), time.monotonic())
