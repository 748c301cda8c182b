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
    lean: bool = False  # its headers only on deletes, its records not compressed
    emit: str | None = None  # a duration
    delivery: str = "exactly_once"
    commit_interval: str | None = None  # None: the default

    @property
    def config(self) -> dict:
        """Entries of forebay.yaml."""
        entries = {"delivery": self.delivery}
        if self.commit_interval is not None:
            entries["commit_interval"] = self.commit_interval
        return entries

    @property
    def kafka(self) -> dict:
        """Entries of `kafka` in forebay.yaml."""
        return {"compression.type": "none"} if self.lean else {}

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
        elif self.updates != "json":
            headers = ", headers: deletes" if self.lean else ""
            options.append(f"updates: {{format: {self.updates}{headers}}}")
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


STATE = Variant("state", "JSON, state only")
STATE_REPARTITIONED = dataclasses.replace(
    STATE,
    name="state-repartitioned",
    title=f"{STATE.title}, topic keyed by merchant",
    topic_key="merchant_id",
)
STATE_PROTOBUF = Variant("state-protobuf", "protobuf, state only", format="protobuf")
UPDATES = Variant("updates", "JSON, every update to Kafka", updates="protobuf", lean=True)
UPDATES_AND_TABLE = Variant(
    "updates-table",
    "JSON, every update to Kafka, every change into Delta",
    updates="protobuf",
    lean=True,
    history=True,
)
EMIT = Variant(
    "emit",
    "JSON, `emit: {every: 1s}`, Kafka and Delta",
    updates="protobuf",
    lean=True,
    history=True,
    emit="1s",
)
AT_LEAST_ONCE = dataclasses.replace(
    UPDATES,
    name="updates-at-least-once",
    title=f"{UPDATES.title}, at least once",
    delivery="at_least_once",
)
ALL = (
    STATE,
    STATE_PROTOBUF,
    dataclasses.replace(
        STATE,
        name="state-all-fields",
        title=f"{STATE.title}, all 12 fields declared",
        all_fields=True,
    ),
    UPDATES,
    dataclasses.replace(
        UPDATES,
        name="updates-lz4",
        title=f"{UPDATES.title}, lz4, headers on all",
        lean=False,
    ),
    AT_LEAST_ONCE,
    UPDATES_AND_TABLE,
    EMIT,
    *(
        dataclasses.replace(
            variant,
            name=f"{variant.name}-10s",
            title=f"{variant.title}, commits every 10 s",
            commit_interval="10s",
        )
        for variant in (STATE, UPDATES)
    ),
)
DEFAULTS = Variant(
    "defaults", "JSON in and out, all defaults", all_fields=True, history=True, updates="json"
)
