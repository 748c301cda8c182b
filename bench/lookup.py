"""Lookups of all 22 features of one key: in process, and through the worker's doors."""

from __future__ import annotations

import contextlib
import json
import pathlib
import statistics
import subprocess
import threading
from types import SimpleNamespace

from bench import measured_process, stream, training_set
from bench.variants import DEFAULTS, VIEW
from bench.workshop import ROOT, BenchFailed, Workshop, binary
from tests.system.worker import Worker

EVENTS_PER_KEY = 3  # of those that the doors are asked for


def measure(workshop: Workshop) -> dict:
    project = _project_with_keys(workshop)
    return {
        "lookup": _in_process(workshop) + _through_doors(workshop, project),
        "beside-training-set": _beside_training_set(workshop, project),
    }


def _in_process(workshop: Workshop) -> list[dict]:
    folder = workshop.folder / "lookup"
    folder.mkdir()
    command = [binary("bench/lookup_bench"), "--project", ROOT / "bench" / "transactions"]
    command += ["--folder", folder, "--keys", workshop.settings.keys]
    command += ["--lookups", workshop.settings.lookups]
    output = measured_process.run(command, workshop.log).output
    return [json.loads(line) for line in output.splitlines()]


def _through_doors(workshop: Workshop, project: pathlib.Path) -> list[dict]:
    with Worker(SimpleNamespace(folder=project)) as worker:
        answer = worker.get("all", {"user_id": "u0000001"})
        if any(cell["status"] == "NOT_FOUND" for cell in answer.values()):
            raise BenchFailed(f"the worker does not know its keys: {answer}")
        return [
            _load(workshop, worker, door, connections)
            for door in ("grpc", "http")
            for connections in (1, 8)
        ]


def _beside_training_set(workshop: Workshop, project: pathlib.Path) -> list[dict]:
    """Lookups while one training set after the other is made of the worker's table, and without; in turns,
    medians."""
    labels = training_set.random_labels(project, workshop.settings.labels)
    labels.write_parquet(project / "labels.parquet")
    command = training_set.command_of(workshop, project, [f"{VIEW}.*"])
    results: dict[str, list[dict]] = {"off": [], "on": []}
    with Worker(SimpleNamespace(folder=project)) as worker:
        for _ in range(workshop.settings.runs):
            for beside, runs in results.items():
                with _repeated(command if beside == "on" else None) as made:
                    runs.append(_load(workshop, worker, "http", 1))
                runs[-1]["training_sets"] = made()
    names = ("p50_us", "p99_us", "per_second", "training_sets")
    return [
        {"training_set": beside} | {name: statistics.median(run[name] for run in runs) for name in names}
        for beside, runs in results.items()
    ]


@contextlib.contextmanager
def _repeated(command: list | None):
    """Runs the command again and again meanwhile; what it gives says how often it ended."""
    done, stop = 0, threading.Event()

    def repeat() -> None:
        nonlocal done
        while command is not None and not stop.is_set():
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
            done += 1

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield lambda: done
    finally:
        stop.set()
        thread.join()


def _load(workshop: Workshop, worker: Worker, door: str, connections: int) -> dict:
    """Clients that ask, wait for the answer, and ask again."""
    settings = workshop.settings
    command = [binary("bench/lookup_load"), f"--{door}", f"127.0.0.1:{worker.ready[f'{door}_port']}"]
    command += ["--feature-service", "all", "--key", "user_id=u%07d", "--keys", settings.keys - 1]
    command += ["--connections", connections, "--seconds", settings.load_seconds]
    cpu_before = measured_process.cpu_seconds(worker.pid)
    row = json.loads(measured_process.run(command, workshop.log).output)
    if row["errors"] or not row["requests"]:
        raise BenchFailed(f"lookups through {door} failed: {row}")
    cpu_seconds = measured_process.cpu_seconds(worker.pid) - cpu_before
    names = {"grpc": "gRPC Get", "http": "HTTP POST /v1/get"}
    plural = "s" if connections > 1 else ""
    return row | {
        "what": names[door],
        "state": f"{connections} connection{plural}",
        "per_second": row["requests_per_second"],
        "worker_cpu_seconds": cpu_seconds,
    }


def _project_with_keys(workshop: Workshop) -> pathlib.Path:
    """A project whose worker has applied a few events of each key."""
    keys = workshop.settings.keys
    topic = workshop.topic(keys * EVENTS_PER_KEY, users=keys, zipf=0)
    project = workshop.make_project(DEFAULTS, topic.name)
    measured_process.run(stream.command(project), workshop.log)
    return project
