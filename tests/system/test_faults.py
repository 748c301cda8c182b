"""Bad input and faults: a message that says what to do, an exit code, and nothing lost afterwards."""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest
from confluent_kafka import Producer

from tests.oracle.oracle import parse_time
from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.scenario import produce
from tests.system.scenarios import transactions
from tests.system.topics import headers_of, read_topic
from tests.system.worker import Worker

FAILED = 1  # at run time
WRONG = 2  # definitions or usage


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def name(request):
    """A project name of the test's own, so that all share a broker."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50]


def scenario_of(name, count=1_500):
    return transactions.scenario(count=count, users=100, project=name)


def fails(worker: Worker, code: int, *words: str, seconds: float = 60) -> str:
    """The worker ends by itself with `code`, and its log says all of `words`."""
    if not worker.running:
        worker.spawn()
    assert worker.wait(seconds) == code, worker.log_tail()
    log = worker.log_tail()
    for word in words:
        assert word in log, f"{word!r} is not in:\n{log}"
    return log


def agrees(scenario, project, broker):
    """A worker in order takes up where the fault left off, and all of it is there, once. Every row
    is compared with the oracle's steps; the values of 1,000 rows a view are computed again."""
    Worker(project).run_until_idle()
    Outcome.read(scenario, project, broker.address).check_written(sample=1_000)


# ---- wrong input ----


def test_wrong_definitions(tmp_path, broker, name):
    scenario = scenario_of(name)
    definitions = scenario.definitions()
    definitions["feature_views"][0]["features"][1]["value"] = "sum(amout)"
    definitions["feature_views"][2]["entity"] = "merchnt"
    project = Project(tmp_path, name, definitions, broker.address)
    done = forebay("validate", tmp_path)
    assert done.returncode == WRONG
    for expected in ("features.yaml:", "amout", "amount", "merchnt", "merchant", "2 errors in "):
        assert expected in done.stderr, done.stderr
    assert len(re.findall(r"features\.yaml:\d+:\d+: ", done.stderr)) == 2
    log = fails(Worker(project), WRONG)
    assert set(done.stderr.splitlines()) <= set(log.splitlines())
    assert not project.state.exists()


def test_right_definitions(tmp_path, broker, name):
    Project(tmp_path, name, scenario_of(name).definitions(), broker.address)
    done = forebay("validate", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert name in done.stdout and "1 source, 3 entities, 4 feature views" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "/nowhere/at/all"],
        ["run", "/nowhere/at/all"],
        ["unknown"],
        ["run", "--unknown"],
        ["run", "--broker", "other"],
        ["get"],
        ["training-set", "--project", "/nowhere/at/all", "--labels", "x", "--time", "t", "--features", "a.b", "--out", "y"],
        [],
    ],
    ids=lambda arguments: "-".join(arguments[:3]) or "none",
)  # fmt: skip
def test_wrong_usage(arguments):
    done = forebay(*arguments)
    assert done.returncode == WRONG
    assert done.stderr.strip() and "terminate called" not in done.stderr


def test_a_mistyped_command_names_the_nearest():
    assert "no command 'vaildate', did you mean 'validate'?" in forebay("vaildate").stderr


