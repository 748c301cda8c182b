"""How a system test runs a worker over a scenario: straight, or killed again and again."""

from __future__ import annotations

import random
import time

from tests.system.broker import Broker
from tests.system.project import Project
from tests.system.scenario import Message, Scenario, produce
from tests.system.worker import Worker

# Short intervals, so that a run of seconds sees many commits of every sink.
INTERVALS = {"commit_interval": "50ms", "state_interval": "200ms", "flush_interval": "500ms"}


def prepare(scenario: Scenario, folder, broker: Broker, **config) -> Project:
    """The source's topic and the project folder."""
    broker.create_topic(scenario.source.topic, scenario.partitions)
    return make_project(scenario, folder, broker, **config)


def make_project(scenario: Scenario, folder, broker: Broker, **config) -> Project:
    """The folder alone. Projects of other names may read the same topic."""
    settings = {"task_threads": 2} | INTERVALS | config
    return Project(folder, scenario.project, scenario.definitions(), broker.address, **settings)


def run_straight(scenario: Scenario, project: Project, broker: Broker) -> None:
    """All messages, then a worker until it is idle."""
    produce(broker.address, scenario.source.topic, scenario.messages)
    Worker(project).run_until_idle()


def run_with_kills(
    scenario: Scenario, project: Project, broker: Broker, kills: int, seed: int
) -> None:
    """A share of the messages goes in before each of `kills` lives of the worker, which SIGKILL ends
    at a random moment: while it starts, while it restores, while it works. Then one life more."""
    rng = random.Random(seed)
    worker = _busy_worker(project)
    for share in shares(scenario.messages, kills):
        produce(broker.address, scenario.source.topic, share)
        _live_and_die(worker, rng)
    worker.run_until_idle()


def catch_up_with_kills(project: Project, kills: int, seed: int) -> None:
    """The same where all messages are in the topic before the worker first starts."""
    rng = random.Random(seed)
    worker = _busy_worker(project)
    for _ in range(kills):
        _live_and_die(worker, rng)
    worker.run_until_idle()


def _busy_worker(project: Project) -> Worker:
    """Ready as soon as it works, so that it is killed while it does."""
    project.config["ready_lag"] = 10**12
    project.write_config()
    return Worker(project)


def _live_and_die(worker: Worker, rng: random.Random) -> None:
    if rng.random() < 0.3:
        worker.spawn()
        time.sleep(rng.uniform(0.0, 1.5))
    else:
        worker.start()
        time.sleep(rng.uniform(0.0, 0.6))
    assert worker.running, f"the worker ended by itself:\n{worker.log_tail()}"
    worker.kill()


def shares(messages: list[Message], count: int) -> list[list[Message]]:
    """`count` runs of messages, together all of them in order."""
    size = -(-len(messages) // count)
    return [messages[i * size : (i + 1) * size] for i in range(count)]
