"""lookup = newest update = newest row of the table = oracle, and training set at t = oracle at t.

    outcome = Outcome.read(scenario, project, broker.address)   # topics, tables, oracle
    outcome.check_written()                                     # rows, updates, dead letters
    outcome.check_lookups(worker)
    outcome.check_training_set(questions=10_000)

The table is read by delta-rs and Polars, never by our code.
"""

from __future__ import annotations

import collections
import random

import polars as pl
from deltalake import DeltaTable

from tests.oracle.compare import differences
from tests.oracle.model import View
from tests.oracle.oracle import Task
from tests.oracle.repartition import RepartitionTask
from tests.system.lookups import check_lookups_at_the_newest_row, check_lookups_now
from tests.system.project import Project, forebay
from tests.system.rows import check_row_values, check_steps, check_updates
from tests.system.scenario import Scenario
from tests.system.topics import (
    DeadLetter,
    Update,
    dead_letters,
    read_topic,
    repartition_record,
    source_record,
    updates,
)
from tests.system.view_outcome import (
    POSITION,
    ViewOutcome,
    assert_none,
    assert_same_counts,
    defaults,
    micros,
    time_of,
)
from tests.system.worker import Worker

GATE_REASONS = {"undecodable", "bad_event_time", "bad_known_time", "future"}