def test_times_in_another_unit_than_declared_are_said_once(tmp_path, broker, name):
    definitions = {
        "sources": [
            {
                "name": "visits",
                "topic": name,
                "key": ["user_id"],
                "schema": {"user_id": "string", "at": "timestamp_ms"},
                "event_time": "at",
            }
        ],
        "entities": [{"name": "user", "keys": {"user_id": "string"}}],
        "feature_views": [
            {
                "name": "visits_of_user",
                "source": "visits",
                "entity": "user",
                "features": [{"name": "n", "value": "count(*)", "windows": ["lifetime"]}],
            }
        ],
    }
    broker.create_topic(name, partitions=2)
    producer = Producer({"bootstrap.servers": broker.address})
    now = 1_709_164_800  # 2024-02-29T00:00:00Z
    for partition in (0, 1):
        for at in (now, now + 1, now * 1_000, now * 1_000_000_000):
            event = json.dumps({"user_id": f"u{partition}", "at": at})
            producer.produce(name, event, partition=partition, timestamp=now * 1_000)
    assert producer.flush(30) == 0
    project = Project(tmp_path, name, definitions, broker.address)
    worker = Worker(project)
    worker.run_until_idle()
    warning = f"topic {name}: field at looks like "
    assert worker.log.read_text().count(warning) == 1, worker.log_tail()
    letters = [headers_of(m) for m in read_topic(broker.address, project.dead_letter_topic)]
    assert [letter["forebay-reason"] for letter in letters] == ["bad_event_time"] * 2
    for letter in letters:
        detail = letter["__connect.errors.exception.message"]
        assert "looks like nanoseconds, and is declared in milliseconds" in detail
        assert "2024-02-29T00:00:00.000000Z" in detail


def test_missing_topic(tmp_path, broker, name):
    scenario = scenario_of(name)
    project = Project(tmp_path, name, scenario.definitions(), broker.address)
    fails(Worker(project), FAILED, scenario.source.topic, "does not exist")
    broker.create_topic(scenario.source.topic, scenario.partitions)
    produce(broker.address, scenario.source.topic, scenario.messages)
    agrees(scenario, project, broker)


@pytest.mark.parametrize("door", ["http_port", "grpc_port"])
def test_port_taken(tmp_path, broker, name, door):
    scenario = scenario_of(name)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serving = {"address": "127.0.0.1", "http_port": 0, "grpc_port": 0} | {door: port}
        project = runs.prepare(scenario, tmp_path, broker, serving=serving)
        fails(Worker(project), FAILED, str(port), door)


# ---- a topic that is not partitioned as its source says ----


START_MS = 1_704_103_200_000  # 2024-01-01T10:00:00Z


def clicks(topic, key, **source) -> dict:
    """Definitions: how many clicks of each user there are."""
    return {
        "sources": [
            {
                "name": "clicks",
                "topic": topic,
                "key": key,
                "schema": {"user": "string", "at": "timestamp_ms"},
                "event_time": "at",
                "known_time": "event_time",
            }
            | source
        ],
        "entities": [{"name": "user", "keys": {"user": "string"}}],
        "feature_views": [
            {
                "name": "clicks",
                "source": "clicks",
                "entity": "user",
                "features": [{"name": "n", "value": "count(*)", "windows": ["lifetime"]}],
            }
        ],
    }


def click(user="u1", seconds=0) -> bytes:
    return json.dumps({"user": user, "at": START_MS + 1000 * seconds}).encode()


def spread_records(broker, name) -> None:
    """Nine records of one user without a key, three in each partition of the topic."""
    producer = Producer({"bootstrap.servers": broker.address})
    for i in range(9):
        producer.produce(name, click(seconds=i), partition=i % 3)
    assert producer.flush(30) == 0


def clicks_project(tmp_path, broker, name, key) -> Project:
    broker.create_topic(name, partitions=3)
    return Project(tmp_path, name, clicks(name, key), broker.address, **runs.INTERVALS)


def test_a_topic_that_is_not_partitioned_by_its_key_is_refused(tmp_path, broker, name):
    project = clicks_project(tmp_path, broker, name, ["user"])
    spread_records(broker, name)
    worker = Worker(project)
    for _ in range(2):
        fails(
            worker,
            FAILED,
            f"source clicks: key 'u1' is in two partitions of topic {name}",
            "without a key). The topic is not partitioned by `key: [user]`",
            "say `key: none`",
        )
        assert worker.log.read_text().splitlines()[-1].startswith("forebay: ")


def test_a_key_that_comes_in_another_partition_later_is_said(tmp_path, broker, name):
    with Worker(clicks_project(tmp_path, broker, name, ["user"])) as worker:
        spread_records(broker, name)
        worker.wait_for_log(f"source clicks: key 'u1' is in two partitions of topic {name}")
        worker.wait_for_metric("forebay_split_keys_total", 1)


