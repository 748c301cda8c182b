"""Brokers with TLS and passwords: all clients of a worker get in, and one that is kept out says why."""

import contextlib
import dataclasses
import re

import pytest

from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.project import ROOT, Project, forebay
from tests.system.scenario import produce
from tests.system.scenarios import transactions
from tests.system.secure_broker import KEY_PASSWORD, PASSWORD, Authority, SecureBroker
from tests.system.worker import Worker

FAILED = 1  # at run time
WRONG = 2  # definitions or usage
MECHANISMS = ["SCRAM-SHA-512", "PLAIN"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("security") / "authority")


@pytest.fixture(scope="module")
def broker(tmp_path_factory, authority):
    settings = {"transaction.max.timeout.ms": "60000"}
    with SecureBroker(tmp_path_factory.mktemp("security") / "broker", authority, settings) as one:
        yield one


@pytest.fixture
def name(request):
    """A project name of the test's own, so that all share a broker."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50]


@pytest.fixture(autouse=True)
def passwords(monkeypatch):
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    monkeypatch.setenv("KAFKA_KEY_PASSWORD", KEY_PASSWORD)


def documented(protocol: str) -> dict[str, str]:
    """What the page of the configuration says for such brokers."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    for block in re.findall(r"^```yaml\nkafka:\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        lines = dict(line.strip().split(": ", 1) for line in block.splitlines())
        if lines.get("security.protocol") == protocol:
            return lines
    raise AssertionError(f"docs/configuration.md has no example with {protocol}")


def scenario_of(name):
    scenario = transactions.scenario(count=100, users=10, project=name)
    views = [view for view in scenario.views if view.name in ("user_spend", "merchant_sales")]
    return dataclasses.replace(scenario, views=tuple(views))


def secured(scenario, folder, broker, authority, protocol="sasl_ssl", **more) -> Project:
    """With the authority's certificates where the documented settings have them."""
    address = {"sasl_ssl": broker.sasl, "ssl": broker.tls}[protocol]
    kafka = documented(protocol) | {"bootstrap.servers": address} | more
    project = runs.make_project(scenario, folder, broker, kafka=kafka)
    certificate, key = authority.sign("forebay", "DNS:forebay", KEY_PASSWORD)
    for given, place in [
        (authority.certificate, "ssl.ca.location"),
        (certificate, "ssl.certificate.location"),
        (key, "ssl.key.location"),
    ]:
        if place in documented(protocol):
            (folder / documented(protocol)[place]).write_bytes(given.read_bytes())
    return project


@pytest.mark.parametrize(
    "protocol, then", [("ssl", {}), ("sasl_ssl", {"sasl.mechanisms": "PLAIN"})]
)
def test_all_clients_of_a_worker_get_in(tmp_path, broker, authority, name, protocol, then):
    """As documented; `then`: how else some of them do."""
    scenario = scenario_of(name)
    broker.create_topic(scenario.source.topic, scenario.partitions)
    project = secured(scenario, tmp_path, broker, authority, protocol)
    half = len(scenario.messages) // 2
    produce(broker.address, scenario.source.topic, scenario.messages[:half])
    Worker(project).run_until_idle()
    with Worker(project) as worker:
        key = {"user_id": scenario.messages[0].key}
        assert worker.get(["user_spend.n_24h"], key)["user_spend.n_24h"]["value"] > 0
        produce(broker.address, scenario.source.topic, scenario.messages[half:])
    project.config["kafka"] |= then
    project.write_config()
    Worker(project).run_until_idle()
    outcome = Outcome.read(scenario, project, broker.address)
    outcome.check_written()
    letters = len(outcome.dead_letters)
    assert letters and f": {letters} dead letters\n" in command("dead-letter", project)
    assert command("dead-letter", project, "--again").startswith("sent back ")
    assert "update topic" in command("reset", project, "user_spend", "--yes")
    assert project.update_topic("user_spend") not in broker.admin().list_topics().topics


def command(word: str, project: Project, *arguments: str) -> str:
    folder = ["--project", project.folder] if word == "reset" else [project.folder]
    done = forebay(word, *arguments, *folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- kept out ----


def fails(project: Project, *words: str, code: int = FAILED) -> str:
    """The worker ends by itself and says all of `words`, but no password."""
    worker = Worker(project).spawn()
    with contextlib.ExitStack() as stack:
        stack.callback(worker.kill)
        assert worker.wait(30) == code, worker.log_tail()
    log = worker.log.read_text()
    for word in words:
        assert word in log, f"{word!r} is not in:\n{log}"
    assert PASSWORD not in log and "a wrong one" not in log
    return log


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password(tmp_path, broker, authority, name, mechanism):
    more = {"sasl.mechanisms": mechanism, "sasl.password": "a wrong one"}
    project = secured(scenario_of(name), tmp_path, broker, authority, **more)
    fails(project, broker.sasl, "refuses this client", "set `sasl.username`, `sasl.password`")


def test_a_mechanism_that_the_broker_does_not_know(tmp_path, broker, authority, name):
    more = {"sasl.mechanisms": "SCRAM-SHA-256"}
    project = secured(scenario_of(name), tmp_path, broker, authority, **more)
    fails(project, "refuses this client", "SCRAM-SHA-512", "`sasl.mechanisms` to what the broker")


def test_a_certificate_of_another_authority(tmp_path, broker, authority, name):
    project = secured(scenario_of(name), tmp_path, broker, authority)
    other = Authority(tmp_path / "other")
    (tmp_path / "ca.pem").write_bytes(other.certificate.read_bytes())
    fails(project, "no TLS connection", broker.sasl, "certificate verify failed", "`ssl.ca.location`")
    done = forebay("dead-letter", tmp_path)
    assert done.returncode == FAILED and "`ssl.ca.location`" in done.stderr


def test_a_certificate_of_another_name(tmp_path, broker, authority, name):
    address = broker.sasl.replace("localhost", "127.0.0.1")
    more = {"bootstrap.servers": address}
    project = secured(scenario_of(name), tmp_path, broker, authority, **more)
    fails(project, "no TLS connection", address, "`bootstrap.servers` has")


def test_a_client_without_a_certificate(tmp_path, broker, authority, name):
    project = secured(scenario_of(name), tmp_path, broker, authority, "ssl")
    for place in ["ssl.certificate.location", "ssl.key.location", "ssl.key.password"]:
        del project.config["kafka"][place]
    project.write_config()
    fails(project, f"broker {broker.tls} refuses TLS", "set `ssl.certificate.location`")


def test_a_port_with_another_protocol(tmp_path, broker, authority, name):
    """Brokers behind a balancer that are away look the same: the worker waits, and says what it sees."""
    project = secured(scenario_of(name), tmp_path, broker, authority)
    project.config["kafka"] = {"bootstrap.servers": broker.sasl}
    project.write_config()
    worker = Worker(project).spawn()
    try:
        worker.wait_for_log("not reachable")
        worker.wait_for_log("See `security.protocol` under `kafka`")
        assert worker.running
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_a_broker_that_allows_less_for_a_transaction(tmp_path, broker, authority, name):
    scenario = scenario_of(name)
    broker.create_topic(scenario.source.topic, scenario.partitions)
    produce(broker.address, scenario.source.topic, scenario.messages[:10])
    more = {"transaction.timeout.ms": "70000"}
    project = secured(scenario, tmp_path, broker, authority, **more)
    log = fails(project, "less than the 70000 ms of this client", "set transaction.timeout.ms under")
    assert log.count("set transaction.timeout.ms") == 1


def test_a_password_that_changes_is_waited_for_by_a_worker_that_runs(
    tmp_path, broker, authority, name
):
    scenario = scenario_of(name)
    broker.create_topic(scenario.source.topic, scenario.partitions)
    project = secured(scenario, tmp_path, broker, authority)
    half = len(scenario.messages) // 2
    try:
        with Worker(project) as worker:
            produce(broker.address, scenario.source.topic, scenario.messages[:half])
            broker.set_password("another one")
            worker.wait_for_log("SASL authentication error")
            produce(broker.address, scenario.source.topic, scenario.messages[half:])
            broker.set_password(PASSWORD)
    finally:
        broker.set_password(PASSWORD)
    Worker(project).run_until_idle()
    Outcome.read(scenario, project, broker.address).check_written()


# ---- seen without a broker ----


@pytest.mark.parametrize(
    "kafka, words",
    [
        ({"ssl.ca.location": "lost.pem"}, ["set ssl.ca.location to where", "lost.pem", "No such file"]),
        ({"ssl.ca.location": "features/features.yaml"}, ["ssl.ca.location"]),
        ({"sasl.mechanisms": "GSSAPI"}, ["Kerberos", "SCRAM-SHA-512"]),
        ({"session.timeout.ms": "9000", "max.poll.interval.ms": "8000"}, ["max.poll.interval.ms"]),
        ({"bootstrap.servers": f"forebay:{PASSWORD}@broker:9092"}, ["`sasl.password`"]),
    ],
    ids=["lost", "no-certificate", "kerberos", "contradiction", "password"],
)
def test_settings_that_cannot_work_are_refused(tmp_path, broker, authority, name, kafka, words):
    project = secured(scenario_of(name), tmp_path, broker, authority, **kafka)
    fails(project, *words, code=WRONG)
    done = forebay("validate", tmp_path)
    assert done.returncode == WRONG, done.stdout
    assert all(word in done.stderr for word in words), done.stderr
    assert PASSWORD not in done.stdout + done.stderr
