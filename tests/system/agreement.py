"""lookup = newest update = newest row of the table = oracle, and training set at t = oracle at t.

    outcome = Outcome.read(scenario, project, broker.address)   # topics, tables, oracle
    outcome.check_written()                                     # rows, updates, dead letters
    outcome.check_lookups(worker)
    outcome.check_training_set(questions=10_000)

The table is read by delta-rs and Polars, never by our code.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import json
import random

import polars as pl
from deltalake import DeltaTable

from tests.oracle.compare import differences
from tests.oracle.model import View
from tests.oracle.oracle import Answer, KeyHistory, Rejected, Step, Task, parse_time
from tests.system.project import Project, forebay
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
from tests.system.worker import Worker

TIMES = ["_effective_time", "_event_time", "_known_time"]
POSITION = ["_source_partition", "_source_offset", "_ordinal"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def key_text(view: View, key: tuple) -> str:
    """S29."""
    if len(key) == 1:
        return str(key[0])
    return json.dumps(dict(zip(view.keys, key)), separators=(",", ":"), ensure_ascii=False)


@dataclasses.dataclass
class ViewOutcome:
    """Of one view: its tasks by partition, and what is in its topic and its table."""

    view: View
    tasks: dict[int, Task]
    updates: list[Update]
    table: pl.DataFrame

    def histories(self) -> dict[tuple, tuple[int, KeyHistory]]:
        """Key -> (partition, history)."""
        return {
            key: (partition, history)
            for partition, task in self.tasks.items()
            for (name, key), history in task.keys.items()
            if name == self.view.name
        }

    def steps(self) -> list[tuple[int, Step]]:
        """(partition, step) in the order of the positions."""
        return [
            (partition, step)
            for partition, task in sorted(self.tasks.items())
            for step in task.steps
            if step.view == self.view.name
        ]

    def complete_until(self) -> int:
        """Every step before this time is written, by every task that has keys of the view."""
        times = []
        for task in self.tasks.values():
            histories = [h for (name, _), h in task.keys.items() if name == self.view.name]
            pending = [h.next_boundary() for h in histories if h.next_boundary() is not None]
            if histories:
                times += [task.clock, *pending]
        return min(times)


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
            check_updates_equal_table(outcome)
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
                assert metrics[label] == wanted[kind], f"{label} is {metrics[label]}, not {wanted[kind]}"
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
        since = (first - EPOCH) // datetime.timedelta(microseconds=1) - 3_600_000_000
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
            labels["asked_at"] = [EPOCH + datetime.timedelta(microseconds=t) for t, _ in rows]
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


GATE_REASONS = {"undecodable", "bad_event_time", "bad_known_time", "future"}


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
    frame = pl.read_delta(path).sort(POSITION)
    by_delta_rs = pl.from_arrow(DeltaTable(path).to_pyarrow_table()).sort(POSITION)
    assert frame.equals(by_delta_rs.select(frame.columns))
    return frame


def oracle_tasks(scenario: Scenario, address: str) -> dict[tuple[str, int], Task]:
    """The oracle's view of every partition that tasks read, fed with what is in the topics."""
    tasks: dict[tuple[str, int], Task] = {}
    forwards = [views[0].keys for views in scenario.forwarded_views.values()]
    for message in read_topic(address, scenario.source.topic):
        place = (message.topic(), message.partition())
        task = tasks.setdefault(place, Task(scenario.source, scenario.direct_views, forwards))
        task.apply(source_record(message))
    for entity, views in scenario.forwarded_views.items():
        topic = scenario.repartition_topic(entity)
        for message in read_topic(address, topic, "read_uncommitted"):
            place = (message.topic(), message.partition())
            task = tasks.setdefault(place, Task(scenario.source, views))
            if (record := repartition_record(message)) is not None:
                task.apply(record)
    return tasks


# ---- rows ----


def check_steps(outcome: ViewOutcome) -> None:
    """The table holds exactly the oracle's steps: keys, times, ops, positions."""
    columns = [*POSITION, *outcome.view.keys, *TIMES, "_op", "_view_version"]
    wanted = [
        (
            partition,
            step.offset,
            step.ordinal,
            *step.key,
            *(EPOCH + datetime.timedelta(microseconds=t)
              for t in (step.effective_time, step.event_time, step.known_time)),
            step.op,
            outcome.view.version,
        )
        for partition, step in outcome.steps()
    ]
    found = outcome.table.select(columns).rows()
    for got, want in zip(found, wanted):
        assert got == want, f"{outcome.view.name}: the table has {got}, the oracle {want}"
    assert len(found) == len(wanted), f"{outcome.view.name}: {(found + wanted)[min(len(found), len(wanted))]}"
    positions = outcome.table.select(POSITION)
    assert positions.is_unique().all()
    dates = outcome.table["_effective_time"].dt.date()
    assert (outcome.table["date"].cast(pl.Date) == dates).all()


def check_updates_equal_table(outcome: ViewOutcome) -> None:
    """Row for row, column for column, tombstones for deletes; each position once."""
    view = outcome.view
    changes = sorted(outcome.updates, key=lambda update: update.source)
    assert [c.source for c in changes] == outcome.table.select(POSITION).rows()
    keys = [key_text(view, key) for key in outcome.table.select(view.keys).rows()]
    assert [c.key for c in changes] == keys
    deleted = outcome.table["_op"] == "delete"
    assert [c.row is None for c in changes] == deleted.to_list()
    times = outcome.table["_effective_time"].dt.epoch("us").to_list()
    assert [c.effective_time for c in changes] == times
    table = outcome.table.drop("date").filter(~deleted)
    for name in TIMES:
        table = table.with_columns(pl.col(name).dt.epoch("us"))
    rows = [c.row for c in changes if c.row is not None]
    if rows:
        assert list(rows[0]) == table.columns
    for got, want in zip(rows, table.iter_rows(named=True), strict=True):
        got = got | {name: parse_time(got[name]) for name in TIMES}
        assert got == want, f"{view.name}: the topic has {got}, the table {want}"


