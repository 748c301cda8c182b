"""`forebay verify`: all places agree beside a worker; each is broken on purpose, and named."""

from __future__ import annotations

import json
import re
import shutil
import threading

import deltalake
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.system import runs
from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.scenario import Message, produce
from tests.system.topics import read_topic
from tests.system.worker import Worker

START_MS = 1_709_164_800_000
FEATURES = [
    {"name": "n", "value": "count(*)", "windows": ["10m", "lifetime"]},
    {"name": "spend", "value": "sum(amount)", "windows": ["10m"]},
    {"name": "shops", "value": "last_n(shop, 3)", "windows": ["lifetime"]},
]


def view(name: str, entity: str = "user", **more) -> dict:
    return {"name": name, "source": "orders", "entity": entity, "features": FEATURES} | more


VIEWS = [
    view("plain"),
    view("each", updates={"every": "change", "format": "protobuf"}),
    view("events_only", updates={"expiry": "off"}),
    view("by_shop", entity="shop", updates={"headers": "all"}),
    view("sampled", emit={"every": "1m"}),
    view("no_updates", updates="off"),
    view("no_history", history="off"),
    view("fleeting", features=FEATURES[1:2]),
]
SOURCE = {
    "name": "orders",
    "key": ["user_id"],
    "schema": {"user_id": "string", "shop": "string", "amount": "double", "at": "timestamp_ms"},
    "event_time": "at",
    "known_time": "event_time",
}
ENTITIES = [
    {"name": "user", "keys": {"user_id": "string"}},
    {"name": "shop", "keys": {"shop": "string"}},
]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def make_project(tmp_path, broker, request):
    """Of the test's own topic `<name>.orders`, which has 600 events."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:40].strip("-")
    broker.create_topic(f"{name}.orders", 3)
    send(broker, f"{name}.orders", 0, 600)

    def make(views: list[dict], called: str = name, **more) -> Project:
        definitions = {
            "sources": [SOURCE | {"topic": f"{name}.orders"}],
            "entities": ENTITIES,
            "feature_views": views,
        }
        config = runs.INTERVALS | {"offline": {"upkeep": "off"}} | more
        return Project(tmp_path / called, called, definitions, broker.address, **config)

    return make


def send(broker: Broker, topic: str, first: int, count: int) -> None:
    messages = []
    for i in range(first, first + count):
        time = START_MS + i * 2_000
        user = f"user-{i % 17}" if i % 50 else f"once-{i}"
        event = {"user_id": user, "shop": f"shop-{i % 7}", "amount": i / 8, "at": time}
        messages.append(Message(user, json.dumps(event).encode(), time))
    produce(broker.address, topic, messages)


class Answer:
    """What `forebay verify --format json` says."""

    def __init__(self, project: Project, *arguments: object):
        self.done = forebay("verify", *arguments, "--project", project.folder, "--format", "json")
        assert self.done.returncode in (0, 1), self.done.stderr
        lines = [json.loads(line) for line in self.done.stdout.splitlines()]
        self.tasks = [line for line in lines if "equal" in line]
        self.differences = [line for line in lines if "why" in line]

    def total(self, what: str, view: str | None = None) -> int:
        return sum(line[what] for line in self.tasks if view in (None, line["view"]))

    def assert_in_sync(self) -> "Answer":
        assert self.done.returncode == 0, self.done.stdout + self.done.stderr
        assert self.total("differing") == 0 and self.differences == []
        return self


def test_all_places_agree_beside_a_worker_that_goes_on(broker, make_project):
    project = make_project(VIEWS)
    stop = threading.Event()

    def stream():
        first = 600
        while not stop.is_set():
            send(broker, f"{project.name}.orders", first, 20)
            first += 20

    with Worker(project) as worker:
        worker.wait_for_metric("forebay_applied_records_total", 1_200)
        sender = threading.Thread(target=stream)
        sender.start()
        try:
            asked = ["--lookups", "--port", worker.ready["http_port"]]
            answers = [Answer(project, *more).assert_in_sync() for more in ([], asked, [])]
        finally:
            stop.set()
            sender.join()
        # Once the state is that of the last events, a lookup of each key is of the same step.
        looked_up = set()
        while looked_up != {f"{one['name']}@1" for one in VIEWS} - {"sampled@1"}:
            answer = Answer(project, *asked).assert_in_sync()
            looked_up = {line["view"] for line in answer.tasks if line["looked_up"] > 0}
    # As it stopped, all of all places counts.
    answer = Answer(project).assert_in_sync()
    assert answer.total("moving") == answer.total("moving", "sampled@1")
    for line in answer.tasks:
        with_updates = line["view"] != "no_updates@1"
        with_table = line["view"] != "no_history@1"
        places = ["online"] + ["updates"] * with_updates + ["table"] * with_table
        assert line["compared"] == " = ".join(places)
    positions = [sum(line["position"] for line in one.tasks) for one in [*answers, answer]]
    assert positions == sorted(positions) and positions[0] < positions[-1]
    for one in VIEWS:
        assert answer.total("equal", f"{one['name']}@1") >= 7, one["name"]
    assert re.search(r"^in sync: \d+ keys of 8 views", answer.done.stderr)


def test_a_record_that_somebody_else_put_into_the_update_topic(broker, make_project):
    project = make_project([view("plain"), view("each", updates={"format": "protobuf"})])
    Worker(project).run_until_idle()
    Answer(project).assert_in_sync()
    topic = project.update_topic("plain")
    newest = {m.key(): m for m in read_topic(broker.address, topic)}
    theirs = newest[b"user-3"]
    value = json.loads(theirs.value()) | {"spend_10m": 1e6}
    bad = Producer({"bootstrap.servers": broker.address})
    bad.produce(topic, json.dumps(value), theirs.key(), partition=theirs.partition())
    bad.produce(topic, None, b"user-4", partition=newest[b"user-4"].partition())
    bad.produce(topic, "hello", b"user-5", partition=newest[b"user-5"].partition())
    later = value | {"user_id": "user-6", "_source_offset": 10**6}
    later["_source_partition"] = newest[b"user-6"].partition()
    bad.produce(topic, json.dumps(later), b"user-6", partition=newest[b"user-6"].partition())
    stranger = value | {"user_id": "stranger"}
    bad.produce(topic, json.dumps(stranger), b"stranger", partition=theirs.partition())
    assert bad.flush(30) == 0

    answer = Answer(project)
    assert answer.done.returncode == 1 and "5 keys of 1 view differ" in answer.done.stderr
    found = {line["key"]: line for line in answer.differences}
    assert len(answer.differences) == len(found) == 5
    of_3 = found["user-3"]
    assert of_3["view"] == "plain@1" and of_3["column"] == "spend_10m"
    assert of_3["updates"] == "1e+06" and of_3["table"] == of_3["online"] != "1e+06"
    offset = value["_source_offset"]
    assert of_3["why"] == f"update topic and table have other values of the step of offset {offset}"
    assert "a tombstone that does not say which step it is" in found["user-4"]["why"]
    assert "neither JSON nor a protobuf" in found["user-5"]["why"] or "whole" in found["user-5"]["why"]
    assert "it says that offset 1000000 made it" in found["user-6"]["why"]
    assert found["stranger"]["why"] == "the table lacks it"
    Answer(project, "each").assert_in_sync()


def test_a_row_that_somebody_else_changed_in_the_table(make_project):
    project = make_project([view("plain"), view("no_updates", updates="off")])
    Worker(project).run_until_idle()
    for name in ("plain", "no_updates"):
        table = deltalake.DeltaTable(project.table(name))
        frame = table.to_pyarrow_table(filters=[("user_id", "=", "user-8")]).to_pandas()
        newest = frame["_source_offset"].max()
        table.update(
            {"n_lifetime": "n_lifetime + 1"},
            predicate=f"user_id = 'user-8' and _source_offset = {newest}",
        )
        table.delete("user_id = 'user-9'")
    answer = Answer(project)
    assert answer.done.returncode == 1 and "4 keys of 2 views differ" in answer.done.stderr
    found = {(line["view"], line["key"]): line for line in answer.differences}
    of_8 = found["plain@1", "user-8"]
    assert of_8["column"] == "n_lifetime"
    assert int(of_8["table"]) - 1 == int(of_8["online"]) == int(of_8["updates"])
    assert "update topic and table have other values" in of_8["why"]
    assert "has other values than the table" in of_8["why"]
    assert found["plain@1", "user-9"]["why"].startswith("the table lacks it; ")
    assert found["no_updates@1", "user-8"]["updates"] == ""


def test_a_state_that_is_of_other_records(broker, make_project):
    """That of another project, which came when the topic had lost its first records."""
    views = [view("plain"), view("no_history", history="off")]
    project = make_project(views)
    Worker(project).run_until_idle()
    topic = f"{project.name}.orders"
    admin = AdminClient({"bootstrap.servers": broker.address})
    gone = [TopicPartition(topic, partition, 30) for partition in range(3)]
    for done in admin.delete_records(gone).values():
        done.result(30)
    other = make_project(views, called="other")
    with Worker(other) as worker:
        worker.wait_for_metric("forebay_written_updates_total", 1)
        asked = Answer(project, "plain", "--lookups", "--port", worker.ready["http_port"])
    found = {line["key"]: line for line in asked.differences}["user-1"]
    assert asked.done.returncode == 1 and found["column"] == "n_lifetime"
    assert found["table"] == found["updates"] != found["online"] != ""
    assert found["why"].startswith("a lookup answers otherwise than the state, as of the step of ")
    alone = Answer(project, "plain", "--lookups", "--port", worker.ready["http_port"])
    alone.assert_in_sync()
    assert "no lookups: no worker answers at" in alone.tasks[0]["note"]
    for partition in range(3):
        store = f"{topic}-{partition}/store"
        shutil.rmtree(project.state / store)
        shutil.copytree(other.state / store, project.state / store)

    answer = Answer(project, "--show", "100")
    assert answer.done.returncode == 1
    by_key = {(line["view"], line["key"]): line for line in answer.differences}
    of_all = [line for (name, key), line in by_key.items() if key == "user-1" and name == "plain@1"]
    assert of_all[0]["updates"] == of_all[0]["table"] != of_all[0]["online"] != ""
    assert {line["column"] for line in answer.differences} == {"n_lifetime", ""}
    lost = by_key["plain@1", "once-0"]
    assert lost["why"] == "the state lacks it" and lost["online"] == "nothing"
    assert by_key["no_history@1", "once-0"]["why"] == "the state lacks it"


def test_without_the_state_topic_and_table_are_compared(make_project):
    project = make_project([view("plain"), view("no_history", history="off")])
    nothing = forebay("verify", "--project", project.folder)
    assert nothing.returncode == 1 and "nothing was compared" in nothing.stderr
    Worker(project).run_until_idle()
    project.state.rename(project.folder / "elsewhere")
    answer = Answer(project).assert_in_sync()
    places = {(line["view"], line["compared"], line["note"]) for line in answer.tasks}
    note = "its state is not on this machine"
    assert places == {("plain@1", "updates = table", note), ("no_history@1", "", note)}
    unknown = forebay("verify", "plane", "--project", project.folder)
    assert unknown.returncode == 2 and "the feature views are: plain" in unknown.stderr


def test_a_worker_compares_by_itself_and_tells_its_metrics(broker, make_project):
    project = make_project([view("plain"), view("by_shop", entity="shop")], verify={"every": "200ms"})
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_verified_keys", 7 + 17 + 12)
        topic = project.update_topic("by_shop")
        theirs = {m.key(): m for m in read_topic(broker.address, topic)}[b"shop-2"]
        bad = Producer({"bootstrap.servers": broker.address})
        value = json.loads(theirs.value()) | {"n_lifetime": 0}
        bad.produce(topic, json.dumps(value), theirs.key(), partition=theirs.partition())
        assert bad.flush(30) == 0
        worker.wait_for_log("out of sync: 1 key of by_shop@1 in")
        differing = 'forebay_verified_keys{{view="{}",version="1",result="differing"}}'
        while (metrics := worker.metrics())[differing.format("by_shop")] == 0:
            assert worker.running
        assert metrics[differing.format("plain")] == 0
        assert metrics["forebay_last_verify_timestamp_seconds"] > 1.7e9
        assert "forebay_verify_errors_total" in metrics
    log = worker.log.read_text()
    assert "among them shop-2, n_lifetime: update topic and table have other values" in log
    assert "`forebay verify by_shop@1` shows more" in log
