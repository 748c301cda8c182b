"""What a view's outputs say: updates as JSON and as protobuf, outputs that are off, versions, and what
`forebay reset` leaves of them."""

import dataclasses
import datetime
import importlib.util
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

import polars as pl
import pytest
from confluent_kafka import Producer

from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.broker import Broker
from tests.system.lookups import check_lookups_now
from tests.system.project import Project, forebay, forebay_binary
from tests.system.rows import check_row_values, check_steps, check_updates
from tests.system.scenario import Scenario, produce
from tests.system.scenarios import transactions
from tests.system.topics import headers_of, read_topic
from tests.system.worker import Worker

TOPIC = "transactions"
START_MS = 1_709_164_800_000  # 2024-02-29T00:00:00Z
WINDOWS = ["10m", "1h", "lifetime"]
TIMES = ("_effective_time", "_event_time", "_known_time")


def view(name: str, **outputs) -> dict:
    columns = ["amount", "quantity", "country", "online", "payload", "paid_at"]
    return {
        "name": name,
        "version": 3,
        "source": TOPIC,
        "entity": "user",
        "where": "amount <> 13",
        "features": [{"name": "n", "value": "count(*)", "windows": WINDOWS}]
        + [{"name": f"last_{c}", "value": f"last({c})", "windows": WINDOWS} for c in columns]
        + [{"name": f"some_{c}", "value": f"last_n({c}, 4)", "windows": WINDOWS} for c in columns]
        + [{"name": "spend", "value": "sum(amount)", "windows": WINDOWS}],
    } | outputs


def spend(version: int, value: str) -> dict:
    features = [{"name": "total", "value": value, "windows": ["lifetime"]}]
    view = {"name": "spend", "version": version, "source": TOPIC, "entity": "user"}
    return view | {"features": features}


EACH_WITH_HEADERS = {"every": "change", "headers": "all"}

DEFINITIONS = {
    "sources": [
        {
            "name": TOPIC,
            "topic": TOPIC,
            "format": "json",
            "key": ["user_id"],
            "schema": {
                "user_id": "string",
                "device": "int64",
                "amount": "double",
                "quantity": "int64",
                "country": "string",
                "online": "bool",
                "payload": "bytes",
                "paid_at": "timestamp_us",
                "event_time": "timestamp_ms",
            },
            "event_time": "event_time",
            "known_time": "event_time",
        }
    ],
    "entities": [{"name": "user", "keys": {"user_id": "string", "device": "int64"}}],
    "feature_views": [
        view("as_json", updates=EACH_WITH_HEADERS),
        view("as_protobuf", updates=EACH_WITH_HEADERS | {"format": "protobuf"}),
        view("unpublished", updates="off"),
        view("unkept", history="off"),
        view("only_state", history="off", updates="off"),
        spend(1, "sum(quantity)"),
        spend(2, "count(*)"),
    ],
    "feature_services": [{"name": "pinned", "features": ["spend@1.total_lifetime", "spend.*"]}],
}


