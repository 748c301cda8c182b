"""The whole worker: events from a Kafka broker, features to the sinks that a variant switches on.

A variant is measured only after its digests have been seen to be right: over the first events, and
over as many spread over three days, so that windows expire. After the first timed run, what that run
left behind is checked as well.

Variants and other engines take turns, a run each, as the machine's speed changes.
"""

from __future__ import annotations

import contextlib
import pathlib
import statistics
from collections.abc import Callable

from bench import digest, measured_process, peers
from bench.measured_process import ProcessFailed
from bench.variants import ALL, Variant
from bench.workshop import IN_THREE_DAYS, BenchFailed, Topic, Workshop, binary
from tests.system.worker import WorkerError


def figures_or_reason(measure_one: Callable[[], dict]) -> dict:
    """What it returns, or why there is no figure: {"no_figure", "reason"}."""
    try:
        return measure_one()
    except digest.WrongDigest as wrong:
        return {"no_figure": "wrong digest", "reason": str(wrong)}
    except (BenchFailed, ProcessFailed, WorkerError) as failure:
        return {"no_figure": "failed", "reason": str(failure)}


class _Row:
    """Of the page: what one variant or engine gave, run by run."""

    def __init__(self, described: dict, run: Callable[[bool], dict]):
        """`run` measures once, and is told whether it is for the first time."""
        self._described = described
        self._run = run
        self._runs: list[dict] = []
        self._failure: dict = {}

    def run(self) -> None:
        if self._failure:
            return
        print(f"==> stream: {self._described['title']}", flush=True)
        figures = figures_or_reason(lambda: self._run(not self._runs))
        if "no_figure" in figures:
            self._failure = figures
            return
        self._runs.append(figures)

    def result(self) -> dict:
        if self._failure:
            return self._described | self._failure
        names = self._runs[0] if self._runs else ()
        typical = {name: statistics.median(run[name] for run in self._runs) for name in names}
        return self._described | typical | {"runs": self._runs}


def measure(workshop: Workshop) -> dict:
    """{"stream": a row per variant, "peers": a row per other engine, if there are any}."""
    variants = _chosen(workshop.settings.variants)
    with contextlib.ExitStack() as stack:
        others = _other_rows(stack, variants)
        own = _own_rows(workshop, variants)
        for _ in range(workshop.settings.runs):
            for row in (*own, *others):
                row.run()
    return {"stream": [row.result() for row in own], "peers": [row.result() for row in others]}


def command(project: pathlib.Path) -> list:
    return [binary("cli/forebay"), "run", project, "--until-idle"]


def source_topic(
    workshop: Workshop, variant: Variant, events: int, in_three_days: int = IN_THREE_DAYS
) -> Topic:
    return workshop.topic(events, format=variant.format, in_three_days=in_three_days)


def _chosen(names: str) -> list[Variant]:
    by_name = {variant.name: variant for variant in ALL}
    chosen = names.split(",") if names else list(by_name)
    unknown = set(chosen) - set(by_name)
    if unknown:
        raise BenchFailed(
            f"no variant {', '.join(sorted(unknown))}: there are {', '.join(by_name)}"
        )
    return [by_name[name] for name in chosen]


def _other_rows(stack: contextlib.ExitStack, variants: list[Variant]) -> list[_Row]:
    """Of the other engines that these are compared with, ready to run."""
    folder = peers.folder()
    chosen = [peer for peer in peers.ALL if peer.counterpart in variants]
    if folder is None or not chosen:
        return []
    runner = stack.enter_context(peers.Runner(folder))
    return [_other_row(runner, peer) for peer in chosen]


def _other_row(runner: peers.Runner, peer: peers.Peer) -> _Row:
    described = {"name": peer.name, "title": peer.title, "engine": peer.engine}
    described |= {"output": peer.output, "counterpart": peer.counterpart.name}
    return _Row(described, lambda _: runner.run(peer.name))


def _own_rows(workshop: Workshop, variants: list[Variant]) -> list[_Row]:
    references = digest.References(workshop)

    def row_of(variant: Variant) -> _Row:
        described = {"variant": variant.name, "title": variant.title}
        described["events"] = workshop.settings.events
        return _Row(described, lambda first: _measure(workshop, references, variant, first))

    return [row_of(variant) for variant in variants]


def _measure(
    workshop: Workshop, references: digest.References, variant: Variant, check: bool
) -> dict:
    if check:
        _check_small(workshop, references, variant)
    topic = source_topic(workshop, variant, workshop.settings.events)
    project = workshop.make_project(variant, topic.name)
    figures = run(workshop, project, topic.events)
    if variant.updates is not None:
        figures["records_per_event"] = workshop.count_updates(project) / topic.events
    if check:
        digest.check(project, variant, references.get(topic, variant.emit, "tiles"))
    workshop.remove_project(project)
    return figures


def _check_small(workshop: Workshop, references: digest.References, variant: Variant) -> None:
    events = workshop.settings.check_events
    for in_three_days in (IN_THREE_DAYS, events):
        topic = source_topic(workshop, variant, events, in_three_days)
        project = workshop.make_project(variant, topic.name)
        measured_process.run(command(project), workshop.log)
        right = references.get(topic, variant.emit, "rows")
        digest.check_all(workshop.broker().address, project, variant, right)
        workshop.remove_project(project)


def run(workshop: Workshop, project: pathlib.Path, events: int) -> dict:
    broker = workshop.broker()
    broker_before = measured_process.cpu_seconds(broker.pid)
    cost = measured_process.run(
        command(project), workshop.log, from_first_line=True, known=[broker.pid]
    )
    broker_seconds = measured_process.cpu_seconds(broker.pid) - broker_before
    return {
        "seconds": cost.seconds,
        "cpu_seconds": cost.cpu_seconds,
        "events_per_second": events / cost.seconds,
        "events_per_cpu_second": events / cost.cpu_seconds,
        "broker_us_per_event": broker_seconds / events * 1e6,
        "peak_megabytes": cost.peak_megabytes,
        "foreign_cores": cost.foreign_cores,
    }
