"""A worker that says it is ready answers right: after a cold start, beside another worker, and where
its state is gone. What puts a partition ahead of time is said."""

import collections
import json
import re
import shutil
import time

import pytest
from confluent_kafka import Producer, TopicPartition

from tests.system import runs
from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.worker import HttpError, Worker

START_MS = 1_704_103_200_000  # 2024-01-01T10:00:00Z
USERS = [f"u{i}" for i in range(30)]
SHOPS = [f"s{i}" for i in range(20)]
# A group that waits for this waits for longer than any test does.
NEVER = {"session.timeout.ms": "300000"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def name(request):
    """A project name of the test's own, so that all share a broker."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50]


def count_by(view, source, entity) -> dict:
    feature = {"name": "n", "value": "count(*)", "windows": ["lifetime"]}
    return {"name": view, "source": source, "entity": entity, "features": [feature]}


def definitions(*topics, known_time="event_time") -> dict:
    """How many clicks of each topic a user and a shop have; the topics are keyed by user, so those
    of a shop come through a repartition topic."""
    source = {
        "key": ["user"],
        "schema": {"user": "string", "shop": "string", "at": "timestamp_ms"},
        "event_time": "at",
        "known_time": known_time,
    }
    sources = [f"clicks_{i}" for i in range(len(topics))]
    views = [count_by("by_user", sources[0], "user"), count_by("by_shop", sources[0], "shop")]
    views += [count_by(f"by_user_{i}", sources[i], "user") for i in range(1, len(sources))]
    return {
        "sources": [source | {"name": n, "topic": topic} for n, topic in zip(sources, topics)],
        "entities": [
            {"name": "user", "keys": {"user": "string"}},
            {"name": "shop", "keys": {"shop": "string"}},
        ],
        "feature_views": views,
    }


class Clicks:
    """Clicks written to a topic, and how many of each key."""

    def __init__(self, broker, topic):
        self.broker = broker
        self.topic = topic
        self.of_user = collections.Counter()
        self.of_shop = collections.Counter()
        self._next = 0

    def produce(self, count) -> "Clicks":
        producer = Producer({"bootstrap.servers": self.broker.address, "linger.ms": 50})
        for i in range(self._next, self._next + count):
            user, shop = USERS[i % len(USERS)], SHOPS[i * 7 % len(SHOPS)]
            event = {"user": user, "shop": shop, "at": START_MS + i}
            while True:
                try:
                    producer.produce(self.topic, json.dumps(event), user)
                    break
                except BufferError:
                    producer.poll(0.1)
            self.of_user[user] += 1
            self.of_shop[shop] += 1
        self._next += count
        assert producer.flush(60) == 0
        return self

    def produce_aborted(self, partition) -> None:
        """Records at the end of a partition that nobody is to see."""
        producer = Producer(
            {"bootstrap.servers": self.broker.address, "transactional.id": self.topic}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        event = {"user": "u0", "shop": "s0", "at": START_MS}
        for _ in range(10):
            producer.produce(self.topic, json.dumps(event), "u0", partition=partition)
        assert producer.flush(30) == 0
        producer.abort_transaction(30)


def counts(worker, view, entity, keys) -> dict:
    """What the worker answers of each key in one request."""
    answer = worker.batch_get([f"{view}.n_lifetime"], [{entity: key} for key in keys])
    return dict(zip(keys, answer["values"][0]))


def check_all(worker, clicks):
    assert counts(worker, "by_user", "user", USERS) == clicks.of_user
    assert counts(worker, "by_shop", "shop", SHOPS) == clicks.of_shop


def test_ready_is_right_after_a_cold_start(tmp_path, broker, name):
    broker.create_topic(name, partitions=4)
    clicks = Clicks(broker, name).produce(150_000)
    clicks.produce_aborted(partition=0)
    project = Project(tmp_path, name, definitions(name), broker.address, **runs.INTERVALS)
    with Worker(project) as worker:
        check_all(worker, clicks)
        metrics = worker.metrics()
        behind = [value for label, value in metrics.items() if "forebay_catch_up_records{" in label]
        assert behind == [0] * 8
    log = worker.log.read_text()
    assert "ready: the 8 partitions on this worker are read up to where they ended" in log


# ---- a state folder that is gone ----


def test_what_cannot_be_whole_is_refused_and_every_way_out_works(tmp_path, broker, name):
    broker.create_topic(name, partitions=1)
    clicks = Clicks(broker, name).produce(200)
    project = Project(tmp_path / "p", name, definitions(name), broker.address, **runs.INTERVALS)
    Worker(project).run_until_idle()
    kept = tmp_path / "kept"
    shutil.copytree(project.state, kept)
    admin = broker.admin()
    [deleted] = admin.delete_records([TopicPartition(name, 0, 50)]).values()
    deleted.result(30)

    def lose_state():
        shutil.rmtree(project.state)
        worker = Worker(project).spawn()
        assert worker.wait() == 1, worker.log_tail()
        said = worker.log_tail()
        assert f"{name}/0: records up to offset 199 were worked on before" in said
        assert "keeps records from offset 50 on only: by_user cannot be built whole" in said

    def answers(*arguments):
        with Worker(project, *arguments) as worker:
            assert counts(worker, "by_shop", "shop", SHOPS) == clicks.of_shop
            return sum(counts(worker, "by_user", "user", USERS).values())

    lose_state()
    shutil.rmtree(project.state)  # what the attempt left
    shutil.copytree(kept, project.state)
    assert answers() == 200

    lose_state()
    since = (project.folder / "worker.log").stat().st_size
    assert answers("--from-oldest", "by_user") == 150
    log = (project.folder / "worker.log").read_text()[since:]
    assert "view by_user@1 is complete from 2024-01-01T10:00:00.050000Z on" in log
    assert answers() == 150, "settled at the first start"

    lose_state()
    done = forebay("reset", "--all", "--yes", "-p", project.folder)
    assert done.returncode == 0, done.stderr
    with Worker(project) as worker:
        assert sum(counts(worker, "by_user", "user", USERS).values()) == 150


# ---- two workers ----


def worker_of(tmp_path, broker, name, worker_id, topics=None, **more) -> Worker:
    project = Project(
        tmp_path / worker_id,
        name,
        definitions(*(topics or [name])),
        broker.address,
        worker_id=worker_id,
        warehouse=str(tmp_path / "warehouse"),
        kafka={"bootstrap.servers": broker.address} | NEVER,
        **runs.INTERVALS | more,
    )
    return Worker(project)


def answer_of(worker, view, entity, key):
    """The value, or what a 503 says."""
    try:
        return worker.get([f"{view}.n_lifetime"], {entity: key})[f"{view}.n_lifetime"]["value"]
    except HttpError as error:
        assert error.status == 503, error
        return json.loads(error.body)["error"]["message"]


def wait_for_partitions(worker, count, seconds=60):
    worker.wait_for_log(f"ready: the {count} partitions on this worker", seconds)


def is_refused(answer) -> bool:
    return isinstance(answer, str)


def check_one_answers(workers, view, entity, keys, right):
    """One worker answers each key, and right; the other names it."""
    for key in keys:
        answers = [answer_of(worker, view, entity, key) for worker in workers]
        assert sorted(map(is_refused, answers)) == [False, True], answers
        owner = answers.index(right[key])
        assert f"worker {'ab'[owner]} (127.0.0.1) has partition" in answers[1 - owner]


def test_two_workers_answer_for_their_own_and_the_other_takes_over(tmp_path, broker, name):
    broker.create_topic(name, partitions=4)
    clicks = Clicks(broker, name).produce(60_000)
    a = worker_of(tmp_path, broker, name, "a")
    b = worker_of(tmp_path, broker, name, "b")
    try:
        a.start()
        wait_for_partitions(a, 8)
        check_all(a, clicks)
        b.start()
        for worker in (a, b):
            wait_for_partitions(worker, 4)
            assert worker.is_ready()
        deadline = time.monotonic() + 30  # who has what is asked every two seconds
        while "worker" not in str([answer_of(w, "by_shop", "shop", "s0") for w in (a, b)]):
            assert time.monotonic() < deadline
        check_one_answers((a, b), "by_user", "user", USERS, clicks.of_user)
        check_one_answers((a, b), "by_shop", "shop", SHOPS, clicks.of_shop)
        # Where forebay chose the partition of a key, its owner knows that there is none.
        unknown = [answer_of(worker, "by_shop", "shop", "nobody") for worker in (a, b)]
        assert sorted(map(is_refused, unknown)) == [False, True]
        assert [answer for answer in unknown if not is_refused(answer)] == [0]

        assert a.stop() == 0
        seen = collections.Counter()
        deadline = time.monotonic() + 60
        while "taken over" not in seen:
            assert time.monotonic() < deadline, (seen, b.log_tail())
            before = b.is_ready()
            answers = [answer_of(b, "by_user", "user", user) for user in USERS]
            if not (before and b.is_ready()):
                seen["not ready"] += 1
                continue
            right = [answer == clicks.of_user[user] for answer, user in zip(answers, USERS)]
            assert all(is_refused(a) or r for a, r in zip(answers, right)), answers
            seen["taken over" if all(right) else "ready for its own"] += 1
        assert seen["not ready"] > 0, seen
        check_all(b, clicks)
        assert b.stop() == 0
    finally:
        a.kill()
        b.kill()


def test_a_follower_that_comes_back_with_another_topic_gets_it(tmp_path, broker, name):
    second = name + "-2"
    broker.create_topic(name, partitions=2)
    broker.create_topic(second, partitions=2)
    clicks = Clicks(broker, second).produce(100)
    a = worker_of(tmp_path, broker, name, "a", catalog_interval="1h")  # does not read the new one, too
    b = worker_of(tmp_path, broker, name, "b")
    try:
        a.start()
        wait_for_partitions(a, 4)
        b.start()
        wait_for_partitions(b, 2)
        b.kill()
        b.project.write_definitions(definitions(name, second))
        b.start()
        wait_for_partitions(b, 4)  # half of the old ones, and the new topic's
        assert counts(b, "by_user_1", "user", USERS) == clicks.of_user
        assert b.stop() == 0 and a.stop() == 0
    finally:
        a.kill()
        b.kill()


# ---- a clock that is ahead ----


def test_a_record_that_puts_its_partition_ahead_of_time_is_said(tmp_path, broker, name):
    broker.create_topic(name, partitions=2)
    now = int(time.time() * 1000)
    ahead = now + 55 * 60_000
    project = Project(
        tmp_path, name, definitions(name, known_time="kafka"), broker.address, **runs.INTERVALS
    )
    event = json.dumps({"user": "u1", "shop": "s1", "at": now})
    producer = Producer({"bootstrap.servers": broker.address})
    produce = lambda **more: producer.produce(name, event, "u1", partition=1, **more)
    produce(timestamp=now)
    produce(timestamp=ahead, headers=[("trace", b"\x01"), ("Client-Id", b"till 17")])
    produce(timestamp=now)
    assert producer.flush(30) == 0
    with Worker(project) as worker:
        worker.wait_for_log(f"topic {name}: the record at offset 1 of partition 1 is of ")
        worker.wait_for_log("(header Client-Id 'till 17')")
        worker.wait_for_log("message.timestamp.type=LogAppendTime on the topic")
        metrics = worker.wait_for_metric("forebay_clock_ahead_seconds", 3_000)
        of_topic = 'forebay_clock_ahead_seconds{topic="%s",partition="%d"}'
        assert 3_000 < metrics[of_topic % (name, 1)] <= 3_300
        produce(timestamp=ahead)
        assert producer.flush(30) == 0
        worker.wait_for_metric("forebay_consumed_records_total", 2 * 4)
    assert worker.log.read_text().count("ahead of this worker's clock") == 1
