"""Labels joined with the offline table that a worker wrote."""

from __future__ import annotations

import datetime
import pathlib
import random
import statistics

import polars as pl

from bench import measured_process, stream
from bench.digest import table_of
from bench.variants import DEFAULTS, VIEW
from bench.workshop import BenchFailed, Workshop, binary


def measure(workshop: Workshop) -> dict:
    project = _project_with_table(workshop)
    costs = [_join(workshop, project) for _ in range(workshop.settings.runs)]
    seconds = statistics.median(cost.seconds for cost in costs)
    cpu_seconds = statistics.median(cost.cpu_seconds for cost in costs)
    rows = pl.scan_delta(table_of(project)).select(pl.len()).collect().item()
    result = {
        "labels": workshop.settings.labels,
        "features": 22,
        "table_rows": rows,
        "table_files": len(table_of(project).file_uris()),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "labels_per_second": workshop.settings.labels / seconds,
        "labels_per_cpu_second": workshop.settings.labels / cpu_seconds,
        "peak_megabytes": max(cost.peak_megabytes for cost in costs),
        "foreign_cores": statistics.median(cost.foreign_cores for cost in costs),
    }
    return {"training-set": result}


def command(workshop: Workshop) -> list:
    """The join of random labels."""
    return _command(workshop, _project_with_table(workshop))


def _project_with_table(workshop: Workshop) -> pathlib.Path:
    """A new one, with random labels beside its folders."""
    topic = workshop.topic(workshop.settings.table_events)
    project = workshop.make_project(DEFAULTS, topic.name)
    measured_process.run(stream.command(project), workshop.log)
    labels = _random_labels(project, workshop.settings.labels)
    labels.write_parquet(project / "labels.parquet")
    return project


def _command(workshop: Workshop, project: pathlib.Path) -> list:
    labels = project / "labels.parquet"
    arguments = ["--project", project, "--labels", labels, "--time", "ts"]
    arguments += ["--features", f"{VIEW}.*", "--out", _output(workshop)]
    return [binary("cli/forebay"), "training-set", *arguments]


def _output(workshop: Workshop) -> pathlib.Path:
    return workshop.folder / "training_set.parquet"


def _join(workshop: Workshop, project: pathlib.Path) -> measured_process.Cost:
    cost = measured_process.run(_command(workshop, project), workshop.log)
    joined = pl.scan_parquet(_output(workshop))
    matched = joined.filter(pl.col(f"{VIEW}.payments_7d_hop_1d") > 0).select(pl.len()).collect()
    if joined.select(pl.len()).collect().item() != workshop.settings.labels or not matched.item():
        raise BenchFailed(f"the training set lacks rows or values: {cost.output}")
    return cost


def _random_labels(project: pathlib.Path, count: int) -> pl.DataFrame:
    """Users as often as they have rows, at times spread evenly over those of the table."""
    rows = pl.scan_delta(table_of(project)).select("user_id", "_effective_time").collect()
    users = rows["user_id"].sample(count, with_replacement=True, seed=1)
    first, last = rows["_effective_time"].min(), rows["_effective_time"].max()
    span = int((last - first) / datetime.timedelta(microseconds=1))
    rng = random.Random(1)
    times = [first + datetime.timedelta(microseconds=rng.randint(0, span)) for _ in range(count)]
    return pl.DataFrame(
        {"user_id": users, "ts": times}, schema_overrides={"ts": pl.Datetime("us", "UTC")}
    )
