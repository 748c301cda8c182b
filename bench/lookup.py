"""Lookups of all 22 features of one key: in process, and through the worker's doors."""

from __future__ import annotations

import json
import pathlib
from types import SimpleNamespace

from bench import measured_process, stream
from bench.variants import DEFAULTS
from bench.workshop import ROOT, BenchFailed, Workshop, binary
from tests.system.worker import Worker

EVENTS_PER_KEY = 3  # of those that the doors are asked for


def measure(workshop: Workshop) -> dict:
    return {"lookup": _in_process(workshop) + _through_doors(workshop)}


def _in_process(workshop: Workshop) -> list[dict]:
    folder = workshop.folder / "lookup"
    folder.mkdir()
    command = [binary("bench/lookup_bench"), "--project", ROOT / "bench" / "transactions"]
    command += ["--folder", folder, "--keys", workshop.settings.keys]
    command += ["--lookups", workshop.settings.lookups]
    output = measured_process.run(command, workshop.log).output
    return [json.loads(line) for line in output.splitlines()]


def _through_doors(workshop: Workshop) -> list[dict]:
    project = _project_with_keys(workshop)
    with Worker(SimpleNamespace(folder=project)) as worker:
        answer = worker.get("all", {"user_id": "u0000001"})
        if any(cell["status"] == "NOT_FOUND" for cell in answer.values()):
            raise BenchFailed(f"the worker does not know its keys: {answer}")
        return [
            _load(workshop, worker, door, connections)
            for door in ("grpc", "http")
            for connections in (1, 8)
        ]


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
