"""Tables: written by the sink, compacted, also beside a worker, and asked for the steps of one key by `forebay history`."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess

from bench import freshness, measured_process, stream
from bench.variants import DEFAULTS, VIEW
from bench.workshop import ROOT, BenchFailed, Workshop, binary

ROWS_OF_A_KEY = 100
DATES = 30
READS = re.compile(
    r"(?P<files>\d+) data files? opened, .*, (?P<pages>\d+) pages?, (?P<requests>\d+) requests?, "
    r"(?P<bytes>\d+) bytes; (?P<ms>[\d.]+) ms"
)


def measure(workshop: Workshop) -> dict:
    return {
        "lakehouse": _tables(workshop),
        "beside-upkeep": _beside_upkeep(workshop),
        "history": _history(workshop),
    }


def _tables(workshop: Workshop) -> list[dict]:
    """Medians of both stages: rows from memory through the change log into a table; that table compacted."""
    folder = workshop.folder / "sink"
    command = [binary("bench/sink_bench"), "--project", ROOT / "bench" / "transactions", "--folder", folder]
    command += ["--events", workshop.settings.table_events, "--repeats", 5]
    stages = []
    for stage in ("change log and table", "compaction"):
        done = subprocess.run(
            list(map(str, [*command, "--stage", stage])), capture_output=True, text=True, check=False
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        runs = [line for line in lines if line["stage"] == stage]
        if done.returncode != 0 or not runs:
            raise BenchFailed(f"sink_bench: {done.stderr}")
        numbers = [name for name, value in runs[0].items() if isinstance(value, (int, float))]
        medians = {name: statistics.median(run[name] for run in runs) for name in numbers}
        stages.append({"stage": stage} | medians)
    shutil.rmtree(folder)
    return stages


def _beside_upkeep(workshop: Workshop) -> list[dict]:
    """A worker that flushes five times a second, so that there is always something to compact, with and
    without upkeep; in turns, medians."""
    results: dict[str, list[dict]] = {"off": [], "on": []}
    for _ in range(workshop.settings.runs):
        for upkeep, runs in results.items():
            offline = {"upkeep_interval": "100ms", "upkeep": upkeep}
            runs.append(_run_beside(workshop, {"flush_interval": "200ms", "offline": offline}))
    return [
        {"upkeep": upkeep} | {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for upkeep, runs in results.items()
    ]


def _run_beside(workshop: Workshop, entries: dict) -> dict:
    settings = workshop.settings
    case = freshness.Case(DEFAULTS, freshness.LOOKUP, settings.freshness_rate, entries)
    probed = freshness.measure_case(workshop, case)
    topic = stream.source_topic(workshop, DEFAULTS, settings.events)
    project = workshop.make_project(DEFAULTS, topic.name, **entries)
    caught_up = stream.run(workshop, project, topic.events)
    workshop.remove_project(project)
    return {
        **{name: probed[name] for name in ("p50_ms", "p99_ms", "compacted_rows")},
        "events_per_second": caught_up["events_per_second"],
    }


def _history(workshop: Workshop) -> dict:
    project = workshop.folder / "history"
    shutil.copytree(ROOT / "bench" / "transactions", project)
    rows = workshop.settings.history_rows
    keys = rows // ROWS_OF_A_KEY
    command = [binary("bench/history_table"), "--project", project, "--rows", rows]
    measured_process.run([*command, "--dates", DATES, "--keys", keys], workshop.log)
    table = project / "warehouse" / "offline"
    reads = [_read(project, f"u{i * 7919 % keys}") for i in range(2 * workshop.settings.runs + 1)]
    reads = reads[1:]  # the first finds the log and footers cold
    result = {
        "table_rows": rows,
        "table_bytes": sum(file.stat().st_size for file in table.rglob("*.parquet")),
        "dates": DATES,
        **{name: statistics.median(read[name] for read in reads) for name in reads[0]},
    }
    shutil.rmtree(project)
    return result


def _read(project, key: str) -> dict[str, float]:
    """Twice, as it is to be warm."""
    command = [binary("cli/forebay"), "history", VIEW, key, "--project", project]
    command += ["--format", "json", "--reads"]
    for _ in range(2):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    found = READS.search(done.stderr)
    if done.returncode != 0 or found is None:
        raise BenchFailed(f"{command}: {done.stderr}")
    return {"steps": done.stdout.count("\n")} | {k: float(v) for k, v in found.groupdict().items()}
