"""What a task applies of a repartition topic, and when (S26a).

    task = RepartitionTask(source, views, source_partitions=4)
    for entry in records_and_markers_in_offset_order:
        task.read(entry)

What a topic that is read from its beginning must give in the end needs none of that: `by_known_time`.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterable

from tests.oracle.model import Source, View
from tests.oracle.oracle import FOREVER, Erasure, Event, Record, Task


@dataclasses.dataclass(frozen=True)
class Marker:
    """What a source task says of itself in each partition of the topic. `clock`: None before its
    first record. `at_end`: it had read all that its partition held."""

    offset: int
    partition: int
    clock: int | None
    at_end: bool


@dataclasses.dataclass
class SourcePartition:
    """What the reading task has heard of one."""

    seen: int = -1  # the highest source offset
    clock: int | None = None  # the largest rank, or marker's clock
    at_end: bool = False

    def hear(self, clock: int | None, at_end: bool) -> None:
        if clock is not None:
            self.clock = clock if self.clock is None else max(self.clock, clock)
        self.at_end = at_end


class RepartitionTask(Task):
    """Of one partition of a repartition topic. With more waiting than `most_waiting` records, or
    `most_bytes` of their keys and values, it no longer waits for the source partitions."""

    def __init__(
        self,
        source: Source,
        views: list[View],
        source_partitions: int,
        most_waiting: int = 1_000_000,
        most_bytes: int = 256 << 20,
    ):
        super().__init__(source, views)
        self._sources = [SourcePartition() for _ in range(source_partitions)]
        # Rank, partition, offset, bytes.
        self._waiting: list[tuple[int, int, int, int, Event | Erasure]] = []
        self._bytes = 0
        self._most = (most_waiting, most_bytes)

    def read(self, entry: Record | Erasure | Marker) -> None:
        """The next of the topic."""
        if isinstance(entry, Marker):
            self._sources[entry.partition].hear(entry.clock, entry.at_end)
        elif isinstance(entry, Erasure):
            self._wait(entry, entry, len(entry.key.encode()))
        elif (event := self._pass_gate(entry)) is not None:
            self._wait(entry, event, len(entry.key) + len(entry.value))
        while self._waiting and (self._is_full() or not self._is_blocked(*self._waiting[0][:2])):
            *_, size, event = heapq.heappop(self._waiting)
            self._bytes -= size
            if isinstance(event, Erasure):
                self._erase(event, entry.offset)
            else:
                self._apply_event(event, entry.offset)

    def _wait(self, record: Record | Erasure, event: Event | Erasure, size: int) -> None:
        origin = record.origin
        source = self._sources[origin.partition]
        if origin.offset <= source.seen:
            if isinstance(event, Event):
                self.dispositions.append("duplicate")
            return
        source.seen = origin.offset
        source.hear(origin.clock, at_end=False)
        self._bytes += size
        clock = -FOREVER if origin.clock is None else origin.clock
        rank = (clock, origin.partition, origin.offset)
        heapq.heappush(self._waiting, (*rank, size, event))

    def _is_full(self) -> bool:
        most_waiting, most_bytes = self._most
        return len(self._waiting) > most_waiting or self._bytes > most_bytes

    def _is_blocked(self, rank: int, partition: int) -> bool:
        """Whether a source partition may still send a record that goes before the least that waits.
        None that has a record waiting: it has been heard of up to that one."""
        return any(
            not source.at_end
            and (source.clock is None or (source.clock, other) < (rank, partition))
            for other, source in enumerate(self._sources)
        )


def by_known_time(source: Source, views: list[View], records: Iterable[Record]) -> Task:
    """A task that applied each of the records once, by (rank, source partition, source offset):
    values, times and ops of its steps are those of any reading of the whole topic."""
    once = {}
    for record in records:
        origin = record.origin
        once.setdefault((origin.clock, origin.partition, origin.offset), record)
    task = Task(source, views)
    for _, record in sorted(once.items()):
        task.apply(record)
    return task
