"""What forebay must answer: every applied event of a key in a list, values recomputed per question.

    task = Task(source, views)                   # one per partition that views read
    for record in records_in_offset_order:
        task.apply(record)
    answer = task.keys[view, key].at(t)          # Answer, or None: no such key then
    steps = task.steps                           # every row that the table must hold, in order

Rules are cited by number. A repartition topic has tasks of its own: repartition.py. Two things
deserve a word.

Late per window (S8): a window takes an event iff the event's tile leaves it after E. As a value at t
covers only tiles that leave after t, and t is never before E, what a window did not take is never
seen in it: the applied events with `leaves > t` are exactly the window's content.

Pending steps (S6): what an expiry step says depends on its boundary alone, when it is written on the
records: up to 64 a record and view. The oracle plays that too, so `steps` are the rows written so far, with
offset and ordinal, while `at` knows all boundaries, written or still pending.
"""

from __future__ import annotations

import bisect
import dataclasses
import heapq
import json
import re
from datetime import datetime, timezone

from tests.oracle.aggregates import INT64_MAX, INT64_MIN, fold
from tests.oracle.model import MS, SECOND, Feature, Row, Source, View, Window, floor_to

PENDING_PER_RECORD = 64
FOREVER = 2**63 - 1
MIN_TIME = -62_135_596_800 * SECOND
MAX_TIME = 253_402_300_800 * SECOND - 1

Key = tuple  # one value per key column of the entity


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a record of a repartition topic came from. `clock`: the source task's after it (S26a)."""

    partition: int
    offset: int
    known_time: int
    clock: int


@dataclasses.dataclass(frozen=True)
class Record:
    """A Kafka record; `timestamp` in microseconds. `origin`: of a repartition topic's."""

    offset: int
    timestamp: int
    value: bytes | None
    origin: Origin | None = None
    key: bytes = b""


@dataclasses.dataclass(frozen=True)
class Erasure:
    """A control record that asks for a key to be forgotten (S31). `key`: as text (S29). `origin`: of
    a repartition topic's; its `clock` is None where the source's task had none."""

    offset: int
    entity: str
    key: str
    origin: Origin | None = None

    def key_of(self, view: View, schema: dict[str, str]) -> Key:
        if len(view.keys) > 1:
            parts = json.loads(self.key)
            return tuple(parts[column] for column in view.keys)
        return (int(self.key) if schema[view.keys[0]] == "int64" else self.key,)


@dataclasses.dataclass(frozen=True)
class Event:
    """What a record says that passed the gate."""

    offset: int
    row: Row
    event_time: int
    known_time: int


@dataclasses.dataclass(frozen=True)
class Rejected:
    """A dead letter. `view` is empty where the gate refused the record."""

    offset: int
    reason: str
    view: str = ""


@dataclasses.dataclass(frozen=True)
class Step:
    """One row of the table, without its values: those are `KeyHistory.at(effective_time)`."""

    view: str
    key: Key
    effective_time: int
    op: str
    event_time: int
    known_time: int
    offset: int
    ordinal: int


@dataclasses.dataclass(frozen=True)
class Answer:
    values: list
    effective_time: int
    event_time: int


# ---- the gate (S1) ----


class Refused(Exception):
    """A record does not pass; the argument is the reason code."""


def parse_time(text: str) -> int:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", text)
    if match is None:
        raise ValueError(text)
    whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    fraction = int((match[2] or "").ljust(9, "0")[:6] or 0)
    return (whole - datetime(1970, 1, 1, tzinfo=timezone.utc)) // _MICROSECOND + fraction


_MICROSECOND = datetime.resolution


def _is_integer(value: object) -> bool:
    return (
        isinstance(value, int) and not isinstance(value, bool) and INT64_MIN <= value <= INT64_MAX
    )


def typed(value: object, kind: str) -> object:
    """A JSON value as one of `kind`; raises ValueError where it is not one."""
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int64" and _is_integer(value):
        return value
    if kind == "double" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind == "string" and isinstance(value, str):
        return value
    if kind == "timestamp" and isinstance(value, str):
        return parse_time(value)
    scale = {"timestamp_s": SECOND, "timestamp_ms": MS, "timestamp_us": 1}.get(kind)
    if scale is not None and _is_integer(value):
        return value * scale
    if kind == "timestamp_ns" and _is_integer(value):
        return value // 1000
    raise ValueError(f"{value!r} is not a {kind}")


