"""A large catalog: planning it, a worker's start with it, and a page of search."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import time
import urllib.parse

from bench.workshop import BenchFailed, Workshop, binary
from tests.system.project import Project
from tests.system.worker import Worker

VIEWS_OF_SOURCE = 100
FEATURES_OF_VIEW = 20
SERVICES = 20
RUNS = 5
WINDOWS = ["10m", "1h", "24h", "7d"]
AGGREGATES = ["sum(amount)", "max(amount)", "count(*)", "count(*) filter (where country <> 'US')", "mean(amount)"]
QUERIES = ["spend", "spend card", "pyament", "amount_7", "ann", "nothing-like-it", "v123"]


def measure(workshop: Workshop) -> dict:
    project = _project(workshop)
    plan = [_seconds_of("plan", project.folder, code=2) for _ in range(RUNS)]
    _seconds_of("apply", "--yes", project.folder)
    unchanged = [_seconds_of("plan", project.folder) for _ in range(RUNS)]
    Worker(project).run_until_idle()  # makes the topics
    starts, pages = [], {}
    for _ in range(RUNS):
        begun = time.monotonic()
        with Worker(project) as worker:
            starts.append(time.monotonic() - begun)
            if len(starts) == RUNS:
                pages = _pages(worker)
    return {
        "catalog": {
            "features": workshop.settings.catalog_features,
            "views": workshop.settings.catalog_features // FEATURES_OF_VIEW,
            "plan_seconds": statistics.median(plan),
            "unchanged_plan_seconds": statistics.median(unchanged),
            "start_seconds": statistics.median(starts),
            **pages,
        }
    }


def _project(workshop: Workshop) -> Project:
    views = max(workshop.settings.catalog_features // FEATURES_OF_VIEW, 1)
    sources = -(-views // VIEWS_OF_SOURCE)
    for source in range(sources):
        workshop.broker().create_topic(f"catalog.payments{source}", 1)
    columns = {"user_id": "string", "country": "string", "amount": "double", "at": "timestamp_ms"}
    definitions = {
        "sources": [
            {"name": f"payments{i}", "topic": f"catalog.payments{i}", "key": ["user_id"], "schema": columns,
             "event_time": "at", "known_time": "event_time", "owner": "ann", "description": "Payments by card"}
            for i in range(sources)
        ],
        "entities": [{"name": "user", "keys": {"user_id": "string"}}],
        "feature_views": [_view(i) for i in range(views)],
        "feature_services": [
            {"name": f"service{i}", "features": [f"v{v}_spend.*" for v in range(i, views, SERVICES)]} for i in range(min(SERVICES, views))
        ],
    }  # fmt: skip
    return Project(workshop.folder / "catalog", "catalog", definitions, workshop.broker().address)


def _view(number: int) -> dict:
    features = [
        {"name": f"amount_{i}", "value": aggregate, "windows": WINDOWS, "description": "What a user spends"}
        for i, aggregate in enumerate(AGGREGATES)
    ]
    assert len(features) * len(WINDOWS) == FEATURES_OF_VIEW
    return {
        "name": f"v{number}_spend", "source": f"payments{number // VIEWS_OF_SOURCE}", "entity": "user",
        "owner": f"team{number % 7}", "tags": ["card", f"group{number % 13}"], "features": features,
    }  # fmt: skip


def _seconds_of(*arguments, code: int = 0) -> float:
    begun = time.monotonic()
    done = subprocess.run([binary("cli/forebay"), *arguments], capture_output=True, text=True)
    seconds = time.monotonic() - begun
    if done.returncode != code:
        raise BenchFailed(f"forebay {arguments[0]} ended with {done.returncode}: {done.stderr}")
    return seconds


def _pages(worker: Worker) -> dict:
    """Milliseconds of a page of each kind, by median; of search the slowest query's."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.ready["http_port"])

    def milliseconds(path: str) -> float:
        times = []
        for _ in range(RUNS):
            begun = time.monotonic()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            times.append(1000 * (time.monotonic() - begun))
            if answer.status != 200:
                raise BenchFailed(f"GET {path}: {answer.status} {body[:300]!r}")
        return statistics.median(times)

    searches = {query: milliseconds(f"/v1/catalog/search?limit=50&q={urllib.parse.quote(query)}") for query in QUERIES}
    print(json.dumps(searches))
    return {
        "search_milliseconds": max(searches.values()),
        "list_milliseconds": milliseconds("/v1/catalog/objects?limit=100"),
        "object_milliseconds": milliseconds("/v1/catalog/objects/view/v1_spend"),
        "lineage_milliseconds": milliseconds("/v1/catalog/lineage?name=payments0"),
    }
