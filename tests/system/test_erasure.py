"""A key that is erased is forgotten, by every view of its entity and by no other, through kills."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import random
import time

import pytest
from confluent_kafka import Producer

from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.archive import check_archive
from tests.system.broker import Broker
from tests.system.scenario import Message, Scenario, produce
from tests.system.scenarios import transactions
from tests.system.worker import Worker

# Of one key of each entity, which no event comes back to. No value of a feature names the user: its
# events have no merchant.
SUBJECT = "the subject of it"
GONE = {"user": SUBJECT, "merchant": "7", "corridor": '{"country":"DE","merchant_id":9}'}
KILLED = -9


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


def with_subject(scenario: Scenario) -> Scenario:
    """Some events of the subject's among the others."""
    messages = []
    for i, message in enumerate(scenario.messages):
        messages.append(message)
        if i % 100 == 50 and not message.bad:
            fields = json.loads(message.value) | {"user_id": SUBJECT, "merchant_id": None}
            messages.append(Message(SUBJECT, json.dumps(fields).encode(), message.timestamp))
    return dataclasses.replace(scenario, messages=messages)


def erase(producer: Producer, scenario: Scenario, entity: str, key: str) -> None:
    """As `forebay erase` asks for it: in every partition of the source's topic. Durable on return."""
    headers = {"forebay-control": "erase", "forebay-entity": entity}
    for partition in range(scenario.partitions):
        topic = scenario.source.topic
        producer.produce(topic, None, key, partition=partition, headers=headers)
    assert producer.flush(30) == 0


def produce_and_erase(broker: Broker, scenario: Scenario, seed: int) -> None:
    """Shares of the messages, and erasures between them: of keys that come back, or never were, now
    and then twice. In the end those that are gone."""
    rng = random.Random(seed)
    producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 0})
    users = [message.key for message in scenario.messages]
    for share in runs.shares(scenario.messages, 6):
        produce(broker.address, scenario.source.topic, share)
        for _ in range(6):
            merchant = rng.randrange(-3, 40)
            country = rng.choice(["US", "DE", "日本", ""])
            corridor = {"country": country, "merchant_id": merchant}
            entity, key = rng.choice(
                [
                    ("user", rng.choice(users)),
                    ("user", "nobody"),
                    ("merchant", str(merchant)),
                    ("corridor", json.dumps(corridor, separators=(",", ":"), ensure_ascii=False)),
                    ("corridor", json.dumps(corridor)),  # by hand
                ]
            )
            for _ in range(rng.choice([1, 1, 2])):
                erase(producer, scenario, entity, key)
    for entity, key in GONE.items():
        erase(producer, scenario, entity, key)


def check_gone(outcome: Outcome, worker: Worker) -> None:
    """Nothing is served of the keys that are gone, and what was published last says so."""
    for of_view in outcome.views:
        view = of_view.view
        key = GONE[view.entity]
        parts = json.loads(key) if key.startswith("{") else {view.keys[0]: key}
        if view.entity == "merchant":
            parts = {view.keys[0]: int(key)}
        answer = worker.get([f"{view.name}.{column}" for column in view.columns], parts)
        assert {cell["status"] for cell in answer.values()} == {"NOT_FOUND"}, view.name
        of_key = [update for update in of_view.updates if json_of(update.key) == json_of(key)]
        assert of_key and of_key[-1].value is None, view.name


def json_of(key: str) -> object:
    return json.loads(key) if key.startswith("{") else key


def state_has(state: pathlib.Path, text: str) -> bool:
    files = list(state.glob("*/store/*"))
    assert files
    return any(text.encode() in read(file) for file in files)


def read(file: pathlib.Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""  # it has gone since


def wait_until_it_leaves(state: pathlib.Path, text: str, seconds: float = 60) -> None:
    """The stores are compacted beside the worker's work."""
    deadline = time.monotonic() + seconds
    while state_has(state, text):
        assert time.monotonic() < deadline, "the key is still on the disk"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "crash",
    ["", "erasure.published:9", "erasure.state_committed:2", "erasure.purged"],
    ids=lambda crash: crash or "straight",
)
def test_erased_keys_are_forgotten(tmp_path, broker, monkeypatch, crash):
    name = "erased-" + (crash.replace(".", "-").replace(":", "-") or "straight")
    scenario = with_subject(transactions.scenario(count=1_500, users=40, project=name))
    source = dataclasses.replace(scenario.source, archive=crash == "")
    scenario = dataclasses.replace(scenario, source=source)
    project = runs.prepare(scenario, tmp_path, broker)
    produce_and_erase(broker, scenario, seed=len(crash))
    worker = Worker(project)
    if crash:
        monkeypatch.setenv("FOREBAY_CRASH_AT", crash)
        worker.spawn("--until-idle")
        assert worker.wait(120) == KILLED, worker.log_tail()
        monkeypatch.delenv("FOREBAY_CRASH_AT")
    worker.run_until_idle()
    outcome = Outcome.read(scenario, project, broker.address)
    outcome.check_written()
    if scenario.source.archive:
        check_archive(scenario, project, broker.address)  # no erasure is in it
    with worker:
        outcome.check_lookups(worker)
        check_gone(outcome, worker)
        wait_until_it_leaves(project.state, SUBJECT)
    said = [line for line in worker.log.read_text().splitlines() if "erased a key" in line]
    assert any("entity user at offset" in line for line in said)
    assert not any(SUBJECT in line for line in said)
