"""The warehouse in a bucket of a real S3 server: kills, a store that fails, and who may not ask."""

import contextlib
import re

import pytest

from tests.object_store.s3_server import KEY_ID, S3Server
from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.broker import Broker
from tests.system.project import forebay
from tests.system.scenario import produce
from tests.system.scenarios import transactions
from tests.system.worker import Worker

FAILED = 1
BUCKET = "lake"
HASTY_S3 = {"request_timeout": "2s", "retry_for": "3s"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture(scope="module")
def server():
    with S3Server() as one:
        one.make_bucket(BUCKET)
        yield one


@pytest.fixture
def s3(server, monkeypatch):
    """The server, as all processes of the test find it."""
    for variable, value in server.environment().items():
        monkeypatch.setenv(variable, value)
    yield server
    server.mend()
    server.allow(KEY_ID, "test-secret")


@pytest.fixture
def name(request):
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50]


def prepare(name, folder, broker, s3, count=1_500, **config):
    scenario = transactions.scenario(count=count, users=100, project=name)
    project = runs.prepare(
        scenario, folder, broker, warehouse=f"s3://{BUCKET}/{name}", s3=HASTY_S3, **config
    )
    project.storage_options = s3.storage_options()
    return scenario, project


def check(scenario, project, broker):
    """Rows in the tables, once each, as Polars and delta-rs read them; and training sets."""
    outcome = Outcome.read(scenario, project, broker.address)
    outcome.check_written(sample=1_000)
    outcome.check_training_set(questions=500)


def test_killed_again_and_again_while_the_store_fails(tmp_path, broker, s3, name):
    """One request in four fails, in the ways of stores and networks, conditional writes among them."""
    scenario, project = prepare(name, tmp_path, broker, s3, count=4_000)
    for fault in ("slow_down", "error", "reset", "done_reset", "done_error"):
        s3.fail(fault, method="PUT", count=-1, chance=0.05)
        s3.fail(fault, method="GET", count=-1, chance=0.05)
    s3.fail("cut", method="GET", count=-1, chance=0.05)
    runs.run_with_kills(scenario, project, broker, kills=6, seed=4)
    s3.mend()
    check(scenario, project, broker)


# ---- at the start ----


def ends(project, *words):
    worker = Worker(project).spawn()
    assert worker.wait(30) == FAILED, worker.log_tail()
    for word in ("the warehouse is not writable", *words):
        assert word in worker.log_tail(), f"{word!r} is not in:\n{worker.log_tail()}"
    assert "test-secret" not in worker.log_tail()


def test_a_worker_that_cannot_write_there_says_why_and_ends(tmp_path, broker, s3, name, monkeypatch):
    _, project = prepare(name, tmp_path, broker, s3)
    right = project.config

    project.config = right | {"warehouse": "s3://no-such-bucket/x"}
    project.write_config()
    ends(project, "NoSuchBucket", "create the bucket no-such-bucket")

    project.config = right | {"s3": HASTY_S3 | {"region": "eu-west-1"}}
    project.write_config()
    ends(project, "the bucket is in the region us-east-1, not eu-west-1")

    project.config = right | {"s3": HASTY_S3 | {"endpoint": "http://127.0.0.1:1"}}
    project.write_config()
    ends(project, "http://127.0.0.1:1", "check the network and `endpoint`")

    project.config = right
    project.write_config()
    s3.fail("expired", count=-1)
    ends(project, "ExpiredToken", "renew or mend the credentials, which are test-key")
    s3.mend()
    s3.fail("unconditional", method="PUT", count=-1)
    ends(project, "does not know conditional writes")
    s3.mend()
    s3.allow("reader", "look", denied="^(PUT|POST|DELETE)")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "look")
    ends(project, "AccessDenied", f"allow s3:PutObject on arn:aws:s3:::{BUCKET}/{name}/", "to reader")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    ends(project, "set both, or none")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ends(project, "there are no credentials for S3: set AWS_ACCESS_KEY_ID")


def test_a_store_shows_itself_by_a_certificate_that_is_trusted(tmp_path, broker, name, monkeypatch):
    with S3Server(tls=tmp_path) as server:
        server.make_bucket(BUCKET)
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)
        scenario, project = prepare(name, tmp_path / "project", broker, server, count=100)
        ends(project, server.url, "certificate", "set `ca_file`")
        project.config["s3"] = HASTY_S3 | {"ca_file": "../ca.pem"}
        project.write_config()
        runs.run_straight(scenario, project, broker)
        tables = [path for method, path in server.requests() if "date%3D" in path]
        assert tables


# ---- while it runs ----


FAULTS = {
    "denied": "AccessDenied",
    "expired": "ExpiredToken",
    "reset": "check the network",
    "slow_down": "SlowDown",
}


def test_a_worker_goes_on_while_rows_are_not_taken(tmp_path, broker, s3, name):
    scenario, project = prepare(name, tmp_path, broker, s3)
    user = {"user_id": scenario.messages[0].key}
    sent = 0
    with Worker(project) as worker:
        for (fault, said), share in zip(FAULTS.items(), runs.shares(scenario.messages, 4)):
            since = len(worker.log_tail(10**9))
            if fault == "denied":
                s3.allow(KEY_ID, "test-secret", denied="^PUT")
            else:
                s3.fail(fault, count=-1)
            produce(broker.address, scenario.source.topic, share)
            sent += len(share)
            worker.wait_for_log("the offline tables cannot be written to, retrying", since=since)
            worker.wait_for_log(said, since=since)
            worker.wait_for_metric("forebay_consumed_records_total", sent)
            worker.wait_for_metric("forebay_change_log_bytes", 1)
            worker.get(["user_spend.n_24h"], user)
            assert worker.is_ready()
            s3.mend()
            s3.allow(KEY_ID, "test-secret")
            worker.wait_for_log("the offline tables are written to again", since=since)
        assert worker.metrics()['forebay_object_store_requests_total{kind="commit"}'] > 4
    check(scenario, project, broker)


def test_a_worker_that_stops_while_the_store_is_away_keeps_its_rows(tmp_path, broker, s3, name):
    scenario, project = prepare(
        name, tmp_path, broker, s3, flush_interval="1h", stop_timeout="4s"
    )
    with contextlib.ExitStack() as stack:
        worker = Worker(project)
        stack.callback(worker.kill)
        worker.start()
        produce(broker.address, scenario.source.topic, scenario.messages)
        worker.wait_for_metric("forebay_consumed_records_total", len(scenario.messages))
        s3.fail("hang", count=-1, seconds=30)
        assert worker.stop(seconds=40) == FAILED, worker.log_tail()
        assert "stopping took longer than stop_timeout (4s)" in worker.log_tail()
    s3.mend()
    Worker(project).run_until_idle()
    check(scenario, project, broker)


def test_reset_removes_a_table_from_the_bucket(tmp_path, broker, s3, name):
    scenario, project = prepare(name, tmp_path, broker, s3)
    runs.run_straight(scenario, project, broker)
    done = forebay("reset", "--project", project.folder, "--yes", "user_spend@1")
    assert done.returncode == 0, done.stderr
    assert f"s3://{BUCKET}/{name}/offline/user_spend/v1" in done.stdout
    Worker(project).run_until_idle()
    check(scenario, project, broker)