def _no_constant(name: str) -> object:
    raise ValueError(name)


def decode(value: bytes | None, schema: dict[str, str]) -> Row:
    """The declared fields, None where missing. Raises Refused."""
    if value is None:
        raise Refused("undecodable")
    try:
        fields = json.loads(value.decode("utf-8"), parse_constant=_no_constant)
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        return {
            name: None if fields.get(name) is None else typed(fields[name], kind)
            for name, kind in schema.items()
        }
    except (ValueError, OverflowError) as error:
        raise Refused("undecodable") from error


def pass_gate(source: Source, record: Record) -> Event:
    """Raises Refused."""
    row = decode(record.value, source.schema)
    event_time = row[source.event_time]
    if event_time is None or not MIN_TIME <= event_time <= MAX_TIME:
        raise Refused("bad_event_time")
    known_time = event_time if source.known_time == "event_time" else record.timestamp
    is_column = source.known_time not in ("event_time", "kafka")
    if is_column:
        known_time = row[source.known_time]
        if known_time is None or not MIN_TIME <= known_time <= MAX_TIME:
            raise Refused("bad_known_time")
    if record.origin is not None:  # S26: the future test is not repeated
        return Event(record.offset, row, event_time, record.origin.known_time)
    latest = record.timestamp + source.max_future
    if event_time > latest:
        raise Refused("future")
    if is_column and (known_time > latest or event_time > known_time + source.max_future):
        raise Refused("future")
    return Event(record.offset, row, event_time, known_time)


# ---- one key of one view ----