def events(count: int) -> list[dict]:
    rng = random.Random(5)
    return [
        {
            "user_id": rng.choice(["u1", "é", "", 'quo"te']),
            "device": rng.choice([-(2**63), 0, 7]),
            "amount": rng.choice([-0.0, 13, 0.1, 1e300, -2.5e-310, rng.gauss(0, 50)]),
            "quantity": rng.choice([None, -1, 2**53 + 1, rng.randrange(100)]),
            "country": rng.choice([None, "", "DE", "日本"]),
            "online": rng.choice([None, True, False]),
            "payload": rng.choice([None, "", "AP8="]),
            "paid_at": rng.choice([None, -1, 1_700_000_000_000_001]),
            "event_time": START_MS + i * 7_000,
        }
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        one.create_topic(TOPIC, partitions=2)
        producer = Producer({"bootstrap.servers": one.address})
        for event in events(1_000):
            producer.produce(TOPIC, json.dumps(event), key=event["user_id"])
        producer.produce(TOPIC, b"not JSON", key="u1")
        assert producer.flush(30) == 0
        yield one


@pytest.fixture(scope="module", params=["exactly_once", "at_least_once"])
def project(broker, request, tmp_path_factory) -> Project:
    """After a worker has applied all events."""
    name = request.param.replace("_", "-")
    made = Project(
        tmp_path_factory.mktemp(name), name, DEFINITIONS, broker.address, delivery=request.param
    )
    Worker(made).run_until_idle()
    return made


def message_class(project: Project, name: str, folder):
    """The class that protoc makes of what `forebay proto` prints."""
    printed = forebay("proto", name, project.folder)
    assert printed.returncode == 0, printed.stderr
    module = f"updates_{project.name.replace('-', '_')}"
    (folder / f"{module}.proto").write_text(printed.stdout)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", folder, "--python_out", folder]
        + [folder / f"{module}.proto"],
        check=True,
    )
    spec = importlib.util.spec_from_file_location(module, folder / f"{module}_pb2.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.AsProtobufV3


def as_json_has_it(name: str, value):
    """What a JSON value of a protobuf field's value is."""
    import base64

    if not isinstance(value, (bool, int, float, str, bytes)):
        return [as_json_has_it(name, element) for element in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if name in TIMES or "_paid_at" in name:
        time = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=value)
        return time.isoformat(timespec="microseconds") + "Z"
    return value


def is_null(message, field) -> bool:
    if field.has_presence:
        return not message.HasField(field.name)
    return field.name.startswith("some_") and len(getattr(message, field.name)) == 0


def as_number(found, value):
    """A JSON value as the type of what protobuf says: 13 may be a double."""
    if isinstance(found, list) and isinstance(value, list):
        return [as_number(*pair) for pair in zip(found, value, strict=True)]
    return float(value) if isinstance(found, float) else value


def test_protobuf_and_json_updates_say_the_same_bit_for_bit(broker, project, tmp_path):
    message = message_class(project, "as_protobuf", tmp_path)
    json_records = read_topic(broker.address, project.update_topic("as_json", 3))
    protobuf_records = read_topic(broker.address, project.update_topic("as_protobuf", 3))
    assert len(json_records) == len(protobuf_records) > 1_000
    nulls = 0
    for left, right in zip(json_records, protobuf_records):
        assert (left.partition(), left.key()) == (right.partition(), right.key())
        assert headers_of(left) == headers_of(right)
        assert (left.value() is None) == (right.value() is None)
        if left.value() is None:
            continue
        wanted = json.loads(left.value())
        read = message.FromString(right.value())
        fields = message.DESCRIPTOR.fields
        assert [field.number for field in fields] == list(range(1, len(wanted) + 1))
        for field, (name, value) in zip(fields, wanted.items()):
            assert field.name == name.lstrip("_")
            if is_null(read, field):
                assert value is None, name
                nulls += 1
            else:
                found = as_json_has_it(name, getattr(read, field.name))
                assert repr(found) == repr(as_number(found, value)), name
    assert nulls > 100


def test_outputs_that_are_off_leave_nothing(broker, project):
    topics = broker.admin().list_topics(timeout=10).topics
    tables = {path.name for path in (project.warehouse / "offline").iterdir()}
    for name, published, kept in [
        ("as_json", True, True),
        ("unpublished", False, True),
        ("unkept", True, False),
        ("only_state", False, False),
    ]:
        assert (project.update_topic(name, 3) in topics) == published, name
        assert (name in tables) == kept, name


def test_a_training_set_of_a_view_without_history_is_refused(project, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("user_id,device,t\nu1,7,2024-02-29T00:30:00Z\n")
    out = tmp_path / "out.parquet"
    done = forebay(
        *("training-set", "--project", project.folder, "--labels", labels, "--time", "t"),
        *("--features", "unkept.n_1h", "--out", out),
    )
    assert done.returncode == 2
    assert "feature view 'unkept' has `history: off`" in done.stderr
    assert not out.exists()


def test_lookups_need_no_output(project):
    with Worker(project) as worker:
        at = {"at": (START_MS + 7_000_000) * 1000}
        entity = {"user_id": "u1", "device": 7}
        names = ["as_json.n_lifetime", "only_state.n_lifetime"]
        found = [feature["value"] for feature in worker.get(names, entity, **at).values()]
        assert found[0] == found[1] > 0


NEWEST, FIRST, SECOND = (f"spend{v}.total_lifetime" for v in ("", "@1", "@2"))


def newest_rows(project: Project, version: int) -> dict[tuple, int]:
    """The newest value of each key in the table of one version of `spend`."""
    rows = pl.read_delta(project.table("spend", version)).sort("_effective_time", "_ordinal")
    columns = rows.select("user_id", "device", "total_lifetime").rows()
    return {(user, device): value for user, device, value in columns}


def test_each_version_of_a_view_is_the_same_in_lookups_table_and_training_set(project, tmp_path):
    first, second = newest_rows(project, 1), newest_rows(project, 2)
    assert first.keys() == second.keys() and all(first[key] != second[key] for key in first)
    expected = {
        key: {NEWEST: second[key], FIRST: first[key], SECOND: second[key]} for key in first
    }

    labels, out = tmp_path / "labels.parquet", tmp_path / "out.parquet"
    time = datetime.datetime.fromtimestamp(START_MS / 1000 + 7_000, datetime.timezone.utc)
    keys = {"user_id": [key[0] for key in first], "device": [key[1] for key in first]}
    pl.DataFrame(keys | {"t": [time] * len(first)}).write_parquet(labels)
    join = ("training-set", "--project", project.folder, "--labels", labels, "--time", "t")
    for names, columns in [
        (f"{SECOND},{FIRST},spend", [SECOND, FIRST, NEWEST]),
        ("pinned", [FIRST, NEWEST]),
    ]:
        done = forebay(*join, "--features", names, "--out", out)
        assert done.returncode == 0, done.stderr
        joined = pl.read_parquet(out)
        assert joined.columns == ["user_id", "device", "t", *columns]
        for user, device, _, *values in joined.rows():
            assert dict(zip(columns, values)) == {c: expected[user, device][c] for c in columns}

    with Worker(project) as worker:
        for user, device in first:
            entity = {"user_id": user, "device": device}
            answer = worker.get([SECOND, "spend@1.*", NEWEST], entity)
            assert {n: f["value"] for n, f in answer.items()} == expected[user, device]
            answer = worker.get("pinned", entity)
            assert [(n, f["value"]) for n, f in answer.items()] == [
                (name, expected[user, device][name]) for name in (FIRST, NEWEST)
            ]
        port = worker.ready["http_port"]
        for name, feature in [("spend", NEWEST), ("spend@1", FIRST), (SECOND, SECOND)]:
            done = forebay("get", name, "u1", 7, "--project", project.folder, "--port", port)
            assert done.returncode == 0, done.stderr
            answer = json.loads(done.stdout)["features"]
            values = {n: f["value"] for n, f in answer.items()}
            assert values == {feature: expected["u1", 7][feature]}


def test_the_proto_of_an_unknown_view_names_the_nearest(project):
    done = forebay("proto", "as_protobof", project.folder)
    assert done.returncode == 2
    assert "did you mean 'as_protobuf'" in done.stderr


# ---- reset ----


def prepare_reset(folder, broker, name: str, **config) -> tuple[Scenario, Project]:
    """Views of a direct entity and of one with a repartition topic; all messages are there."""
    scenario = transactions.scenario(count=1_500, users=100, project=name)
    scenario = dataclasses.replace(scenario, views=scenario.views[:3])
    # The broker soon forgets a worker that has stopped.
    kafka = {"bootstrap.servers": broker.address, "session.timeout.ms": "6000"}
    project = runs.prepare(scenario, folder, broker, kafka=kafka, **config)
    produce(broker.address, scenario.source.topic, scenario.messages)
    return scenario, project


def reset(project: Project, *arguments: str) -> subprocess.CompletedProcess:
    return forebay("reset", *arguments, "--project", project.folder)


def kill_reset_after(line: str, project: Project, *arguments: str) -> None:
    command = [forebay_binary(), "reset", *arguments, "--yes", "--project", project.folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any(line in said for said in process.stdout), "it ended without saying so"
        process.kill()


def check_views(scenario: Scenario, project: Project, broker: Broker) -> None:
    """Rows, updates and lookups are the oracle's, each once."""
    outcome = Outcome.read(scenario, project, broker.address)
    for view in outcome.views:
        check_steps(view)
        check_updates(view)
        check_row_values(view, sample=500)
    with Worker(project) as worker:
        for view in outcome.views:
            check_lookups_now(view, worker)


def files_of(folder: str) -> dict[str, bytes]:
    root = pathlib.Path(folder)
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def records_of(broker: Broker, topic: str) -> list[tuple]:
    return [
        (m.partition(), m.offset(), m.timestamp(), m.key(), m.value())
        for m in read_topic(broker.address, topic)
    ]


def topics_of(broker: Broker, project: Project) -> set[str]:
    return {t for t in broker.admin().list_topics(timeout=10).topics if t.startswith(project.name)}


def stored_views(project: Project, least_position: int = -1) -> set[str]:
    lines = forebay("dump", "positions", "--project", project.folder).stdout.splitlines()
    views = [view for line in lines for view in json.loads(line)["state"]["views"]]
    return {view["name"] for view in views if view["position"] >= least_position}


def wait_for_state(worker: Worker, broker: Broker, view: str) -> None:
    """Until records of the view are in the state on the disk, and it is said what is published."""
    deadline = time.monotonic() + 60

    def is_published() -> bool:
        positions = read_topic(broker.address, f"{worker.project.name}.positions")
        return any(m.key().decode().startswith(f"{view}@") for m in positions)

    while not (view in stored_views(worker.project, least_position=0) and is_published()):
        assert worker.running and time.monotonic() < deadline, worker.log_tail()


def test_views_that_are_reset_are_computed_anew_and_others_stay(broker, tmp_path):
    scenario, project = prepare_reset(tmp_path, broker, "reset-views")
    Worker(project).run_until_idle()
    topics = topics_of(broker, project)
    kept_table = files_of(project.table("user_bursts"))
    kept_topic = records_of(broker, project.update_topic("user_bursts"))

    check_only_says_what_it_would_remove(project)
    check_broken_off_is_for_the_next_reset(project)
    assert topics_of(broker, project) == topics
    assert stored_views(project) == {"user_spend", "user_bursts", "merchant_sales"}

    done = reset(project, "user_spend", "merchant_sales@1", "--yes")
    assert done.returncode == 0, done.stderr
    assert stored_views(project) == {"user_bursts"}
    gone = {project.update_topic("user_spend"), project.update_topic("merchant_sales")}
    assert topics_of(broker, project) == topics - gone
    assert {path.name for path in (project.warehouse / "offline").iterdir()} == {"user_bursts"}
    again = reset(project, "user_spend", "merchant_sales", "--yes")
    assert again.returncode == 0, again.stderr
    for name in ("user_spend", "merchant_sales"):
        assert f"{name}@1 has left nothing" in again.stdout

    Worker(project).run_until_idle()
    check_views(scenario, project, broker)
    assert files_of(project.table("user_bursts")) == kept_table
    assert records_of(broker, project.update_topic("user_bursts")) == kept_topic

    undeclared = dataclasses.replace(scenario, views=scenario.views[1:], services={})
    project.write_definitions(undeclared.definitions())
    done = reset(project, "user_spend", "--yes")
    assert done.returncode == 0, done.stderr
    assert project.update_topic("user_spend") not in topics_of(broker, project)
    assert not pathlib.Path(project.table("user_spend")).exists()


def check_only_says_what_it_would_remove(project: Project) -> None:
    shown = reset(project, "user_spend", "merchant_sales@1", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    for what in (
        "state",
        project.table("user_spend"),
        project.update_topic("merchant_sales"),
        "positions",
    ):
        assert what in shown.stdout
    assert "kept: repartition topic reset-views.transactions.by.merchant" in shown.stdout
    refused = reset(project, "user_spend", "merchant_sales@1")
    assert refused.returncode == 2 and "--yes" in refused.stderr
    mistyped = reset(project, "user_spnd", "--yes")
    assert mistyped.returncode == 2 and "did you mean 'user_spend'" in mistyped.stderr


def check_broken_off_is_for_the_next_reset(project: Project) -> None:
    (project.state / "RESET").write_text("user_spend@1\n")  # as in the middle of one
    worker = Worker(project).spawn()
    assert worker.wait() == 1
    assert "run `forebay reset user_spend@1` again" in worker.log_tail()
    other = reset(project, "user_bursts", "--yes")
    assert other.returncode == 1 and "run `forebay reset user_spend@1` again" in other.stderr


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_view_changed_under_its_version_is_reset_after_a_kill(broker, tmp_path, delivery):
    """What was made by the old definition is in the state, the change logs and the topics."""
    name = f"reset-{delivery.replace('_', '-')}"
    scenario, project = prepare_reset(
        tmp_path, broker, name, flush_interval="1h", delivery=delivery
    )
    worker = Worker(project).start()
    wait_for_state(worker, broker, "user_spend")
    refused = reset(project, "user_spend", "--yes")
    assert refused.returncode == 1 and f"process {worker.pid}: stop that one" in refused.stderr
    worker.kill()
    shown = reset(project, "user_spend", "--dry-run")
    for place in ("  state ", "  change logs ", "  update topic ", "  positions "):
        assert place in shown.stdout, shown.stdout

    spend = scenario.views[0]
    changed = dataclasses.replace(spend, features=spend.features[1:4])
    scenario = dataclasses.replace(scenario, views=(changed, *scenario.views[1:]), services={})
    project.write_definitions(scenario.definitions())
    done = reset(project, "user_spend", "--yes")
    assert done.returncode == 0, done.stderr
    project.apply()
    Worker(project).run_until_idle()
    if delivery == "exactly_once":
        check_views(scenario, project, broker)
    else:
        for view in Outcome.read(scenario, project, broker.address, repeats=True).views:
            check_steps(view)
            check_updates(view)


def test_a_version_changes_in_nothing_that_its_values_depend_on(broker, tmp_path):
    """Not while it is defined, nor when it comes back."""
    scenario = transactions.scenario(count=200, users=20, project="immutable")
    scenario = dataclasses.replace(scenario, views=scenario.views[:2], services={})
    project = runs.prepare(scenario, tmp_path, broker)
    produce(broker.address, scenario.source.topic, scenario.messages)
    Worker(project).run_until_idle()

    def refuses(definitions: dict, part: str) -> str:
        project.write_definitions(definitions)
        worker = Worker(project).spawn()
        assert worker.wait() == 1
        log = worker.log_tail()
        assert f"view user_bursts version 1 was changed ({part})" in log, log
        assert "raise its version to 2" in log and "forebay reset user_bursts@1" in log
        return log

    for part, change in {
        "max_age": lambda d: d["feature_views"][1].update(max_age="1h"),
        "default": lambda d: d["feature_views"][1]["features"][0].update(default=7),
        "where": lambda d: d["feature_views"][1].update(where="amount > 21 and online"),
    }.items():
        definitions = scenario.definitions()
        change(definitions)
        refuses(definitions, part)
    without = dataclasses.replace(scenario, views=scenario.views[:1])
    project.write_definitions(without.definitions())
    project.apply()
    Worker(project).run_until_idle()
    refuses(definitions, "where")
    shutil.rmtree(project.warehouse / "_catalog")
    refuses(definitions, "where")
    shutil.rmtree(project.warehouse / "_catalog")
    shutil.rmtree(project.state)
    assert "after its offline table was made" in refuses(definitions, "where")
    shutil.rmtree(project.warehouse / "_catalog")
    project.write_definitions(scenario.definitions())
    Worker(project).run_until_idle()
    check_views(scenario, project, broker)


def test_all_that_a_project_left_is_reset_but_not_its_source(broker, tmp_path):
    scenario, project = prepare_reset(tmp_path, broker, "reset-all")
    source = records_of(broker, scenario.source.topic)
    elsewhere = Project(
        tmp_path / "elsewhere", project.name, scenario.definitions(), broker.address, worker_id="w2"
    )
    with Worker(project) as worker:
        worker.wait_for_metric("forebay_consumed_records_total", len(scenario.messages))
        refused = reset(elsewhere, "--all", "--yes")
        assert refused.returncode == 1 and "group forebay-reset-all has a member" in refused.stderr
    # The group, which knows the worker still, is waited for after the topics.
    kill_reset_after(f"deleted topic {project.name}.transactions.by.merchant", project, "--all")
    worker.spawn()
    assert worker.wait() == 1 and "run `forebay reset --all` again" in worker.log_tail()
    done = reset(project, "--all", "--yes")
    assert done.returncode == 0, done.stderr
    assert topics_of(broker, project) == {scenario.source.topic}
    assert records_of(broker, scenario.source.topic) == source
    assert [path.name for path in project.state.iterdir()] == ["LOCK"]
    assert not (project.warehouse / "offline").exists()
    groups = broker.admin().list_consumer_groups().result(30).valid
    assert "forebay-reset-all" not in {group.group_id for group in groups}
    again = reset(project, "--all", "--yes")
    assert again.returncode == 0 and "reset-all has left nothing" in again.stdout

    Worker(project).run_until_idle()
    Outcome.read(scenario, project, broker.address).check_dead_letters()
    check_views(scenario, project, broker)
