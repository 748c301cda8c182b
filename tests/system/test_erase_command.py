"""`forebay erase` beside a worker: a key goes from state, tables, their older versions and archive,
and everything else stays."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import threading

import deltalake
import polars as pl
import pyarrow.parquet as pq
import pytest

from tests.system import runs
from tests.system.broker import Broker
from tests.system.project import Project, forebay, forebay_binary
from tests.system.scenario import Message, produce
from tests.system.topics import read_topic
from tests.system.worker import Worker

START_MS = 1_709_164_800_000
SUBJECT = "subject-7f3e"  # a user; and, of the test that erases both, a shop
DEFINITIONS = {
    "sources": [
        {
            "name": "orders",
            "topic": "orders",
            "format": "json",
            "key": ["shop"],
            "schema": {"shop": "string", "user_id": "string", "amount": "double", "event_time": "timestamp_ms"},
            "event_time": "event_time",
            "known_time": "event_time",
            "archive": "on",
        }
    ],
    "entities": [
        {"name": "shop", "keys": {"shop": "string"}},
        {"name": "user", "keys": {"user_id": "string"}},
    ],
    "feature_views": [
        {
            "name": name,
            "version": 1,
            "source": "orders",
            "entity": entity,
            "features": [
                {"name": "n", "value": "count(*)", "windows": ["10m", "lifetime"]},
                {"name": "spend", "value": "sum(amount)", "windows": ["10m"]},
            ],
        }
        for name, entity in [("shop_spend", "shop"), ("user_spend", "user")]
    ],
}  # fmt: skip
TABLES = ["offline/shop_spend/v1", "offline/user_spend/v1", "events/orders"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def project(tmp_path, broker, request) -> Project:
    """Its topic has events of the subject among others, as a user and as a shop."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:50].strip("-")
    definitions = json.loads(json.dumps(DEFINITIONS))
    definitions["sources"][0]["topic"] = f"{name}.orders"
    broker.create_topic(f"{name}.orders", 3)
    config = runs.INTERVALS | {"offline": {"upkeep": "off"}}
    made = Project(tmp_path, name, definitions, broker.address, **config)
    send(broker, made, 0, 300, both="and_nothing_else" in request.node.name)
    return made


def send(
    broker: Broker, project: Project, first: int, count: int, both: bool = False, subject: str = SUBJECT
) -> None:
    messages = []
    for i in range(first, first + count):
        shop = subject if i % 10 == 3 and both else f"shop-{i % 7}"
        user = subject if i % 10 == 7 else f"user-{i % 9}"
        fields = {"shop": shop, "user_id": user, "amount": i, "event_time": START_MS + i * 1000}
        messages.append(Message(shop, json.dumps(fields).encode(), START_MS + i * 1000))
    produce(broker.address, f"{project.name}.orders", messages)


def erase(project: Project, entity: str, *more, code: int = 0) -> subprocess.CompletedProcess:
    done = forebay("erase", entity, SUBJECT, *more, "--project", project.folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def found(done: subprocess.CompletedProcess) -> dict[str, dict]:
    """What a call with --format json printed, by place."""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["place"]: line for line in lines}


def rows(project: Project, table: str) -> pl.DataFrame:
    read = deltalake.DeltaTable(str(project.warehouse / table)).to_pyarrow_table()
    return pl.from_arrow(read).sort("_source_partition", "_source_offset", *(c for c in ["_ordinal"] if c in read.column_names))




def mentions(project: Project) -> list[pathlib.Path]:
    """The files of the warehouse that have the subject, in their bytes or rows."""
    has = []
    for path in project.warehouse.rglob("*"):
        if not path.is_file():
            continue
        text = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            text += repr(table.to_pylist()).encode()
        if SUBJECT.encode() in text:
            has.append(path)
    return has