class KeyHistory:
    """All that was ever applied to a key. `at` recomputes from that; nothing is kept beside it but
    times."""

    def __init__(self, view: View):
        self.view = view
        self.effective_times: list[int] = []  # of the applied events; strictly increasing
        self.event_times: list[int] = []
        self.newest: list[int] = []  # largest event time since the key (re)appeared (S11)
        self.arguments: list[list] = [[] for _ in view.features]  # None: null or filtered out
        self.boundaries: list[int] = []  # sorted; every boundary ever
        self.written = 0  # boundaries whose step is written
        self.last = -FOREVER  # L: effective time of the last step written
        self.erased: list[tuple[int, int]] = []  # effective times, and how many events came before
        self.forgotten = False  # by an erasure, and it has not come back
        self._largest: list[int] = []  # event time of any event so far, to search by
        self._dies = -FOREVER  # when the last window lets go

    def apply(self, row: Row, event_time: int, effective: int) -> None:
        appears = self._dies <= effective
        newest = event_time if appears else max(event_time, self.newest[-1])
        self.effective_times.append(effective)
        self.event_times.append(event_time)
        self.newest.append(newest)
        first = self.erased[-1][1] if self.erased else 0
        before = self._largest[-1] if len(self._largest) > first else event_time
        self._largest.append(max(event_time, before))
        for arguments, feature in zip(self.arguments, self.view.features):
            arguments.append(feature.value(row) if feature.keep(row) is True else None)
        self.last = effective
        self.forgotten = False
        for window in self.view.windows:
            leaves = window.leaves(event_time)
            self._dies = max(self._dies, FOREVER if leaves is None else leaves)
            self._add_boundary(leaves, effective)
            self._add_boundary(window.enters(event_time), effective)

    @property
    def live(self) -> bool:
        """Whether the last step written was no delete."""
        return self._dies > self.last

    def erase(self, effective: int) -> None:
        """Makes the delete step of an erasure."""
        self.erased.append((effective, len(self.effective_times)))
        self.last = effective

    def forget(self) -> None:
        del self.boundaries[self.written :]
        self._dies = -FOREVER
        self.forgotten = True

    def takes(self, event_time: int, effective: int) -> bool:
        """S8: whether at least one window still takes an event."""
        leaving = [window.leaves(event_time) for window in self.view.windows]
        return any(leaves is None or leaves > effective for leaves in leaving)

    def next_boundary(self) -> int | None:
        """The least one whose step is not written yet."""
        return self.boundaries[self.written] if self.written < len(self.boundaries) else None

    def cross(self) -> tuple[int, str, int]:
        """Writes the next expiry step: its effective time, op and event time."""
        boundary = self.boundaries[self.written]
        self.written += 1
        self.last = boundary
        return boundary, "delete" if self._dies <= boundary else "expire", self.newest[-1]

    def at(self, time: int) -> Answer | None:
        """The values at `time`, from the events that were applied by then; None: no live key."""
        count = bisect.bisect_right(self.effective_times, time)
        first = max((before for at, before in self.erased if at <= time), default=0)
        if count == first or not any(self._holds(w, count, time) for w in self.view.windows):
            return None
        content = {w: self._content(w, first, count, time) for w in self.view.windows}
        values = [
            self._value(feature, arguments, content[window])
            for feature, arguments in zip(self.view.features, self.arguments)
            for window in feature.windows
        ]
        effective = self.effective_times[count - 1]
        crossed = bisect.bisect_right(self.boundaries, time)
        if crossed:
            effective = max(effective, self.boundaries[crossed - 1])
        return Answer(values, effective, self.newest[count - 1])

    def _add_boundary(self, boundary: int | None, effective: int) -> None:
        if boundary is None or boundary <= effective:
            return
        place = bisect.bisect_left(self.boundaries, boundary, lo=self.written)
        if place == len(self.boundaries) or self.boundaries[place] != boundary:
            self.boundaries.insert(place, boundary)

    def _content(self, window: Window, first: int, count: int, time: int) -> list[int]:
        """The applied events, as indexes from `first` on, that the window covers at `time`."""
        if window.kind == "lifetime":
            return list(range(first, count))
        if window.kind == "tumbling":
            oldest = floor_to(time, window.hop)
            newest = oldest + window.size - 1
        else:
            oldest = floor_to(time - window.size, window.hop)
            newest = FOREVER
        # All before are older than that.
        start = bisect.bisect_left(self._largest, oldest, lo=first, hi=count)
        return [i for i in range(start, count) if oldest <= self.event_times[i] <= newest]

    def _holds(self, window: Window, count: int, time: int) -> bool:
        """Whether an event is in the window or waits for it."""
        if count == 0 or window.kind == "lifetime":
            return count > 0
        return window.leaves(self._largest[count - 1]) > time

    def _value(self, feature: Feature, arguments: list, content: list[int]) -> object:
        if not content:
            return feature.default
        events = [(arguments[i], self.event_times[i], i) for i in content]
        return fold(feature.aggregate, events, feature.parameter)


# ---- one task ----


