"""The engine alone: decoded batches in memory, see engine_bench.cc."""

from __future__ import annotations

import json
import shutil
import statistics

from bench import measured_process
from bench.workshop import ROOT, Workshop, binary


def command(workshop: Workshop, **options: object) -> list:
    """Hot keys on one thread, state only, unless `options` say otherwise."""
    settings = workshop.settings
    flags = {"project": ROOT / "bench" / "transactions", "events": settings.engine_events}
    flags |= {"keys": settings.keys} | options
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in flags.items()]
    return [binary("bench/engine_bench"), *(text for pair in pairs for text in pair)]


def measure(workshop: Workshop) -> list[dict]:
    """A row per case; figures are medians of the runs."""
    hot = _case(workshop, "hot keys")
    threads = _case(workshop, "hot keys, two threads", threads=2)
    threads["speedup"] = threads["events_per_second"] / hot["events_per_second"]
    for row in (hot, threads):
        for name in ("hot_bytes", "stored_bytes"):
            row[f"{name}_per_key"] = row[name] / row["keys_with_state"]
    every = _case(workshop, "hot keys, every change record", steps="every")
    return [hot, threads, every, _spilled(workshop)]


def _case(workshop: Workshop, case: str, **options: object) -> dict:
    runs = [_run(workshop, **options) for _ in range(workshop.settings.runs)]
    return {"case": case} | {
        name: statistics.median(run[name] for run in runs)
        for name, value in runs[0].items()
        if isinstance(value, (int, float))
    }


def _spilled(workshop: Workshop) -> dict:
    """Once: putting the keys into the store takes long."""
    state = workshop.folder / "engine-state"
    size = {"keys": workshop.settings.engine_keys, "events": workshop.settings.spilled_events}
    row = _run(workshop, **size, state=state, hot_share=0.25)
    shutil.rmtree(state)
    return {"case": "hot map a quarter of the state"} | row


def _run(workshop: Workshop, **options: object) -> dict:
    return json.loads(measured_process.run(command(workshop, **options), workshop.log).output)