def test_a_key_is_erased_everywhere_and_nothing_else(project, broker):
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_applied_records_total", 600)
        erase(project, "user", "--check", code=1)
        done = erase(project, "user", "--format", "json")
        assert "user_spend@1" in done.stderr and "events/orders" in done.stderr
        after = found(done)
        assert {place["verdict"] for place in after.values()} <= {"clean", "later"}
        for place in ("state", "change logs", "user_spend@1", "user_spend@1 older files", "events/orders"):
            assert after[place]["verdict"] == "clean", place
        repartition = f"topic {project.name}.orders.by.user"
        assert after[repartition]["verdict"] == "later" and after[repartition]["found"] > 0
        again = found(erase(project, "user", "--check", "--format", "json"))
        assert {place["verdict"] for place in again.values()} <= {"clean", "later"}
        answer = worker.get(["user_spend.n_lifetime"], {"user_id": SUBJECT})
        assert answer["user_spend.n_lifetime"]["status"] == "NOT_FOUND"
        # As a shop it is another key, of another table.
        assert worker.get(["shop_spend.n_lifetime"], {"shop": SUBJECT})["shop_spend.n_lifetime"]["value"] == 30
        erase(project, "shop")
        assert mentions(project) == []
    # The others' rows are all there.
    events = rows(project, "events/orders")
    kept = [i for i in range(300) if i % 10 not in (3, 7)]
    assert sorted(events["amount"].to_list()) == kept
    for view, key in [("shop_spend", "shop"), ("user_spend", "user_id")]:
        made = rows(project, f"offline/{view}/v1").filter(pl.col("_op") == "event")
        assert len(made) == 270, view
        assert SUBJECT not in made[key].to_list()
    for view in ("shop_spend", "user_spend"):
        updates = read_topic(broker.address, project.update_topic(view))
        of_key = [update for update in updates if update.key() == SUBJECT.encode()]
        assert of_key[-1].value() is None
    assert recomputed(project, [SUBJECT, "user-1"]) == [0, 28]


def recomputed(project: Project, users: list[str]) -> list[int]:
    """How many events they have in a training set of mode event."""
    labels, out = project.folder / "labels.csv", project.folder / "set.parquet"
    labels.write_text("user_id,at\n" + "".join(f"{user},2024-03-09T00:00:00Z\n" for user in users))
    done = forebay(
        "training-set", "--labels", labels, "--time", "at", "--features", "user_spend.n_lifetime",
        "--mode", "event", "--out", out, "--project", project.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return pl.read_parquet(out)["user_spend.n_lifetime"].to_list()


def test_beside_a_stream_nothing_from_before_comes_after_it(project, broker):
    """In a repartition topic records wait for their turn: some from before are applied later."""
    stop = threading.Event()

    def stream():
        first = 300
        while not stop.is_set():
            send(broker, project, first, 50, subject="another")
            first += 50

    with Worker(project) as worker:
        sender = threading.Thread(target=stream)
        sender.start()
        try:
            erase(project, "user")
        finally:
            stop.set()
            sender.join()
        answer = worker.get(["user_spend.n_lifetime"], {"user_id": SUBJECT})
        assert answer["user_spend.n_lifetime"]["status"] == "NOT_FOUND"
    assert mentions(project) == []


def test_a_subject_that_comes_back_keeps_what_is_new(project, broker):
    with Worker(project) as worker:
        erase(project, "user")
        send(broker, project, 300, 100)
        worker.wait_for_metric("forebay_applied_records_total", 800)
        answer = worker.get(["user_spend.n_lifetime"], {"user_id": SUBJECT})
        assert answer["user_spend.n_lifetime"]["value"] == 10
    check = erase(project, "user", "--check", "--format", "json", code=1)
    assert found(check)["user_spend@1"]["verdict"] == "left"
    made = rows(project, "offline/user_spend/v1").filter(pl.col("user_id") == SUBJECT, pl.col("_op") == "event")
    assert made["n_lifetime"].to_list() == list(range(1, 11))
    events = rows(project, "events/orders").filter(pl.col("user_id") == SUBJECT)
    assert sorted(events["amount"].to_list()) == [300 + i for i in range(100) if i % 10 == 7]


@pytest.mark.parametrize("point", ["erase.sent", "erase.removed:2"])
def test_killed_on_its_way_a_second_call_ends_it(project, point):
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_applied_records_total", 600)
        killed = subprocess.run(
            [forebay_binary(), "erase", "user", SUBJECT, "--project", project.folder],
            env=os.environ | {"FOREBAY_CRASH_AT": point},
            check=False,
            capture_output=True,
        )
        assert killed.returncode == -9, killed.stderr
        erase(project, "user")
        assert mentions(project) == []


def test_without_a_worker_it_says_what_it_waits_for_and_goes_on_later(project):
    worker = Worker(project)
    worker.run_until_idle()
    waiting = erase(project, "user", "--timeout", "1s", code=1)
    assert "not erased within 1s" in waiting.stderr and "forebay run" in waiting.stderr
    assert f"{project.name}.orders" in waiting.stderr
    with worker:
        erase(project, "user")
    assert mentions(project) == []


def test_what_is_no_entity_or_key_is_refused(project):
    unknown = erase(project, "usr", code=2)
    assert "there is no entity 'usr', did you mean 'user'?" in unknown.stderr
    many = forebay("erase", "user", "a", "b", "--project", project.folder)
    assert many.returncode == 2 and "'b' is one key too many" in many.stderr
