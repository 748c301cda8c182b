"""A broker that is frozen or away for longer than every time-out, and places in the group that others
take: the worker goes on, the same process, and nothing is lost, doubled or blamed on somebody else."""

import concurrent.futures
import contextlib
import random
import re
import time

import pytest
from confluent_kafka import Consumer, Producer

from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.broker import Broker
from tests.system.project import Project
from tests.system.scenario import Message, produce
from tests.system.scenarios import transactions
from tests.system.worker import Worker

FAILED = 1
# How long sessions, transactions, requests and polls may take; by default up to minutes.
SHORT = {
    "session.timeout.ms": 1_000,
    "heartbeat.interval.ms": 200,
    "max.poll.interval.ms": 1_500,
    "transaction.timeout.ms": 1_500,
    "socket.timeout.ms": 1_000,
    "request.timeout.ms": 1_000,
}
AWAY = 3.0  # seconds: longer than any of them


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    limits = {
        "group.min.session.timeout.ms": "500",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "300",
        # Not fenced while it is frozen: the client that the tests produce with may not come back then.
        "broker.session.timeout.ms": "9000",
    }
    with Broker(tmp_path_factory.mktemp("broker"), limits) as one:
        yield one


@pytest.fixture
def name(request):
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_")).strip("-")


def prepare(name, folder, broker, count=1_200, kafka=SHORT, **config) -> tuple:
    scenario = transactions.scenario(count=count, users=100, project=name)
    kafka = {"bootstrap.servers": broker.address} | kafka
    project = runs.prepare(scenario, folder, broker, kafka=kafka, worker_id="w1", **config)
    return scenario, project


@contextlib.contextmanager
def load(scenario, broker, seconds: float):
    """All messages, spread over about as many seconds; over at the end of the block."""
    arguments = (broker.address, scenario.source.topic, scenario.messages, seconds)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        produced = pool.submit(produce, *arguments)
        yield
        produced.result()


def freeze(broker, seconds: float) -> None:
    broker.pause()
    try:
        time.sleep(seconds)
    finally:
        broker.resume()


def goes_on(worker, pid: int) -> None:
    """The process is the one that it was, reads all, and blames nobody."""
    worker.wait_until_ready()
    assert worker.running and worker.pid == pid, worker.log_tail()
    log = worker.log.read_text()
    assert "another worker" not in log and "its own worker_id" not in log, log


def agrees(scenario, project, broker, repeats=False) -> None:
    Worker(project).run_until_idle()
    Outcome.read(scenario, project, broker.address, repeats=repeats).check_written(sample=300)


# ---- a broker that is away ----


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_broker_that_is_frozen(tmp_path, broker, name, delivery):
    scenario, project = prepare(name, tmp_path, broker, delivery=delivery)
    with Worker(project) as worker:
        pid = worker.pid
        with load(scenario, broker, 2):
            worker.wait_for_metric("forebay_applied_records_total", 100)
            freeze(broker, AWAY)
            user = {"user_id": scenario.messages[0].key}
            worker.get(["user_spend.n_24h"], user)  # lookups go on
        goes_on(worker, pid)
    agrees(scenario, project, broker, repeats=delivery == "at_least_once")


# Nothing is produced meanwhile: the test's own records might come twice.
@pytest.mark.long
@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_broker_that_is_killed(tmp_path, broker, name, delivery):
    scenario, project = prepare(name, tmp_path, broker, count=6_000, delivery=delivery)
    half = len(scenario.messages) // 2
    with Worker(project) as worker:
        pid = worker.pid
        produce(broker.address, scenario.source.topic, scenario.messages[:half])
        broker.kill()
        time.sleep(AWAY)
        broker.restart()
        produce(broker.address, scenario.source.topic, scenario.messages[half:])
        goes_on(worker, pid)
    agrees(scenario, project, broker, repeats=delivery == "at_least_once")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_freezes_at_random_moments(tmp_path, broker, name, seed):
    rng = random.Random(seed)
    delivery = rng.choice(["exactly_once", "at_least_once"])
    scenario, project = prepare(name, tmp_path, broker, count=4_000, delivery=delivery)
    with Worker(project) as worker:
        pid = worker.pid
        with load(scenario, broker, 20):
            for _ in range(rng.randrange(3, 7)):
                time.sleep(rng.uniform(0, 2))
                freeze(broker, rng.uniform(0.3, 5))
        goes_on(worker, pid)
    agrees(scenario, project, broker, repeats=delivery == "at_least_once")


# ---- a place in the group that somebody takes ----


def topics_of(scenario) -> list[str]:
    entities = scenario.forwarded_views
    return [scenario.source.topic] + [scenario.repartition_topic(entity) for entity in entities]