def test_a_topic_without_a_key_is_partitioned_again(tmp_path, broker, name):
    project = clicks_project(tmp_path, broker, name, "none")
    spread_records(broker, name)
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_applied_records_total", 2 * 9)  # forwarded, then counted
        answer = worker.get(["clicks.n_lifetime"], {"user": "u1"})
        assert answer["clicks.n_lifetime"]["value"] == 9
        assert "forebay_split_keys_total" not in str(worker.metrics())
    assert "two partitions" not in worker.log.read_text()


# ---- dead letters ----


def run_over_bad_records(folder, broker, name) -> Project:
    """Two good records, one without a user, one from the future and two that are not JSON."""
    broker.create_topic(name, partitions=2)
    producer = Producer({"bootstrap.servers": broker.address})
    for value in [click(), b"not JSON\xff", click(None), click(seconds=7200), b"{", click()]:
        producer.produce(
            name, value, "u1", partition=1, timestamp=START_MS, headers=[("trace", b"a")]
        )
    assert producer.flush(30) == 0
    project = Project(folder, name, clicks(name, ["user"]), broker.address, **runs.INTERVALS)
    Worker(project).run_until_idle()
    return project


@pytest.fixture(scope="module")
def rejected(tmp_path_factory, broker) -> Project:
    """To look at only."""
    return run_over_bad_records(tmp_path_factory.mktemp("rejected"), broker, "rejected")


def test_dead_letters_are_told_of_and_summed_up(rejected):
    name = rejected.name
    log = (rejected.folder / "worker.log").read_text()
    assert f"[warning] topic {name}: 2 dead-lettered as undecodable (2 since the start), for" in log
    assert "example partition 1, offset 4, key 'u1': " in log
    summary = [line.partition("[info] ")[2] for line in log.splitlines()][-5:]
    assert summary[0] == (
        f"read 6 records of {name}: 2 applied, 0 late, 0 filtered, 4 dead-lettered"
    )
    assert [line.partition(", for example partition 1, offset ")[0] for line in summary[1:4]] == [
        f"dead letters of {name}: 2 undecodable",
        f"dead letters of {name}: 1 future",
        f"dead letters of {name}: 1 null_key in view clicks",
    ]
    assert summary[4].startswith("`forebay dead-letter` shows them")


def dead_letter(project, *arguments) -> str:
    done = forebay("dead-letter", project.folder, *arguments)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def test_dead_letters_are_counted_and_shown(rejected):
    name = rejected.name
    shown = dead_letter(rejected, "--newest", 1)
    assert shown.startswith(
        f"{name}.dead-letter: 4 dead letters\n"
        f"         2  {name}: undecodable\n"
        f"         1  {name}: future\n"
        f"         1  {name}: null_key in view clicks\n"
        "\nThe newest:\n"
        f"  {name}: undecodable\n"
        "    partition 1, offset 4, key 'u1': "
    )
    assert shown.endswith("    of 2024-01-01T10:00:00.000000Z, value '{'\n")
    assert ": 1 of 4 dead letters\n" in dead_letter(rejected, "--reason", "future", "--topic", name)
    assert ": 0 of 4 dead letters\n" in dead_letter(rejected, "--since", "2024-01-01T10:00:00.001Z")
    assert ": 0 of 4 dead letters\n" in dead_letter(rejected, "--since", "2h")
    assert forebay("dead-letter", rejected.folder, "--since", "soon").returncode == WRONG
    assert forebay("dead-letter", rejected.folder, "--from-start").returncode == WRONG
    assert forebay("dead-letter", rejected.folder, "--newest", "-1").returncode == WRONG


