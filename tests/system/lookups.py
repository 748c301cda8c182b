"""What lookups answer = newest update = newest row of the table = oracle."""

from __future__ import annotations

import dataclasses

from tests.oracle.compare import differences
from tests.oracle.model import View
from tests.oracle.oracle import Answer, parse_time
from tests.system.rows import newest_rows
from tests.system.view_outcome import ViewOutcome, assert_none, defaults, key_text, micros
from tests.system.worker import Worker


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
    """Every key at the effective time of its newest row: the newest update, the row, the oracle. An
    update is left out where the newest row is none."""
    view = outcome.view
    histories = outcome.histories()
    newest_update = {update.key: update for update in outcome.updates}
    wrong = []
    for row in newest_rows(view, outcome.table).iter_rows(named=True):
        key = tuple(row[column] for column in view.keys)
        at = micros(row["_effective_time"])
        published = view.updates.expiry == "on" or row["_op"] != "expire"
        update = newest_update[key_text(view, key)] if published else None
        assert update is None or update.effective_time == at
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
            values = [(update.row if update else row)[column] for column in view.columns]
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
