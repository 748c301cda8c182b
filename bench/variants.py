"""The whole worker in the ways that it is measured: what is switched on, and how events come in."""

from __future__ import annotations

import dataclasses
import re

VIEW = "user_activity"
KEY = "user_id"
NEEDED_FIELDS = ("user_id", "amount", "country", "event_time")


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    title: str
    format: str = "json"  # of the events: json | protobuf
    topic_key: str = KEY  # what the topic is partitioned by; another: the view is repartitioned
    all_fields: bool = False  # declared, not only those that the features need
    history: bool = False  # change records into the Delta table
    updates: str | None = None  # the format of the update topic's values; None: no topic
    every_change: bool = False  # an update for each step, not the newest of a commit
    compressed: bool = True  # the update topic
    emit: str | None = None  # a duration
    delivery: str = "exactly_once"

    @property
    def kafka(self) -> dict:
        """Entries of `kafka` in forebay.yaml."""
        return {} if self.compressed else {"compression.type": "none"}

    def definitions(self, text: str, topic: str) -> str:
        """`text`: bench/transactions/features/user_activity.yaml."""
        text = _replace(text, "topic: transactions", f"topic: {topic}")
        text = _replace(text, f"key: [{KEY}]", f"key: [{self.topic_key}]")
        if self.format == "protobuf":
            declared = "format: protobuf\n    proto: transaction.proto"
            text = _replace(text, "format: json", declared)
        if not self.all_fields:
            text = _declare_only(text, {*NEEDED_FIELDS, self.topic_key})
        return _replace(text, "    entity: user\n", f"    entity: user\n{self._view_options()}")

    def _view_options(self) -> str:
        options = []
        if not self.history:
            options.append("history: off")
        if self.updates is None:
            options.append("updates: off")
        elif self.every_change:
            options.append(f"updates: {{every: change, format: {self.updates}}}")
        if self.emit is not None:
            options.append(f"emit: {{every: {self.emit}}}")
        return "".join(f"    {option}\n" for option in options)


def _replace(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is in the definitions {text.count(old)} times, not once"
    return text.replace(old, new)


def _declare_only(text: str, fields: set[str]) -> str:
    head, schema, tail = re.split(r"(?<=    schema:\n)((?:      \w+: \w+\n)+)", text)
    lines = schema.splitlines(keepends=True)
    return (
        head + "".join(line for line in lines if line.split(":")[0].strip() in fields) + tail
    )


DEFAULTS = Variant(
    "defaults", "all defaults: JSON in and out, Delta", all_fields=True, history=True, updates="json"
)
DEFAULTS_NO_TABLE = dataclasses.replace(
    DEFAULTS, name="defaults-no-table", title="the same without the table", history=False
)
EMIT = dataclasses.replace(
    DEFAULTS, name="emit", title="all defaults and `emit: {every: 1s}`", emit="1s"
)
AT_LEAST_ONCE = dataclasses.replace(
    DEFAULTS,
    name="at-least-once",
    title="all defaults, but at least once",
    delivery="at_least_once",
)
UPDATES = Variant(
    "updates",
    "every change as protobuf to Kafka",
    updates="protobuf",
    every_change=True,
    compressed=False,
)
UPDATES_AND_TABLE = dataclasses.replace(
    UPDATES, name="updates-table", title=f"{UPDATES.title}, and into Delta", history=True
)
STATE = Variant("state", "state only")
STATE_ALL_FIELDS = dataclasses.replace(
    STATE, name="state-all-fields", title="state only, all 12 fields declared", all_fields=True
)
STATE_PROTOBUF = dataclasses.replace(
    STATE, name="state-protobuf", title="state only, from protobuf", format="protobuf"
)
STATE_REPARTITIONED = dataclasses.replace(
    STATE,
    name="state-repartitioned",
    title="state only, topic keyed by merchant",
    topic_key="merchant_id",
)
ALL = (
    DEFAULTS,
    DEFAULTS_NO_TABLE,
    EMIT,
    AT_LEAST_ONCE,
    UPDATES,
    UPDATES_AND_TABLE,
    STATE,
    STATE_ALL_FIELDS,
    STATE_PROTOBUF,
)