def check_row_values(outcome: ViewOutcome, sample: int | None) -> None:
    """The features of rows are what the oracle computes for their effective time."""
    view = outcome.view
    columns = [*view.keys, "_effective_time", "_op", *view.columns]
    rows = outcome.table.select(columns).rows()
    chosen = rows
    if sample is not None and sample < len(rows):
        chosen = random.Random(3).sample(rows, sample)
    histories = outcome.histories()
    wrong = []
    for row in chosen:
        key, (time, op) = row[: len(view.keys)], row[len(view.keys) : len(view.keys) + 2]
        at = (time - EPOCH) // datetime.timedelta(microseconds=1)
        want = histories[key][1].at(at)
        assert (want is None) == (op == "delete"), f"{view.name} {key} at {at}: {op}"
        values = want.values if want else defaults(view)
        for text in differences(view, list(row[len(view.keys) + 2 :]), values):
            wrong.append(f"{view.name} {key} at {at}: {text}")
    assert_none(wrong, "rows of the table")


# ---- lookups ----


def check_lookups_now(outcome: ViewOutcome, worker: Worker) -> None:
    """Every key at its partition's clock, in one batch."""
    histories = outcome.histories()
    view = outcome.view
    names = [f"{view.name}.{column}" for column in view.columns]
    entities = [dict(zip(view.keys, key)) for key in histories]
    answer = worker.batch_get(names, entities)
    assert answer["features"] == names
    wrong = []
    for i, (key, (partition, history)) in enumerate(histories.items()):
        got = LookedUp(
            [column[i] for column in answer["values"]],
            [column[i] for column in answer["statuses"]],
            [column[i] for column in answer["effective_times"]],
        )
        want = history.at(max(outcome.tasks[partition].clock, history.last))
        wrong += lookup_differences(view, got, want, f"{view.name} {key} now")
    assert_none(wrong, "lookups")


def check_lookups_at_the_newest_row(outcome: ViewOutcome, worker: Worker) -> None:
    """Every key at the effective time of its newest row: the newest update, the row, the oracle."""
    view = outcome.view
    histories = outcome.histories()
    newest_update = {update.key: update for update in outcome.updates}
    by_key = outcome.table.group_by(view.keys, maintain_order=True).last()
    wrong = []
    for row in by_key.iter_rows(named=True):
        key = tuple(row[column] for column in view.keys)
        update = newest_update[key_text(view, key)]
        at = (row["_effective_time"] - EPOCH) // datetime.timedelta(microseconds=1)
        assert update.effective_time == at
        names = [f"{view.name}.{column}" for column in view.columns]
        answer = worker.get(names, dict(zip(view.keys, key)), at=at)
        cells = [answer[name] for name in names]
        got = LookedUp(
            [cell["value"] for cell in cells],
            [cell["status"] for cell in cells],
            [cell.get("effective_time") for cell in cells],
        )
        where = f"{view.name} {key} at its newest row, {at}"
        want = histories[key][1].at(at)
        wrong += lookup_differences(view, got, want, where)
        if want is not None:
            values = [update.row[column] for column in view.columns]
            if got.values != values or values != [row[column] for column in view.columns]:
                wrong.append(f"{where}: lookup {got.values}, update {values}, row {row}")
    assert_none(wrong, "lookups")


@dataclasses.dataclass(frozen=True)
class LookedUp:
    values: list
    statuses: list
    effective_times: list


def lookup_differences(view: View, got: LookedUp, want: Answer | None, where: str) -> list[str]:
    if want is None:
        wrong = [f"{where}: {s} instead of NOT_FOUND" for s in set(got.statuses) - {"NOT_FOUND"}]
        return wrong + [f"{where}: {d}" for d in differences(view, got.values, defaults(view))]
    wrong = [f"{where}: {text}" for text in differences(view, got.values, want.values)]
    statuses = ["NULL_VALUE" if value is None else "PRESENT" for value in want.values]
    if got.statuses != statuses:
        wrong.append(f"{where}: statuses {got.statuses} instead of {statuses}")
    times = {None if text is None else parse_time(text) for text in got.effective_times}
    if times != {want.effective_time}:
        wrong.append(f"{where}: effective times {times} instead of {want.effective_time}")
    return wrong


# ---- small things ----


def defaults(view: View) -> list:
    """What a missing key answers (S19)."""
    return [feature.default for feature in view.features for _ in feature.windows]


def assert_none(wrong: list[str], what: str) -> None:
    shown = "\n".join(wrong[:20])
    assert not wrong, f"{what}: {len(wrong)} differences, the first of them:\n{shown}"


def assert_same_counts(found: collections.Counter, wanted: collections.Counter, what: str) -> None:
    missing, extra = wanted - found, found - wanted
    assert not missing and not extra, (
        f"{what}: {missing.total()} missing, {extra.total()} too many; "
        f"missing {list(missing)[:5]}, too many {list(extra)[:5]}"
    )