@contextlib.contextmanager
def other_member(broker, scenario, **settings):
    """A member of the worker's group, which has been given tasks."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": f"forebay-{scenario.project}",
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 6_000,
            "enable.auto.commit": False,
            "log_level": 0,
        }
        | settings
    )
    given = []
    consumer.subscribe(topics_of(scenario), on_assign=lambda _, tasks: given.extend(tasks))
    deadline = time.monotonic() + 30
    while not given:
        assert time.monotonic() < deadline, "no task was given to the other member"
        consumer.poll(0.05)
    try:
        yield consumer
    finally:
        consumer.close()


# As a question to join does that the worker gave up, and asked again, while the broker was frozen.
def test_a_place_that_was_taken_in_the_workers_own_name(tmp_path, broker, name):
    scenario, project = prepare(name, tmp_path, broker)
    half = len(scenario.messages) // 2
    with Worker(project) as worker:
        pid = worker.pid
        produce(broker.address, scenario.source.topic, scenario.messages[:half])
        with other_member(broker, scenario, **{"group.instance.id": "w1"}):
            worker.wait_for_log("w1 lost its place in group")
        produce(broker.address, scenario.source.topic, scenario.messages[half:])
        goes_on(worker, pid)
    agrees(scenario, project, broker)


def test_transactions_that_were_taken_over_in_the_workers_own_name(tmp_path, broker, name):
    scenario, project = prepare(name, tmp_path, broker)
    half = len(scenario.messages) // 2
    with Worker(project) as worker:
        pid = worker.pid
        produce(broker.address, scenario.source.topic, scenario.messages[:half])
        worker.wait_for_metric("forebay_applied_records_total", 100)
        id_ = f"forebay-{project.name}-w1"
        Producer({"bootstrap.servers": broker.address, "transactional.id": id_}).init_transactions()
        produce(broker.address, scenario.source.topic, scenario.messages[half:])
        worker.wait_for_log("the broker has closed " + id_)
        goes_on(worker, pid)
    agrees(scenario, project, broker)


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_of_two_workers_with_one_id_the_first_ends(tmp_path, broker, name, delivery):
    scenario, project = prepare(name, tmp_path / "first", broker, delivery=delivery)
    kafka = project.config["kafka"]
    again = runs.make_project(
        scenario, tmp_path / "second", broker, delivery=delivery, worker_id="w1", kafka=kafka
    )
    with load(scenario, broker, 2), Worker(project) as first, Worker(again) as second:
        assert first.wait(15) == FAILED
        log = first.log_tail()
        assert "another worker with worker_id w1 has started since" in log, log
        assert f"process {second.pid} on host" in log, log
        assert second.running
    agrees(scenario, again, broker, repeats=delivery == "at_least_once")


# ---- a warehouse that is away ----


def test_a_warehouse_away_while_tasks_come_and_go(tmp_path, broker, name):
    scenario, project = prepare(name, tmp_path, broker)
    half = len(scenario.messages) // 2
    aside = project.warehouse.with_name("aside")
    with Worker(project) as worker:
        pid = worker.pid
        produce(broker.address, scenario.source.topic, scenario.messages[:half])
        worker.wait_for_metric("forebay_applied_records_total", 100)
        project.warehouse.rename(aside)
        project.warehouse.symlink_to(project.warehouse)  # nothing can be opened through it
        with other_member(broker, scenario):
            worker.wait_for_log("nothing is lost")
        worker.wait_for_log("taking partitions: ")
        user = {"user_id": scenario.messages[0].key}
        worker.get(["user_spend.n_24h"], user)  # lookups go on
        assert not worker.is_ready()
        project.warehouse.unlink()
        aside.rename(project.warehouse)
        produce(broker.address, scenario.source.topic, scenario.messages[half:])
        goes_on(worker, pid)
    agrees(scenario, project, broker)


# ---- a worker that comes back with other topics ----


def counted(source: str, view: str, entity: str, topic: str) -> tuple[dict, dict]:
    """A source, and a view of it that counts."""
    schema = {"k": "string", "g": "string", "at": "timestamp_ms"}
    return (
        {"name": source, "topic": topic, "key": ["k"], "schema": schema, "event_time": "at"},
        {
            "name": view,
            "source": source,
            "entity": entity,
            "features": [{"name": "n", "value": "count(*)", "windows": ["lifetime"]}],
        },
    )


# The group remembers what it was given for as long as a session lasts, here the default of 45 s.
def test_a_worker_that_comes_back_at_once_with_other_topics(tmp_path, broker, name):
    topics = [name, name + "-2"]
    for topic in topics:
        broker.create_topic(topic, 2)
        records = [Message(f"k{i}", f'{{"k":"k{i}","g":"g","at":{i}}}'.encode(), i) for i in range(9)]
        produce(broker.address, topic, records)
    first = counted("s1", "by_k", "k", topics[0])
    other_entity = counted("s1", "by_g", "g", topics[0])
    other_source = counted("s2", "more", "k", topics[1])
    entities = [{"name": key, "keys": {key: "string"}} for key in "kg"]
    project = Project(tmp_path, name, {}, broker.address, **runs.INTERVALS)
    lives = [
        [first],
        [first, other_entity],
        [first, other_entity, other_source],
        [first, other_source],
        [first, other_entity],
        [other_source],
    ]
    for life in lives:
        sources = {source["name"]: source for source, _ in life}
        views = [view for _, view in life]
        project.write_definitions(
            {"sources": list(sources.values()), "entities": entities, "feature_views": views}
        )
        project.apply()
        worker = Worker(project).start()
        try:
            for view in views:
                key, value, count = ("g", "g", 9) if view["entity"] == "g" else ("k", "k3", 1)
                feature = f"{view['name']}.n_lifetime"
                wait_for_value(worker, feature, {key: value}, count)
        finally:
            worker.kill()  # one that is stopped leaves the group


def wait_for_value(worker, feature: str, entity: dict, value: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while (found := worker.get([feature], entity)[feature]["value"]) != value:
        assert time.monotonic() < deadline, f"{feature} of {entity} is {found}, not {value}"
        time.sleep(0.02)
