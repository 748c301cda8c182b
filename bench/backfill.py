"""The engine over files: `forebay backfill` of 22 features from Parquet, state only."""

from __future__ import annotations

import pathlib
import shutil
import statistics

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import measured_process
from bench.workshop import ROOT, BenchFailed, Workshop, binary

START_MS = 1_767_225_600_000
FILES = 8
PARTITIONS = 4


def measure(workshop: Workshop) -> dict:
    settings = workshop.settings
    project = _project(workshop, "files", settings.engine_events)
    # What a run costs that has next to nothing to read.
    little = _project(workshop, "few", 1000)
    costs = [_run(workshop, project, settings.engine_events) for _ in range(settings.runs)]
    base = statistics.median(_run(workshop, little, 1000).cpu_seconds for _ in range(settings.runs))
    cpu_seconds = statistics.median(cost.cpu_seconds for cost in costs) - base
    seconds = statistics.median(cost.seconds for cost in costs)
    result = {
        "events": settings.engine_events,
        "keys": settings.keys,
        "files": FILES,
        "events_per_second": settings.engine_events / seconds,
        "events_per_cpu_second": settings.engine_events / cpu_seconds,
        "peak_megabytes": max(cost.peak_megabytes for cost in costs),
        "foreign_cores": statistics.median(cost.foreign_cores for cost in costs),
    }
    shutil.rmtree(project)
    return {"backfill": result}


def _run(workshop: Workshop, project: pathlib.Path, events: int) -> measured_process.Cost:
    for name in ("state", "warehouse"):
        shutil.rmtree(project / name, ignore_errors=True)
    log = workshop.folder / f"{project.name}.log"
    log.unlink(missing_ok=True)
    command = [binary("cli/forebay"), "backfill", "--project", project]
    cost = measured_process.run(command, log)
    if f" {events} applied" not in log.read_text():
        raise BenchFailed(f"not all events were applied: {log.read_text()[-1000:]}")
    return cost


def _project(workshop: Workshop, name: str, events: int) -> pathlib.Path:
    folder = workshop.folder / f"backfill-{name}"
    (folder / "features").mkdir(parents=True)
    text = (ROOT / "bench/transactions/features/user_activity.yaml").read_text()
    text = text.replace(
        "    topic: transactions\n", f"    batch: {{path: history, partitions: {PARTITIONS}}}\n"
    )
    text = text.replace("    entity: user\n", "    entity: user\n    history: off\n    updates: off\n")
    (folder / "features" / "user_activity.yaml").write_text(text)
    (folder / "forebay.yaml").write_text("project: bench\nkafka: {bootstrap.servers: none}\n")
    (folder / "history").mkdir()
    _write_files(folder / "history", events, workshop.settings.keys)
    return folder


def _write_files(folder: pathlib.Path, events: int, keys: int) -> None:
    """As transaction_stream.h: users of uneven shares, half a day between the events of one."""
    random = np.random.default_rng(1)
    shares = 1 / np.arange(1, keys + 1) ** 1.05
    users = random.choice(keys, size=events, p=shares / shares.sum())
    times = START_MS + np.arange(events, dtype=np.int64) * (3 * 86_400_000) // max(events, 1)
    for part in np.array_split(np.arange(events), FILES):
        table = pa.table(
            {
                "transaction_id": [f"t{i}" for i in part],
                "user_id": [f"user{user:07}" for user in users[part]],
                "amount": np.round(random.lognormal(3, 1, len(part)), 2),
                "country": random.choice(["US", "US", "US", "GB", "DE"], len(part)),
                "event_time": pa.array(times[part], pa.timestamp("ms", "UTC")),
            }
        )
        pq.write_table(table, folder / f"{part[0] if len(part) else 0:010}.parquet")