def test_dead_letters_go_back_as_they_were_once(tmp_path, broker, name):
    project = run_over_bad_records(tmp_path, broker, name)
    again = ["--again", "--reason", "undecodable"]
    assert dead_letter(project, *again) == f"sent back 2 records to {name}\n"
    records = read_topic(broker.address, name)
    sent = [r for r in records if headers_of(r).get("forebay-again")]
    assert [record.value() for record in sent] == [b"not JSON\xff", b"{"]
    for record in sent:
        assert (record.partition(), record.key()) == (1, b"u1")
        assert record.timestamp()[1] == START_MS
        assert list(headers_of(record)) == ["trace", "forebay-again"]
    assert headers_of(sent[0])["forebay-again"] == f"{name}.dead-letter/0/0"
    twice = dead_letter(project, *again)
    assert twice.startswith("nothing was sent back\n2 dead letters of " + name + " not sent back: ")
    assert "--from-start" in twice
    assert len(read_topic(broker.address, name)) == len(records)
    assert dead_letter(project, *again, "--from-start") == f"sent back 2 records to {name}\n"


def test_dead_letters_that_went_back_are_applied_when_what_was_wrong_is_mended(
    tmp_path, broker, name
):
    project = run_over_bad_records(tmp_path, broker, name)
    project.write_definitions(clicks(name, ["user"], max_future="1d"))
    assert dead_letter(project, "--again") == f"sent back 4 records to {name}\n"
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_applied_records_total", 1)
        assert worker.get(["clicks.n_lifetime"], {"user": "u1"})["clicks.n_lifetime"]["value"] == 3
    assert ": 7 dead letters\n" in dead_letter(project), "those that are still wrong are back"


def test_nothing_goes_back_to_a_repartition_topic(tmp_path, broker, name):
    Project(tmp_path, name, clicks(name, ["user"]), broker.address)
    done = forebay("dead-letter", tmp_path, "--again", "--topic", f"{name}.clicks.by.user")
    assert done.returncode == WRONG
    assert "those of its source again" in done.stderr


def test_dead_letters_of_a_project_that_never_ran(tmp_path, broker, name):
    Project(tmp_path, name, clicks(name, ["user"]), broker.address)
    done = forebay("dead-letter", tmp_path)
    assert done.returncode == FAILED
    assert f"there is no topic {name}.dead-letter" in done.stderr


# ---- folders ----


def test_state_folder_of_another_project(tmp_path, broker, name):
    first = scenario_of(name)
    project = runs.prepare(first, tmp_path / "first", broker)
    runs.run_straight(first, project, broker)
    second = scenario_of(name + "-2")
    intruder = runs.prepare(second, tmp_path / "second", broker, state=str(project.state))
    fails(Worker(intruder), FAILED, str(project.state), first.project, second.project)
    agrees(first, project, broker)


def test_state_folder_of_a_newer_format(tmp_path, broker, name):
    scenario = scenario_of(name)
    project = runs.prepare(scenario, tmp_path, broker)
    runs.run_straight(scenario, project, broker)
    file = project.state / "FORMAT"
    old = file.read_text()
    file.write_text(json.dumps(json.loads(old) | {"format_version": 99}))
    fails(Worker(project), FAILED, str(project.state), "99")
    file.write_text(old)
    agrees(scenario, project, broker)


def test_state_folder_in_use(tmp_path, broker, name):
    scenario = scenario_of(name)
    project = runs.prepare(scenario, tmp_path, broker)
    with Worker(project):
        fails(Worker(project, log=tmp_path / "second.log"), FAILED, str(project.state), "in use")
    produce(broker.address, scenario.source.topic, scenario.messages)
    agrees(scenario, project, broker)


def test_warehouse_not_writable(tmp_path, broker, name):
    scenario = scenario_of(name)
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    project = runs.prepare(
        scenario, tmp_path / "project", broker, warehouse=str(in_the_way / "warehouse")
    )
    produce(broker.address, scenario.source.topic, scenario.messages)
    fails(Worker(project), FAILED, str(in_the_way), "warehouse")
    in_the_way.unlink()
    project.warehouse = in_the_way / "warehouse"
    agrees(scenario, project, broker)


