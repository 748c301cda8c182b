"""The engine alone: decoded batches in memory through one task on one thread."""

from __future__ import annotations

import json

from bench import measured_process
from bench.workshop import Workshop, binary


def command(workshop: Workshop) -> list:
    return [binary("bench/engine_bench"), workshop.settings.events, workshop.settings.keys]


def measure(workshop: Workshop) -> dict:
    """The median run, with the CPU seconds of all."""
    runs = [
        json.loads(measured_process.run(command(workshop), workshop.log).output)
        for _ in range(workshop.settings.runs)
    ]
    runs.sort(key=lambda run: run["cpu_seconds"])
    return runs[len(runs) // 2] | {"all_cpu_seconds": [run["cpu_seconds"] for run in runs]}
