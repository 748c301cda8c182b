"""What a worker wrote of one view, beside what the oracle says of it."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import json

import polars as pl

from tests.oracle.model import View
from tests.oracle.oracle import KeyHistory, Step, Task
from tests.system.topics import Update

TIMES = ["_effective_time", "_event_time", "_known_time"]
POSITION = ["_source_partition", "_source_offset", "_ordinal"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def micros(time: datetime.datetime) -> int:
    return (time - EPOCH) // datetime.timedelta(microseconds=1)


def time_of(micros: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=micros)


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


def defaults(view: View) -> list:
    """What a missing key answers (S19)."""
    return [feature.default for feature in view.features for _ in feature.windows]


def assert_none(wrong: list[str], what: str) -> None:
    shown = "\n".join(wrong[:20])
    assert not wrong, f"{what}: {len(wrong)} differences, the first of them:\n{shown}"


def assert_same_list(found: list, wanted: list, what: str) -> None:
    """Tells the first difference: pytest would compare a million lines to show all."""
    for place, (got, want) in enumerate(zip(found, wanted)):
        assert got == want, f"{what} differ at {place}:\n{got}\n{want}"
    more = found[len(wanted) :] or wanted[len(found) :]
    assert not more, f"{what}: {len(found)} and {len(wanted)}; the first one more is\n{more[0]}"


def assert_same_counts(found: collections.Counter, wanted: collections.Counter, what: str) -> None:
    missing, extra = wanted - found, found - wanted
    assert not missing and not extra, (
        f"{what}: {missing.total()} missing, {extra.total()} too many; "
        f"missing {list(missing)[:5]}, too many {list(extra)[:5]}"
    )