class Outcome:
    def __init__(self, scenario, project, views, letters, tasks):
        self.scenario: Scenario = scenario
        self.project: Project = project
        self.views: list[ViewOutcome] = views
        self.dead_letters: list[DeadLetter] = letters
        self.tasks: dict[tuple[str, int], Task] = tasks

    @staticmethod
    def read(
        scenario: Scenario, project: Project, address: str, repeats: bool = False
    ) -> "Outcome":
        """`repeats`: delivered at least once, so drop what was seen as docs/formats/update_record.md
        tells a reader to."""
        tasks = oracle_tasks(scenario, address)
        views = []
        for view in scenario.views:
            direct = view in scenario.direct_views
            topic = scenario.source.topic if direct else scenario.repartition_topic(view.entity)
            own = {partition: task for (name, partition), task in tasks.items() if name == topic}
            changes = updates(address, project.update_topic(view.name, view.version))
            if repeats:
                changes = without_repeats(changes)
            views.append(ViewOutcome(view, own, changes, read_table(project, view)))
        letters = dead_letters(address, project.dead_letter_topic)
        if repeats:
            letters = list(dict.fromkeys(letters))
        return Outcome(scenario, project, views, letters, tasks)

    # ---- what was written ----

    def check_written(self, sample: int | None = None) -> None:
        """`sample`: of how many rows of each view the values are checked; None: of all."""
        self.check_dead_letters()
        for outcome in self.views:
            check_steps(outcome)
            check_updates(outcome)
            check_row_values(outcome, sample)

    def check_dead_letters(self) -> None:
        """Each refused record once per (record, view, reason), with its bytes; nothing else."""
        wanted = collections.Counter(
            (topic, partition, rejected)
            for (topic, partition), task in self.tasks.items()
            for rejected in task.rejected
        )
        found = collections.Counter((d.topic, d.partition, d.rejected) for d in self.dead_letters)
        assert_same_counts(found, wanted, "dead letters")
        bad = collections.Counter((m.value, m.bad) for m in self.scenario.messages if m.bad)
        at_gate = collections.Counter(
            (d.value, d.rejected.reason)
            for d in self.dead_letters
            if d.topic == self.scenario.source.topic and d.rejected.reason in GATE_REASONS
        )
        assert_same_counts(at_gate, bad, "dead letters of bad records")

    def check_counts(self, metrics: dict[str, float]) -> None:
        """Of a worker that read all from the start: every record counted once, as what it was."""
        for (topic, partition), task in self.tasks.items():
            wanted = collections.Counter(task.dispositions)
            for kind in ("applied", "filtered", "late", "dead_lettered", "duplicate"):
                label = f'forebay_{kind}_records_total{{topic="{topic}",partition="{partition}"}}'
                assert (
                    metrics[label] == wanted[kind]
                ), f"{label} is {metrics[label]}, not {wanted[kind]}"
            label = f'forebay_consumed_records_total{{topic="{topic}",partition="{partition}"}}'
            assert metrics[label] == wanted.total(), label

    # ---- lookups ----

    def check_lookups(self, worker: Worker) -> None:
        for outcome in self.views:
            check_lookups_now(outcome, worker)
            check_lookups_at_the_newest_row(outcome, worker)

    # ---- training sets ----

    def check_training_set(self, questions: int, seed: int = 5) -> None:
        """`questions` random (key, time) rows, each asking for every feature of every view."""
        rng = random.Random(seed)
        until = min(outcome.complete_until() for outcome in self.views)
        keys = [list(outcome.histories()) for outcome in self.views]
        first = min(o.table["_effective_time"].min() for o in self.views)
        since = micros(first) - 3_600_000_000
        rows = [
            (rng.randrange(since, until), [rng.choice(of_view) for of_view in keys])
            for _ in range(questions)
        ]
        answers = self.run_training_set(rows)
        wrong = []
        for index, outcome in enumerate(self.views):
            histories = outcome.histories()
            columns = answers[index].rows()
            for (time, chosen), got in zip(rows, columns):
                want = histories[chosen[index]][1].at(time)
                values = want.values if want else defaults(outcome.view)
                for text in differences(outcome.view, list(got), values):
                    wrong.append(f"{outcome.view.name} {chosen[index]} at {time}: {text}")
        assert_none(wrong, "training set")

    def run_training_set(self, rows: list[tuple[int, list[tuple]]]) -> list[pl.DataFrame]:
        """`forebay training-set`; the columns of each view's features."""
        folder = self.project.folder
        results = []
        for index, outcome in enumerate(self.views):
            view = outcome.view
            labels = {"row": list(range(len(rows)))}
            for part, column in enumerate(view.keys):
                labels[column] = [chosen[index][part] for _, chosen in rows]
            labels["asked_at"] = [time_of(t) for t, _ in rows]
            schema = {name: pl.Int64 for name in ["row"]} | {"asked_at": pl.Datetime("us", "UTC")}
            frame = pl.DataFrame(labels, schema_overrides=schema)
            frame.write_parquet(folder / "labels.parquet")
            features = ",".join(f"{view.name}.{column}" for column in view.columns)
            done = forebay(
                "training-set", "--project", folder, "--labels", folder / "labels.parquet",
                "--time", "asked_at", "--features", features, "--out", folder / "out.parquet",
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            out = pl.read_parquet(folder / "out.parquet")
            assert out.select(out.columns[: len(frame.columns)]).equals(frame)
            results.append(out.select(out.columns[len(frame.columns) :]))
        return results


def without_repeats(changes: list[Update]) -> list[Update]:
    highest: dict[int, tuple[int, int, int]] = {}
    kept = []
    for change in changes:
        if change.source > highest.get(change.source[0], (-1, -1, -1)):
            highest[change.source[0]] = change.source
            kept.append(change)
    return kept


def read_table(project: Project, view: View) -> pl.DataFrame:
    """The offline table in the order of positions, as Polars reads it; delta-rs must agree."""
    path = project.table(view.name, view.version)
    options = project.storage_options
    frame = pl.read_delta(path, storage_options=options).sort(POSITION)
    table = DeltaTable(path, storage_options=options)
    by_delta_rs = pl.from_arrow(table.to_pyarrow_table()).sort(POSITION)
    assert frame.equals(by_delta_rs.select(frame.columns))
    return frame


def oracle_tasks(scenario: Scenario, address: str) -> dict[tuple[str, int], Task]:
    """The oracle's view of every partition that tasks read, fed with what is in the topics."""
    tasks: dict[tuple[str, int], Task] = {}
    forwards = list(scenario.forwarded_views.values())
    for message in read_topic(address, scenario.source.topic):
        place = (message.topic(), message.partition())
        task = tasks.setdefault(place, Task(scenario.source, scenario.direct_views, forwards))
        task.apply(source_record(message))
    for entity, views in scenario.forwarded_views.items():
        topic = scenario.repartition_topic(entity)
        for message in read_topic(address, topic, "read_uncommitted"):
            place = (message.topic(), message.partition())
            if place not in tasks:
                tasks[place] = RepartitionTask(scenario.source, views, scenario.partitions)
            tasks[place].read(repartition_record(message))
    return tasks
