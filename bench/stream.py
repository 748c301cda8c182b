"""The whole worker: events from a Kafka broker, features to all three sinks."""

from __future__ import annotations

import pathlib
import shutil
import statistics

import polars as pl
from deltalake import DeltaTable

from bench import measured_process
from bench.workshop import BenchFailed, Workshop, binary

VIEW = "user_activity"


def measure(workshop: Workshop) -> list[dict]:
    return [_measure_delivery(workshop, way) for way in ("exactly_once", "at_least_once")]


def command(project: pathlib.Path) -> list:
    return [binary("cli/forebay"), "run", project, "--until-idle"]


def ensure_kept_project(workshop: Workshop) -> pathlib.Path:
    """A project whose worker has applied all events."""
    if workshop.kept_project is None:
        project, _ = _run_worker(workshop, "exactly-once-kept", "exactly_once")
        workshop.kept_project = project
    return workshop.kept_project


def table_of(project: pathlib.Path) -> DeltaTable:
    return DeltaTable(str(project / "warehouse" / "offline" / VIEW / "v1"))


def _measure_delivery(workshop: Workshop, delivery: str) -> dict:
    runs = []
    for number in range(workshop.settings.runs):
        project, run = _run_worker(workshop, f"{delivery.replace('_', '-')}-{number}", delivery)
        runs.append(run)
        if workshop.kept_project is None:
            workshop.kept_project = project
        else:
            shutil.rmtree(project)
    typical = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {
        "delivery": delivery,
        "runs": runs,
        **typical,
        "events_per_second": typical["events"] / typical["seconds"],
        "events_per_cpu_second": typical["events"] / typical["cpu_seconds"],
    }


def _run_worker(workshop: Workshop, name: str, delivery: str) -> tuple[pathlib.Path, dict]:
    broker = workshop.broker()
    project = workshop.make_project(name, delivery=delivery)
    broker_before = measured_process.cpu_seconds(broker.pid)
    cost = measured_process.run(
        command(project), workshop.log, from_first_line=True, known=[broker.pid]
    )
    events = workshop.settings.events
    changes = _check(project, events)
    return project, {
        "events": events,
        "changes": changes,
        "seconds": cost.seconds,
        "cpu_seconds": cost.cpu_seconds,
        "broker_cpu_seconds": measured_process.cpu_seconds(broker.pid) - broker_before,
        "peak_megabytes": cost.peak_megabytes,
        "foreign_cores": cost.foreign_cores,
    }


def _check(project: pathlib.Path, events: int) -> int:
    """A run that lost an event has measured nothing. The number of change records."""
    rows = pl.scan_delta(table_of(project))
    kinds = dict(rows.group_by("_op").len().collect().iter_rows())
    if kinds.get("event") != events:
        raise BenchFailed(f"the table of {project} has the rows {kinds}, not {events} events")
    return sum(kinds.values())
