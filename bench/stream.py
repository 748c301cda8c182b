"""The whole worker: events from a Kafka broker, features to the sinks that a variant switches on.

A variant is measured only after its digests have been seen to be right: over the first events, and
over as many spread over three days, so that windows expire. After the first timed run, what that run
left behind is checked as well.
"""

from __future__ import annotations

import pathlib
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable

from bench import digest, measured_process
from bench.measured_process import ProcessFailed
from bench.variants import ALL, Variant
from bench.workshop import IN_THREE_DAYS, BenchFailed, Topic, Workshop, binary
from tests.system.worker import WorkerError


class NotBuilt(Exception):
    """`forebay validate` refuses the variant; the message is what it said."""


def figures_or_reason(measure_one: Callable[[], dict]) -> dict:
    """What it returns, or why there is no figure: {"no_figure", "reason"}."""
    try:
        return measure_one()
    except NotBuilt as refusal:
        return {"no_figure": "not built", "reason": str(refusal)}
    except digest.WrongDigest as wrong:
        return {"no_figure": "wrong digest", "reason": str(wrong)}
    except (BenchFailed, ProcessFailed, WorkerError) as failure:
        return {"no_figure": "failed", "reason": str(failure)}


def measure(workshop: Workshop) -> list[dict]:
    """One result per variant."""
    references = digest.References(workshop)
    variants = _chosen(workshop.settings.variants)
    return [_result_of(workshop, references, variant) for variant in variants]


def command(project: pathlib.Path) -> list:
    return [binary("cli/forebay"), "run", project, "--until-idle"]


def source_topic(
    workshop: Workshop, variant: Variant, events: int, in_three_days: int = IN_THREE_DAYS
) -> Topic:
    return workshop.topic(events, format=variant.format, in_three_days=in_three_days)


def validate(project: pathlib.Path) -> None:
    done = subprocess.run(
        [binary("cli/forebay"), "validate", project], capture_output=True, text=True
    )
    if done.returncode != 0:
        said = done.stderr or done.stdout
        raise NotBuilt(said.strip().replace(f"{project}/", ""))


def _chosen(names: str) -> list[Variant]:
    by_name = {variant.name: variant for variant in ALL}
    chosen = names.split(",") if names else list(by_name)
    unknown = set(chosen) - set(by_name)
    if unknown:
        raise BenchFailed(
            f"no variant {', '.join(sorted(unknown))}: there are {', '.join(by_name)}"
        )
    return [by_name[name] for name in chosen]


def _result_of(workshop: Workshop, references: digest.References, variant: Variant) -> dict:
    print(f"==> stream: {variant.title}", flush=True)

    def measure_one() -> dict:
        _check_small(workshop, references, variant)
        return _measure(workshop, references, variant)

    described = {"variant": variant.name, "title": variant.title}
    return described | figures_or_reason(measure_one)


def _check_small(workshop: Workshop, references: digest.References, variant: Variant) -> None:
    events = workshop.settings.check_events
    for in_three_days in (IN_THREE_DAYS, events):
        topic = source_topic(workshop, variant, events, in_three_days)
        project = workshop.make_project(variant, topic.name)
        validate(project)
        measured_process.run(command(project), workshop.log)
        right = references.get(topic, variant.emit, "rows")
        digest.check_all(workshop.broker().address, project, variant, right)
        shutil.rmtree(project)


def _measure(workshop: Workshop, references: digest.References, variant: Variant) -> dict:
    topic = source_topic(workshop, variant, workshop.settings.events)
    runs = []
    started = time.monotonic()
    while len(runs) < workshop.settings.runs:
        project = workshop.make_project(variant, topic.name)
        runs.append(_run(workshop, project, topic.events))
        if len(runs) == 1:
            began = time.monotonic()
            digest.check(project, variant, references.get(topic, variant.emit, "tiles"))
            checked = time.monotonic() - began
            print(f"==> stream: checked in {checked:.0f} s", flush=True)
            started += checked
        shutil.rmtree(project)
        if time.monotonic() - started > workshop.settings.patience:
            break
    typical = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {"events": topic.events, "runs": runs, **typical}


def _run(workshop: Workshop, project: pathlib.Path, events: int) -> dict:
    broker = workshop.broker()
    broker_before = measured_process.cpu_seconds(broker.pid)
    cost = measured_process.run(
        command(project), workshop.log, from_first_line=True, known=[broker.pid]
    )
    return {
        "seconds": cost.seconds,
        "cpu_seconds": cost.cpu_seconds,
        "events_per_second": events / cost.seconds,
        "events_per_cpu_second": events / cost.cpu_seconds,
        "broker_cpu_seconds": measured_process.cpu_seconds(broker.pid) - broker_before,
        "halfway_megabytes": cost.halfway_megabytes,
        "peak_megabytes": cost.peak_megabytes,
        "foreign_cores": cost.foreign_cores,
    }
