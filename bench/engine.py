"""The engine alone: decoded batches in memory, see engine_bench.cc."""

from __future__ import annotations

import json
import shutil
import statistics

from bench import measured_process
from bench.workshop import ROOT, Workshop, binary

START = "start of two tasks, half of the keys each"


def command(workshop: Workshop, **options: object) -> list:
    """Hot keys on one thread, state only, unless `options` say otherwise."""
    settings = workshop.settings
    flags = {"project": ROOT / "bench" / "transactions", "events": settings.engine_events}
    flags |= {"keys": settings.keys} | options
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in flags.items()]
    return [binary("bench/engine_bench"), *(text for pair in pairs for text in pair)]


def measure(workshop: Workshop) -> dict:
    """A row per case; figures are medians of the runs."""
    # In turn, as the machine's speed changes.
    pairs = [(_run(workshop), _run(workshop, threads=2)) for _ in range(workshop.settings.runs)]
    hot = _medians("hot keys", [one for one, _ in pairs])
    threads = _medians("hot keys, two threads", [two for _, two in pairs])
    threads["speedup"] = statistics.median(
        two["events_per_second"] / one["events_per_second"] for one, two in pairs
    )
    for row in (hot, threads):
        for name in ("hot_bytes", "stored_bytes"):
            row[f"{name}_per_key"] = row[name] / row["keys_with_state"]
    every = [_run(workshop, steps="every") for _ in range(workshop.settings.runs)]
    rows = [
        hot,
        threads,
        _medians("hot keys, every change record", every),
        _with_store(workshop, "hot map a quarter of the state", workshop.settings.spilled_events),
        _start(workshop),
    ]
    return {"engine": rows}


def _medians(case: str, runs: list[dict]) -> dict:
    return {"case": case} | {
        name: statistics.median(run[name] for run in runs)
        for name, value in runs[0].items()
        if isinstance(value, (int, float))
    }


def _with_store(workshop: Workshop, case: str, events: int, **options: object) -> dict:
    """Once: putting the keys into the store takes long."""
    state = workshop.folder / "engine-state"
    keys = workshop.settings.engine_keys
    row = _run(workshop, keys=keys, events=events, state=state, hot_share=0.25, **options)
    shutil.rmtree(state)
    return {"case": case} | row


def _start(workshop: Workshop) -> dict:
    """As a worker starts: tasks side by side, as many as there are threads."""
    row = _with_store(workshop, START, events=2, threads=2)
    return {name: row[name] for name in ("case", "keys", "restart_seconds")}


def _run(workshop: Workshop, **options: object) -> dict:
    return json.loads(measured_process.run(command(workshop, **options), workshop.log).output)
