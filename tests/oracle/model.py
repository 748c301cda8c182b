"""What a project is, for the oracle: sources, views and windows as Python values.

The same objects write the YAML that forebay reads (`definitions()`), so that a scenario says once,
side by side, what is asked in SQL and what that means in Python.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

US = 1
MS = 1000 * US
SECOND = 1000 * MS
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Row = dict  # field name -> value, None where missing
_UNITS = {"us": US, "ms": MS, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def duration(text: str) -> int:
    """Microseconds of "10m", "7d" ..."""
    digits = text.rstrip("usmhd")
    return int(digits) * _UNITS[text[len(digits) :]]


def floor_to(value: int, step: int) -> int:
    return value // step * step


@dataclasses.dataclass(frozen=True)
class Window:
    """`size` and `hop` in microseconds; a lifetime window has neither."""

    kind: str  # sawtooth | tumbling | lifetime
    suffix: str
    yaml: object = dataclasses.field(hash=False)
    size: int = 0
    hop: int = 0

    @staticmethod
    @functools.cache
    def sawtooth(size: str, hop: str | None = None) -> "Window":
        width = duration(size)
        if hop is not None:
            yaml = {"sawtooth": size, "hop": hop}
            return Window("sawtooth", f"{size}_hop_{hop}", yaml, width, duration(hop))
        if width >= 12 * DAY:
            step = DAY
        elif width >= 12 * HOUR:
            step = HOUR
        elif width >= HOUR:
            step = 5 * MINUTE
        else:
            step = width // 10
        return Window("sawtooth", size, size, width, step)

    @staticmethod
    def tumbling(size: str) -> "Window":
        width = duration(size)
        return Window("tumbling", f"tumbling_{size}", {"tumbling": size}, width, width)

    @staticmethod
    def lifetime() -> "Window":
        return Window("lifetime", "lifetime", "lifetime")

    def leaves(self, event_time: int) -> int | None:
        """When an event's tile leaves the window: at this time it is out. None: never."""
        tile = floor_to(event_time, self.hop) if self.hop else 0
        if self.kind == "sawtooth":
            return tile + self.hop + self.size
        return tile + self.size if self.kind == "tumbling" else None

    def enters(self, event_time: int) -> int | None:
        """From when the window covers an event. None: at once, however far ahead it is."""
        return floor_to(event_time, self.hop) if self.kind == "tumbling" else None


COUNT_LIKE = {"count", "approx_count_distinct"}


@dataclasses.dataclass(frozen=True)
class Feature:
    """One aggregate over several windows. `value` gives the argument, `keep` is the filter,
    `parameter` the constant beside the argument."""

    name: str
    sql: str
    aggregate: str
    value: Callable[[Row], object]
    windows: tuple[Window, ...]
    keep: Callable[[Row], bool | None] = lambda row: True
    parameter: int | None = None

    @property
    def default(self) -> object:
        return 0 if self.aggregate in COUNT_LIKE else None


@dataclasses.dataclass(frozen=True)
class Updates:
    """Which steps of a view are records of its update topic, and which of those have headers."""

    every: str = "commit"  # the newest of each key that it has; or change: all
    expiry: str = "on"  # off: no steps in which only time passed
    headers: str = "deletes"  # or all


@dataclasses.dataclass(frozen=True)
class View:
    name: str
    entity: str
    keys: tuple[str, ...]
    features: tuple[Feature, ...]
    where_sql: str | None = None
    where: Callable[[Row], bool | None] = lambda row: True
    version: int = 1
    updates: Updates = Updates()

    @property
    def columns(self) -> list[str]:
        """The names of the features, in the order of the table's columns."""
        return [f"{f.name}_{w.suffix}" for f in self.features for w in f.windows]

    @functools.cached_property
    def windows(self) -> tuple[Window, ...]:
        return tuple(dict.fromkeys(w for f in self.features for w in f.windows))


@dataclasses.dataclass(frozen=True)
class Source:
    """`schema`: field -> forebay type. `known_time`: kafka | event_time | a column."""

    name: str
    topic: str
    key: tuple[str, ...]
    schema: dict[str, str]
    event_time: str
    known_time: str = "kafka"
    max_future: int = 5 * MINUTE
    archive: bool = False


def definitions(source: Source, views: list[View], services: dict[str, list[str]] = {}) -> dict:
    """The content of a file of features/, to be written as JSON, which YAML includes."""
    types = source.schema
    entities = {view.entity: view.keys for view in views}
    return {
        "sources": [
            {
                "name": source.name,
                "topic": source.topic,
                "format": "json",
                "key": list(source.key),
                "schema": types,
                "event_time": source.event_time,
                "known_time": source.known_time,
                "archive": "on" if source.archive else "off",
            }
        ],
        "entities": [
            {"name": name, "keys": {key: types[key] for key in keys}}
            for name, keys in entities.items()
        ],
        "feature_views": [_view(source, view) for view in views],
        "feature_services": [
            {"name": name, "features": features} for name, features in services.items()
        ],
    }


def _view(source: Source, view: View) -> dict:
    text = {
        "name": view.name,
        "version": view.version,
        "source": source.name,
        "entity": view.entity,
        "features": [
            {"name": f.name, "value": f.sql, "windows": [w.yaml for w in f.windows]}
            for f in view.features
        ],
    }
    if view.where_sql is not None:
        text["where"] = view.where_sql
    if view.updates != Updates():  # else the defaults are what is tested
        text["updates"] = dataclasses.asdict(view.updates)
    return text