class Task:
    """The work of one partition, for the views that read its topic, in definition order.
    `forwards`: the views that each repartition topic feeds, which the task forwards to (S26)."""

    def __init__(self, source: Source, views: list[View], forwards: list[list[View]] = []):
        self.source = source
        self.views = views
        self.forwards = forwards
        self.clock: int | None = None
        self.keys: dict[tuple[str, Key], KeyHistory] = {}
        self.steps: list[Step] = []
        self.dispositions: list[str] = []  # one per record (S9)
        self.rejected: list[Rejected] = []
        self._timers: list[list[tuple[int, Key]]] = [[] for _ in views]
        self._offset = -1
        self._ordinals: list[int] = []
        self._erased_until = [-FOREVER for _ in views]  # the latest step of a key that is forgotten

    def apply(self, record: Record | Erasure) -> None:
        """The next record of the partition (S3)."""
        if isinstance(record, Erasure):
            self._erase(record, record.offset)
        elif (event := self._pass_gate(record)) is not None:
            self._apply_event(event, record.offset)

    def _pass_gate(self, record: Record) -> Event | None:
        """None: it is a dead letter now."""
        try:
            return pass_gate(self.source, record)
        except Refused as refused:
            self.rejected.append(Rejected(record.offset, str(refused)))
            self.dispositions.append("dead_lettered")
            return None

    def _apply_event(self, event: Event, offset: int) -> None:
        """`offset`: what its steps carry; ordinals go on where the last event's was the same one."""
        self.clock = event.known_time if self.clock is None else max(self.clock, event.known_time)
        self._step_to(offset)
        outcomes = {self._apply_to(i, event) for i in range(len(self.views))}
        outcomes |= {self._forward(event, fed) for fed in self.forwards}
        self._write_pending()
        order = ("applied", "late", "dead_lettered", "filtered")
        self.dispositions.append(next(o for o in order if o in outcomes))

    def _step_to(self, offset: int) -> None:
        if offset != self._offset:
            self._offset = offset
            self._ordinals = [0] * len(self.views)

    def _erase(self, erasure: Erasure, offset: int) -> None:
        """S31. `offset`: as of `_apply_event`."""
        self._step_to(offset)
        for index, view in enumerate(self.views):
            if view.entity != erasure.entity:
                continue
            key = erasure.key_of(view, self.source.schema)
            history = self.keys.get((view.name, key))
            if history is not None and self._knows(history):
                self._erase_key(index, key, history)

    def _erase_key(self, index: int, key: Key, history: KeyHistory) -> None:
        effective = max(self.clock, history.last + 1)
        while (boundary := history.next_boundary()) is not None and boundary <= effective:
            self._expire(index, key, history)
            effective = max(self.clock, boundary + 1)
        if history.live:
            history.erase(effective)
            self._write(index, key, effective, "delete", history.newest[-1], effective)
        self._erased_until[index] = max(self._erased_until[index], history.last)
        history.forget()

    def _knows(self, history: KeyHistory) -> bool:
        """Whether anything of the key is kept (S5)."""
        return not history.forgotten and (history.live or self.clock <= history.last)

    def _apply_to(self, index: int, event: Event) -> str:
        view = self.views[index]
        key = tuple(event.row[column] for column in view.keys)
        if None in key:
            self.rejected.append(Rejected(event.offset, "null_key", view.name))
            return "dead_lettered"
        if view.where(event.row) is not True:
            return "filtered"
        history = self.keys.get((view.name, key)) or KeyHistory(view)
        last = history.last if self._knows(history) else self._erased_until[index]
        effective = max(self.clock, last + 1)
        if not history.takes(event.event_time, effective):
            self.rejected.append(Rejected(event.offset, "late", view.name))
            return "late"
        self.keys[view.name, key] = history
        while (boundary := history.next_boundary()) is not None and boundary <= effective:
            self._expire(index, key, history)
            effective = max(self.clock, boundary + 1)
        history.apply(event.row, event.event_time, effective)
        self._write(index, key, effective, "event", history.newest[-1], event.known_time)
        self._set_timer(index, key, history)
        return "applied"

    def _forward(self, event: Event, fed: list[View]) -> str:
        if None not in (event.row[column] for column in fed[0].keys):
            return "applied"
        self.rejected += [Rejected(event.offset, "null_key", view.name) for view in fed]
        return "dead_lettered"

    def _write_pending(self) -> None:
        """S6: by (boundary, key), whatever key the record is of, each view for itself."""
        for index, timers in enumerate(self._timers):
            budget = PENDING_PER_RECORD
            while budget and timers and timers[0][0] <= self.clock:
                boundary, encoded = heapq.heappop(timers)
                key = _decoded(encoded)
                history = self.keys[self.views[index].name, key]
                if history.next_boundary() != boundary:
                    continue  # written before an event of the key
                self._expire(index, key, history)
                self._set_timer(index, key, history)
                budget -= 1

    def _expire(self, index: int, key: Key, history: KeyHistory) -> None:
        boundary, op, event_time = history.cross()
        self._write(index, key, boundary, op, event_time, boundary)

    def _set_timer(self, index: int, key: Key, history: KeyHistory) -> None:
        boundary = history.next_boundary()
        if boundary is not None:
            heapq.heappush(self._timers[index], (boundary, _encoded(key)))

    def _write(self, index, key, effective, op, event_time, known_time) -> None:
        ordinal = self._ordinals[index]
        self._ordinals[index] += 1
        view = self.views[index].name
        self.steps.append(
            Step(view, key, effective, op, event_time, known_time, self._offset, ordinal)
        )


def _encoded(key: Key) -> tuple:
    """A form that orders as encoded keys do: strings by their bytes."""
    return tuple(part.encode() if isinstance(part, str) else part for part in key)


def _decoded(encoded: tuple) -> Key:
    return tuple(part.decode() if isinstance(part, bytes) else part for part in encoded)
