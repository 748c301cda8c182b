"""Generated transactions through a real broker: every row, every lookup, random training sets."""

import collections
import dataclasses
import json
import math
import pathlib
import random
import time

import polars as pl
import pytest
from confluent_kafka import TopicPartition

from tests.oracle.model import Feature, View, Window
from tests.system import runs
from tests.system.agreement import Outcome, read_table
from tests.system.archive import archive_path, check_archive, gaps
from tests.system.broker import Broker
from tests.system.event_mode import check_event_training_set
from tests.system.project import forebay
from tests.system.rows import check_row_values, check_steps_wherever_they_stand
from tests.system.scenario import produce
from tests.system.scenarios import transactions
from tests.system.source_replay import tasks_by_known_time
from tests.system.view_outcome import POSITION, TIMES, ViewOutcome
from tests.system.worker import Worker, WorkerError


HASTY = {
    "task_threads": 8,
    "commit_interval": "1ms",
    "state_interval": "1ms",
    "commit_bytes": "1KB",
    "flush_bytes": "10KB",
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


def check(scenario, project, broker):
    outcome = Outcome.read(scenario, project, broker.address)
    outcome.check_written()
    if scenario.source.archive:
        check_hashes(check_archive(scenario, project, broker.address), outcome.views[0])
    with Worker(project) as worker:
        outcome.check_lookups(worker)
    outcome.check_training_set(questions=2_000)


def archived(scenario):
    return dataclasses.replace(
        scenario, source=dataclasses.replace(scenario.source, archive=True)
    )


def check_hashes(archive: pl.DataFrame, of_view: ViewOutcome) -> None:
    """A key of the source has the hash that it has in the tables of its views."""
    keys = list(of_view.view.keys)
    pairs = archive.select(*keys, "_key_hash").unique()
    hashes = of_view.table.select(*keys, "_key_hash").unique()
    assert len(hashes) > 100
    assert len(pairs) == len(archive.select(keys).unique())
    assert len(hashes.join(pairs, on=[*keys, "_key_hash"], how="anti")) == 0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("straight", {}),
        ("cold", {"hot_map_bytes": 0, "block_cache_bytes": "1MB"}),
        ("alone", {"task_threads": 1, "commit_interval": "5s"}),
        ("hasty", HASTY),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_the_caches_the_threads_and_the_commits(tmp_path, broker, name, settings):
    scenario = transactions.scenario(project=name)
    project = runs.prepare(scenario, tmp_path, broker, **settings)
    runs.run_straight(scenario, project, broker)
    check(scenario, project, broker)


def test_killed_20_times(tmp_path, broker):
    scenario = archived(transactions.scenario(project="killed"))
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


def test_definitions_that_change_between_kills_leave_no_trace(tmp_path, broker):
    """Views and their repartition topics come and go, outputs are switched off and on."""
    scenario = archived(transactions.scenario(count=6_000, project="changing"))
    project = runs.prepare(scenario, tmp_path, broker)
    rng = random.Random(11)
    worker = Worker(project)
    for share in runs.shares(scenario.messages, 10):
        some = [view for view in scenario.views if rng.random() < 0.7] or [scenario.views[0]]
        definitions = dataclasses.replace(scenario, views=tuple(some), services={}).definitions()
        for view in definitions["feature_views"]:
            view |= {output: "off" for output in ("history", "updates") if rng.random() < 0.3}
        definitions["sources"][0]["archive"] = rng.choice(["on", "off"])
        project.write_definitions(definitions)
        project.apply()
        produce(broker.address, scenario.source.topic, share)
        worker.spawn()
        time.sleep(rng.uniform(0.3, 1.5))
        assert worker.running, worker.log_tail()
        worker.kill()
    project.write_definitions(scenario.definitions())
    worker.run_until_idle()
    check(scenario, project, broker)


def test_an_archive_goes_on_as_it_is_switched_and_says_what_it_lacks(tmp_path, broker):
    """On, off, and on again with a column more; a column of another type; begun anew."""
    scenario = archived(transactions.scenario(count=900, project="switched"))
    project = runs.prepare(scenario, tmp_path, broker)

    def run(source, messages):
        definitions = dataclasses.replace(scenario, source=source).definitions()
        project.write_definitions(definitions)
        produce(broker.address, source.topic, messages)
        Worker(project).run_until_idle()

    first, off, on, later = runs.shares(scenario.messages, 4)
    source = scenario.source
    grown = dataclasses.replace(source, schema=source.schema | {"note": "string"})
    run(source, first)
    run(dataclasses.replace(source, archive=False), off)
    run(grown, on)
    scenario = dataclasses.replace(scenario, source=grown)
    archive = check_archive(scenario, project, broker.address)
    assert len(archive) == sum(not message.bad for message in first + on)
    assert sum(map(len, sum(gaps(project, source.name).values(), []))) == len(off)
    log = (project.folder / "worker.log").read_text()
    assert f"lacks the records of {source.topic}/0 from offset" in log
    assert f"read {len(on)} records of {source.topic}: " in log
    assert f"; {sum(not message.bad for message in on)} archived" in log

    other = dataclasses.replace(grown, schema=grown.schema | {"note": "bool"})
    with pytest.raises(WorkerError, match="column note .* is string, not bool: archived columns keep"):
        run(other, [])
    done = forebay("reset", "events/transactions", "--yes", "--project", project.folder)
    assert done.returncode == 0, done.stderr
    assert "removed the event archive events/transactions" in done.stdout
    run(other, later)
    archive = check_archive(dataclasses.replace(scenario, source=other), project, broker.address)
    assert len(archive) == sum(not message.bad for message in later)
    done = forebay("reset", "--all", "--yes", "--project", project.folder)
    assert done.returncode == 0, done.stderr
    assert not pathlib.Path(archive_path(project, source.name)).exists()


def test_a_training_set_of_the_archive_is_as_if_nothing_had_been_late(tmp_path, broker):
    scenario = archived(transactions.scenario(count=3_000, users=60, project="recomputed"))
    project = runs.prepare(scenario, tmp_path, broker)
    early, late = runs.shares(scenario.messages, 2)
    produce(broker.address, scenario.source.topic, early)
    Worker(project).run_until_idle()
    check_event_training_set(scenario, project, broker.address, questions=500)
    before = project.folder / "event.parquet"

    produce(broker.address, scenario.source.topic, late)
    Worker(project).run_until_idle()
    for upkeep in (["compact"], ["vacuum", "--retention", "0"]):
        assert forebay(*upkeep, "--project", project.folder).returncode == 0
    again = ["training-set", "--again", f"{before}.manifest.json", "--project", project.folder]
    done = forebay(*again, "--out", project.folder / "again.parquet")
    assert "the same bytes as before" in done.stdout, done.stderr


def test_what_a_view_lacks_is_said(tmp_path, broker):
    """A topic that no longer holds its beginning, and a view that counts from now on."""
    count = Feature("n", "count(*)", "count", lambda row: 1, (Window.lifetime(),))
    old = View("old", "user", ("user_id",), (count,))
    new = dataclasses.replace(old, name="new")
    scenario = transactions.scenario(count=300, project="lacking")
    both = dataclasses.replace(scenario, views=(old, new), services={}, partitions=1)
    project = runs.prepare(dataclasses.replace(both, views=(old,)), tmp_path, broker)
    topic = scenario.source.topic
    messages = [message for message in scenario.messages if not message.bad]
    gone, kept, later = messages[:50], messages[50:200], messages[200:]
    produce(broker.address, topic, gone + kept)
    admin = broker.admin()
    [deleted] = admin.delete_records([TopicPartition(topic, 0, len(gone))]).values()
    deleted.result(30)

    def complete_from(metrics, view):
        labels = f'view="{view}",version="1",topic="{topic}",partition="0"'
        return metrics.get(f"forebay_view_complete_from_seconds{{{labels}}}")

    def time_of(message):
        return json.loads(message.value)["event_time"] / 1000

    user = collections.Counter(message.key for message in later).most_common(1)[0][0]
    with Worker(project) as worker:
        metrics = worker.wait_for_metric("forebay_applied_records_total", len(kept))
        assert complete_from(metrics, "old") == time_of(kept[0])
        worker.wait_for_log("view old@1 is complete from 2024-02-29T")
    project.write_definitions(both.definitions())
    with Worker(project, "--from-now", "new", "--from-now", "old") as worker:
        worker.wait_for_log("view old@1 is not new: it goes on from where it was")
        assert complete_from(worker.metrics(), "new") == math.inf
        assert worker.get(["new.n_lifetime"], {"user_id": user})["new.n_lifetime"]["value"] == 0
        worker.kill()
    produce(broker.address, topic, later)
    with Worker(project, "--from-now", "new") as worker:
        metrics = worker.wait_for_metric("forebay_applied_records_total", len(later))
        assert complete_from(metrics, "new") == time_of(later[0])
        assert complete_from(metrics, "old") == time_of(kept[0])
        answer = worker.get(["old.n_lifetime", "new.n_lifetime"], {"user_id": user})
        counts = [sum(m.key == user for m in part) for part in (kept + later, later)]
        assert [answer[f"{name}.n_lifetime"]["value"] for name in ("old", "new")] == counts
    done = forebay("run", project.folder, "--from-now", "newest")
    assert done.returncode != 0
    assert "--from-now newest: unknown feature view 'newest'" in done.stderr


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


# ---- history: all events are in the topic before the worker first starts ----


@pytest.fixture(scope="module")
def history(broker):
    """5,000 events of 3 days, half of them in two of 8 partitions."""
    scenario = transactions.scenario(5_000, 30, "history", partitions=8, gap_ms=20_000)
    broker.create_topic(scenario.source.topic, scenario.partitions)
    produce(broker.address, scenario.source.topic, scenario.messages)
    return scenario


@pytest.fixture(scope="module")
def tables(history, broker, tmp_path_factory):
    """Of each view, as a first project wrote them."""
    project = runs.make_project(history, tmp_path_factory.mktemp("history"), broker)
    Worker(project).run_until_idle()
    return tables_without_positions(history, project)


def tables_without_positions(scenario, project) -> dict[str, pl.DataFrame]:
    return {
        view.name: read_table(project, view).drop(POSITION).sort(*view.keys, "_effective_time")
        for view in scenario.views
    }


@pytest.mark.parametrize(
    ("name", "settings", "kills"),
    [("again", {}, 0), ("in_haste", HASTY, 0), ("with_kills", {"task_threads": 1}, 5)],
    ids=["again", "in_haste", "with_kills"],
)
def test_a_replay_of_history_gives_what_was_known_when(
    tmp_path, broker, history, tables, name, settings, kills
):
    scenario = dataclasses.replace(history, project=name)
    project = runs.make_project(scenario, tmp_path, broker, **settings)
    runs.catch_up_with_kills(project, kills, seed=26)
    for view in scenario.views:
        check_effective_soon(view, read_table(project, view))
    for entity, views in scenario.forwarded_views.items():
        tasks = tasks_by_known_time(scenario, entity, broker.address)
        for view in views:
            by_known_time = ViewOutcome(view, tasks, [], read_table(project, view))
            check_steps_wherever_they_stand(by_known_time)
            check_row_values(by_known_time, sample=None)
    Outcome.read(scenario, project, broker.address).check_written(sample=1_000)
    for view, table in tables_without_positions(scenario, project).items():
        assert table.equals(tables[view]), f"{view}: another replay wrote another table"


def check_effective_soon(view, table: pl.DataFrame) -> None:
    """No event counts later than the latest arrival, and what two events of one microsecond need."""
    soon = pl.duration(milliseconds=transactions.MOST_LATE_MS + 1)
    events = table.filter(pl.col("_op") == "event").select(*view.keys, *TIMES)
    late = events.filter(pl.col("_effective_time") - pl.col("_known_time") > soon)
    share = len(late) / len(events)
    assert share == 0, f"{view.name}: {share:.0%} of the events count too late:\n{late.head(5)}"
