"""Which steps are records of the update topic, and which are merged into newer ones."""

import collections
import json

import pytest
from confluent_kafka import Producer

from tests.system.broker import Broker
from tests.system.project import Project
from tests.system.topics import Update, updates
from tests.system.worker import Worker

EVENTS = 2_000
USERS = ["u1", "u2", "u3"]
START_MS = 1_704_103_200_000  # 2024-01-01T10:00:00Z
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        one.create_topic("visits")
        producer = Producer({"bootstrap.servers": one.address})
        for i in range(EVENTS):
            visit = {"user": USERS[i % 3], "at": START_MS + i * MINUTE_MS}
            producer.produce("visits", json.dumps(visit), visit["user"])
        assert producer.flush(30) == 0
        yield one


def view(name: str, **options) -> dict:
    features = [{"name": "n", "value": "count(*)", "windows": ["10m", "lifetime"]}]
    view = {"name": name, "source": "visits", "entity": "user", "features": features}
    return view | ({"updates": options} if options else {})


VIEWS = [
    view("newest"),
    view("newest_event", expiry="off"),
    view("each", every="change"),
    view("each_event", every="change", expiry="off"),
]


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_steps_of_one_commit_are_one_update_unless_each_is_wanted(broker, tmp_path, delivery):
    name = delivery.replace("_", "-")
    source = {
        "name": "visits",
        "topic": "visits",
        "key": ["user"],
        "schema": {"user": "string", "at": "timestamp_ms"},
        "event_time": "at",
        "known_time": "event_time",
    }
    definitions = {
        "sources": [source],
        "entities": [{"name": "user", "keys": {"user": "string"}}],
        "feature_views": VIEWS,
    }
    project = Project(tmp_path, name, definitions, broker.address, delivery=delivery)
    with Worker(project) as worker:
        metrics = worker.wait_for_metric("forebay_applied_records_total", EVENTS)
        while counted(metrics, "written_updates", "each_event") < EVENTS:
            assert worker.running, worker.log_tail()
            metrics = worker.metrics()
    found = {v["name"]: updates(broker.address, project.update_topic(v["name"])) for v in VIEWS}

    ops = collections.Counter(update.row["_op"] for update in found["each"])
    assert ops["event"] == EVENTS and ops["expire"] > EVENTS / 2
    assert found["each_event"] == [u for u in found["each"] if u.row["_op"] == "event"]
    for merged, each in (("newest", "each"), ("newest_event", "each_event")):
        assert len(found[merged]) < len(found[each]) / 10
        assert values_by_key(found[merged]) == values_by_key(found[each])
        assert counted(metrics, "written_updates", merged) == len(found[merged])
        assert counted(metrics, "written_updates", each) == len(found[each])
        assert counted(metrics, "coalesced_steps", each) == 0
        total = len(found[merged]) + counted(metrics, "coalesced_steps", merged)
        assert total == len(found[each])


def counted(metrics: dict[str, float], what: str, view: str) -> float:
    labels = f'view="{view}",version="1",topic="visits",partition="0"'
    return metrics[f"forebay_{what}_total{{{labels}}}"]


def values_by_key(found: list[Update]) -> dict[str, bytes]:
    """The newest of each key."""
    return {update.key: update.value for update in found}