# ---- a broker that goes away ----


def test_broker_down_at_the_start(tmp_path):
    scenario = scenario_of("late-broker")
    broker = Broker(tmp_path / "broker")
    project = Project(
        tmp_path / "project",
        scenario.project,
        scenario.definitions(),
        broker.address,
        **runs.INTERVALS,
    )
    worker = Worker(project).spawn()
    try:
        worker.wait_for_log(broker.address)  # says whom it waits for
        assert worker.running
        with broker:
            broker.create_topic(scenario.source.topic, scenario.partitions)
            produce(broker.address, scenario.source.topic, scenario.messages)
            if not worker.running:  # it came up between the broker and the topic
                worker.spawn()
            worker.wait_until_ready()
            assert worker.stop() == 0
            agrees(scenario, project, broker)
    finally:
        worker.kill()


@pytest.mark.parametrize("fault", ["killed", "stopped", "hanging"])
def test_broker_down_in_the_middle(tmp_path, fault):
    scenario = scenario_of("mid-" + fault)
    half = len(scenario.messages) // 2
    with Broker(tmp_path / "broker") as broker:
        project = runs.prepare(scenario, tmp_path / "project", broker)
        with Worker(project) as worker:
            produce(broker.address, scenario.source.topic, scenario.messages[:half])
            if fault == "hanging":
                broker.pause()
                time.sleep(5)  # how long it hangs: many commits, no timeout of Kafka's clients
                broker.resume()
            else:
                broker.kill() if fault == "killed" else broker.stop()
                said = worker.log.stat().st_size
                worker.wait_for_log("broker", since=said)
                user = json.loads(scenario.messages[0].value)["user_id"]
                worker.get(["user_spend.n_24h"], {"user_id": user})  # lookups go on
                broker.restart()
            produce(broker.address, scenario.source.topic, scenario.messages[half:])
        agrees(scenario, project, broker)


# Its state is as old as its start, and the topic has to be read again.
def test_a_killed_worker_is_ready_when_lookups_are_as_new_as_the_updates(tmp_path, broker, name):
    scenario = scenario_of(name)
    project = runs.prepare(scenario, tmp_path / "project", broker, state_interval="10m")
    with Worker(project) as worker:
        produce(broker.address, scenario.source.topic, scenario.messages)
        worker.wait_for_metric("forebay_consumed_records_total", len(scenario.messages))
        users = []
        deadline = time.monotonic() + 60
        while len(users) <= 50:
            assert time.monotonic() < deadline, worker.log_tail()
            published = {}
            for message in read_topic(broker.address, project.update_topic("user_spend", 1)):
                published[message.key().decode()] = json.loads(message.value() or "{}")
            users = [user for user, update in published.items() if update]
        worker.kill()
        worker.start()
        answer = worker.batch_get(["user_spend.n_24h"], [{"user_id": user} for user in users])
        for user, found in zip(users, answer["effective_times"][0]):
            newest = published[user]["_effective_time"]
            assert found is not None and parse_time(found) >= parse_time(newest), user


# ---- a full disk ----


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, kilobytes: int):
    """A file system of that size."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(("which", "kilobytes"), [("state", 3_000), ("warehouse", 500)])
def test_disk_full(tmp_path, broker, name, which, kilobytes):
    scenario = scenario_of(name, count=20_000)
    with small_disk(tmp_path / "small", kilobytes) as disk:
        settings = {which: str(disk / which)}
        project = runs.prepare(scenario, tmp_path / "project", broker, **settings)
        produce(broker.address, scenario.source.topic, scenario.messages)
        fails(Worker(project), FAILED, str(disk), "space", seconds=120)
        command = ["mount", "-o", "remount,size=2g", str(disk)]
        subprocess.run(command, check=True)
        setattr(project, which, disk / which)
        agrees(scenario, project, broker)
