"""Labels joined with the offline table that a worker wrote, beside other engines on the same files."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import random
import shutil
import statistics
import sys

import polars as pl

from bench import measured_process, stream
from bench.digest import table_of
from bench.variants import DEFAULTS, VIEW
from bench.workshop import ROOT, BenchFailed, Workshop, binary

OWN = "forebay"
LARGE_MEMORY = "2GB"
ROWS_OF_A_KEY, DATES = 100, 30  # of the large table
CHECKED = ("duckdb", "polars")
OTHERS = (*CHECKED, "floor")
FLOOR = "reading the needed columns alone (pyarrow)"
TITLES = {"duckdb": "DuckDB", "polars": "Polars", "floor": FLOOR}


def measure(workshop: Workshop) -> dict:
    project = _project_with_table(workshop)
    features = _features_of(table_of(project))
    rows = pl.scan_delta(table_of(project)).select(pl.len()).collect().item()
    case = {
        "case": f"{len(features)} features",
        "labels": workshop.settings.labels,
        "table_rows": rows,
        "table_files": len(table_of(project).file_uris()),
    }
    case["engines"] = measure_engines(
        workshop, command_of(workshop, project, features), _job(workshop, project, features)
    )
    _check(workshop, features)
    return {"training-set": [case, _large(workshop)]}


def _large(workshop: Workshop) -> dict:
    """A table that does not fit into the memory that the join may use, and a tenth as many labels."""
    project, rows = workshop.folder / "large", workshop.settings.history_rows
    keys = max(rows // ROWS_OF_A_KEY, 1)
    shutil.copytree(ROOT / "bench" / "transactions", project)
    command = [binary("bench/history_table"), "--project", project, "--rows", rows]
    measured_process.run([*command, "--dates", DATES, "--keys", keys], workshop.log)
    table = project / "warehouse" / "offline" / VIEW / "v1"
    times = pl.scan_delta(str(table)).select(
        pl.col("_effective_time").min().alias("first"), pl.col("_effective_time").max().alias("last")
    )
    first, last = (int(time.timestamp() * 1e6) for time in times.collect().row(0))
    number = pl.int_range(max(rows // 10, 1))
    labels = pl.select(
        user_id=pl.concat_str(pl.lit("u"), number.hash(1) % keys),
        ts=(first + number.hash(2) % (last - first)).cast(pl.Int64).cast(pl.Datetime("us", "UTC")),
    )
    labels.write_parquet(project / "labels.parquet")
    features = _features_of(str(table))
    cost = measured_process.run(
        [*command_of(workshop, project, features), "--memory", LARGE_MEMORY], workshop.log
    )
    case = {
        "case": f"{len(features)} features, {LARGE_MEMORY} of memory",
        "labels": labels.height,
        "table_rows": rows,
        "table_files": sum(1 for _ in table.rglob("*.parquet")),
        "engines": [_summary(OWN, [cost])],
    }
    shutil.rmtree(project)
    return case


def command(workshop: Workshop) -> list:
    """The join of random labels."""
    return command_of(workshop, _project_with_table(workshop), [f"{VIEW}.*"])


def command_of(
    workshop: Workshop, project: pathlib.Path, features: list[str], time: str = "ts"
) -> list:
    names = ",".join(name if "." in name else f"{VIEW}.{name}" for name in features)
    arguments = ["--project", project, "--labels", project / "labels.parquet", "--time", time]
    arguments += ["--features", names, "--out", output_of(workshop, OWN)]
    return [binary("cli/forebay"), "training-set", *arguments]


def measure_engines(workshop: Workshop, own: list, job: dict) -> list[dict]:
    """By engine, run in turn."""
    commands = {OWN: own}
    for engine in OTHERS:
        file = workshop.folder / f"{engine}.json"
        file.write_text(json.dumps(job | {"out": str(output_of(workshop, engine))}))
        commands[engine] = [sys.executable, ROOT / "bench" / "as_of_join.py", engine, file]
    os.environ["POLARS_MAX_THREADS"] = "2"
    costs = {engine: [] for engine in commands}
    for _ in range(workshop.settings.runs):
        for engine, arguments in commands.items():
            costs[engine].append(measured_process.run(arguments, workshop.log))
    return [_summary(engine, found) for engine, found in costs.items()]


def _summary(engine: str, costs: list[measured_process.Cost]) -> dict:
    return {
        "engine": TITLES.get(engine, engine),
        "seconds": statistics.median(cost.seconds for cost in costs),
        "cpu_seconds": statistics.median(cost.cpu_seconds for cost in costs),
        "peak_megabytes": max(cost.peak_megabytes for cost in costs),
        "foreign_cores": statistics.median(cost.foreign_cores for cost in costs),
    }


def _project_with_table(workshop: Workshop) -> pathlib.Path:
    """A new one, with random labels beside its folders."""
    topic = workshop.topic(workshop.settings.table_events)
    project = workshop.make_project(DEFAULTS, topic.name)
    measured_process.run(stream.command(project), workshop.log)
    labels = random_labels(project, workshop.settings.labels)
    labels.write_parquet(project / "labels.parquet")
    return project


def _features_of(table) -> list[str]:
    names = pl.scan_delta(table).collect_schema().names()
    return [name for name in names if not name.startswith("_") and name not in ("user_id", "date")]


def _job(workshop: Workshop, project: pathlib.Path, features: list[str]) -> dict:
    table = {"files": table_of(project).file_uris(), "time": "_effective_time", "features": features}
    labels = {"labels": str(project / "labels.parquet"), "key": "user_id", "label_time": "ts"}
    return labels | {"tables": [table]}


def output_of(workshop: Workshop, engine: str) -> pathlib.Path:
    return workshop.folder / f"{engine}.parquet"


def _check(workshop: Workshop, features: list[str]) -> None:
    """All engines gave the same."""
    own = pl.read_parquet(output_of(workshop, OWN))
    if own.height != workshop.settings.labels:
        raise BenchFailed(f"the training set has {own.height} rows")
    prefixed = {f"{VIEW}.{name}": name for name in features}
    own = own.rename(prefixed).sort("user_id", "ts")
    for engine in CHECKED:
        other = pl.read_parquet(output_of(workshop, engine)).sort("user_id", "ts")
        for name in features:
            # What has no row has the default here and null there.
            wrong = own[name].fill_null(0).cast(float) != other[name].fill_null(0).cast(float)
            if wrong.any():
                raise BenchFailed(f"{engine} gives another {name} for {wrong.sum()} labels")


def random_labels(project: pathlib.Path, count: int) -> pl.DataFrame:
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
