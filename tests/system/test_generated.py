"""Generated transactions through a real broker: every row, every lookup, random training sets."""

import dataclasses
import json
import random
import time

import pytest

from tests.system import runs
from tests.system.agreement import Outcome
from tests.system.broker import Broker
from tests.system.scenario import produce
from tests.system.scenarios import transactions
from tests.system.worker import Worker


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


def check(scenario, project, broker):
    outcome = Outcome.read(scenario, project, broker.address)
    outcome.check_written()
    with Worker(project) as worker:
        outcome.check_lookups(worker)
    outcome.check_training_set(questions=2_000)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("straight", {}),
        ("cold", {"hot_map_bytes": 0, "block_cache_bytes": "1MB"}),
        ("alone", {"task_threads": 1, "commit_interval": "5s"}),
        (
            "hasty",
            {
                "task_threads": 8,
                "commit_interval": "1ms",
                "state_interval": "1ms",
                "commit_bytes": "1KB",
                "flush_bytes": "10KB",
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_the_caches_the_threads_and_the_commits(tmp_path, broker, name, settings):
    scenario = transactions.scenario(project=name)
    project = runs.prepare(scenario, tmp_path, broker, **settings)
    runs.run_straight(scenario, project, broker)
    check(scenario, project, broker)


def test_killed_20_times(tmp_path, broker):
    scenario = transactions.scenario(project="killed")
    project = runs.prepare(scenario, tmp_path, broker)
    runs.run_with_kills(scenario, project, broker, kills=20, seed=4)
    check(scenario, project, broker)


def test_a_view_that_comes_later_is_as_if_it_had_always_been_there(tmp_path, broker):
    """So is a repartition topic; the worker is killed while it brings them up."""
    scenario = transactions.scenario(count=6_000, project="grown")
    user_spend, user_bursts, merchant_sales, corridor = scenario.views
    before = dataclasses.replace(scenario, views=(user_spend, merchant_sales))
    project = runs.prepare(before, tmp_path, broker)
    first, rest = runs.shares(scenario.messages, 2)
    produce(broker.address, scenario.source.topic, first)
    Worker(project).run_until_idle()
    project.write_definitions(scenario.definitions())
    rng = random.Random(6)
    worker = Worker(project)
    for _ in range(4):
        worker.spawn()
        time.sleep(rng.uniform(0.2, 1.5))
        worker.kill()
    produce(broker.address, scenario.source.topic, rest)
    worker.run_until_idle()
    check(scenario, project, broker)


def test_every_record_is_counted_once(tmp_path, broker):
    scenario = transactions.scenario(count=3_000, project="counted")
    project = runs.prepare(scenario, tmp_path, broker)
    produce(broker.address, scenario.source.topic, scenario.messages)
    with Worker(project) as worker:
        metrics = worker.wait_for_metric("forebay_consumed_records_total", consumed(scenario))
    Outcome.read(scenario, project, broker.address).check_counts(metrics)


def consumed(scenario) -> int:
    """How many records all tasks together read: those of the topic, and those forwarded."""
    good = [json.loads(message.value) for message in scenario.messages if not message.bad]
    forwarded = sum(
        all(row.get(column) is not None for column in views[0].keys)
        for views in scenario.forwarded_views.values()
        for row in good
    )
    return len(scenario.messages) + forwarded


def test_at_least_once_delivers_every_row_at_least_once(tmp_path, broker):
    scenario = transactions.scenario(count=3_000, project="at_least_once")
    project = runs.prepare(scenario, tmp_path, broker, delivery="at_least_once")
    runs.run_with_kills(scenario, project, broker, kills=5, seed=9)
    outcome = Outcome.read(scenario, project, broker.address, repeats=True)
    outcome.check_written()
