"""What the views of a repartition topic must say, from the source's topic alone.

    tasks = tasks_by_known_time(scenario, "merchant", broker.address)   # by partition

The source was all there before the worker first started. Of the repartition topic counts only which
partition a key is in.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.oracle.model import Source, View
from tests.oracle.oracle import Event, Origin, Record, Refused, Task, pass_gate
from tests.oracle.repartition import by_known_time
from tests.system.scenario import Scenario
from tests.system.topics import read_topic, source_record
from tests.system.view_outcome import key_text


def tasks_by_known_time(scenario: Scenario, entity: str, address: str) -> dict[int, Task]:
    views = scenario.forwarded_views[entity]
    topic = read_topic(address, scenario.repartition_topic(entity), "read_uncommitted")
    partition_of = {message.key(): message.partition() for message in topic}
    records: dict[int, list[Record]] = {}
    for event, record in _ranked(scenario.source, address):
        if (key := _key(views[0], event)) is not None:
            records.setdefault(partition_of[key], []).append(record)
    return {p: by_known_time(scenario.source, views, of) for p, of in records.items()}


def _ranked(source: Source, address: str) -> Iterator[tuple[Event, Record]]:
    """What passes the gate, with the clock of its source partition."""
    clocks: dict[int, int] = {}
    for message in read_topic(address, source.topic):
        record = source_record(message)
        try:
            event = pass_gate(source, record)
        except Refused:
            continue
        partition = message.partition()
        clock = max(event.known_time, clocks.get(partition, event.known_time))
        clocks[partition] = clock
        origin = Origin(partition, record.offset, event.known_time, clock)
        yield event, Record(record.offset, record.timestamp, record.value, origin)


def _key(view: View, event: Event) -> bytes | None:
    """That of the forwarded record; None: a part of it is null, and nothing is forwarded."""
    key = tuple(event.row[column] for column in view.keys)
    return None if None in key else key_text(view, key).encode()
