"""What features would be if no event had been late: the oracle of mode `event` of training sets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable

from tests.oracle.model import Row, Source, View
from tests.oracle.oracle import Record, Task


def task_by_event_time(source: Source, views: list[View], events: Iterable[tuple[int, Row]]) -> Task:
    """A task that has read the events, (event time in microseconds, fields as JSON has them), in the
    order of their times, each known when it happened; those of one time stay in the order given."""
    task = Task(dataclasses.replace(source, known_time="event_time"), list(views))
    in_order = sorted(events, key=lambda event: event[0])
    for offset, (time, fields) in enumerate(in_order):
        task.apply(Record(offset, time, json.dumps(fields).encode()))
    return task
