"""How soon an event counts: from the producer to a lookup through HTTP, under a steady load."""

from __future__ import annotations

import json
from types import SimpleNamespace

from bench import measured_process
from bench.stream import figures_or_reason, validate
from bench.variants import STATE, STATE_REPARTITIONED, UPDATES_AND_TABLE, VIEW, Variant
from bench.workshop import PARTITIONS, BenchFailed, Workshop, binary
from tests.system.worker import Worker

FEATURE = f"{VIEW}.payments_10m"


def measure(workshop: Workshop) -> list[dict]:
    settings = workshop.settings
    return [
        _result_of(workshop, variant, rate)
        for rate, variants in (
            (settings.freshness_rate, (UPDATES_AND_TABLE, STATE)),
            (settings.repartition_rate, (STATE, STATE_REPARTITIONED)),
        )
        for variant in variants
    ]


def _result_of(workshop: Workshop, variant: Variant, rate: int) -> dict:
    print(f"==> freshness: {variant.title}, {rate:,} events/s", flush=True)
    described = {"variant": variant.name, "title": variant.title, "asked_rate": rate}
    return described | figures_or_reason(lambda: _measure(workshop, variant, rate))


def _measure(workshop: Workshop, variant: Variant, rate: int) -> dict:
    settings = workshop.settings
    broker = workshop.broker()
    topic = f"freshness-{variant.name}-{rate}"
    broker.create_topic(topic, PARTITIONS, retention_ms="-1")  # the events are of long ago
    project = workshop.make_project(variant, topic)
    validate(project)
    with Worker(SimpleNamespace(folder=project)) as worker:
        command = [binary("bench/freshness_load"), "--brokers", broker.address, "--topic", topic]
        command += ["--http", f"127.0.0.1:{worker.ready['http_port']}", "--feature", FEATURE]
        command += ["--keyed-by", variant.topic_key]
        command += ["--rate", rate, "--seconds", settings.freshness_seconds]
        command += ["--warm-up", settings.freshness_warm_up, "--users", settings.users, "--zipf", settings.zipf]
        cpu_before = measured_process.cpu_seconds(worker.pid)
        cost = measured_process.run(command, workshop.log, known=[broker.pid, worker.pid])
        cpu_seconds = measured_process.cpu_seconds(worker.pid) - cpu_before
    row = json.loads(cost.output)
    if row["rate"] < 0.95 * row["asked_rate"]:
        raise BenchFailed(f"the producer reached {row['rate']} events per second only")
    return row | {"worker_cores": cpu_seconds / cost.seconds, "foreign_cores": cost.foreign_cores}
