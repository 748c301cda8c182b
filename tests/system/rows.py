"""Rows of the offline table = records of the update topic = steps of the oracle."""

from __future__ import annotations

import io
import json
import random

import polars as pl

from tests.oracle.compare import differences
from tests.oracle.model import View
from tests.system.view_outcome import (
    POSITION,
    TIMES,
    ViewOutcome,
    assert_none,
    assert_same_list,
    defaults,
    key_text,
    micros,
    time_of,
)


def check_steps(outcome: ViewOutcome) -> None:
    """The table holds exactly the oracle's steps: keys, times, ops, positions."""
    columns = [*POSITION, *outcome.view.keys, *TIMES, "_op", "_view_version"]
    wanted = [
        (
            partition,
            step.offset,
            step.ordinal,
            *step.key,
            *map(time_of, (step.effective_time, step.event_time, step.known_time)),
            step.op,
            outcome.view.version,
        )
        for partition, step in outcome.steps()
    ]
    found = outcome.table.select(columns).rows()
    assert_same_list(found, wanted, f"{outcome.view.name}: table and oracle")
    assert outcome.table.select(POSITION).is_unique().all()
    dates = outcome.table["_effective_time"].dt.date()
    assert (outcome.table["date"].cast(pl.Date) == dates).all()


def check_steps_wherever_they_stand(outcome: ViewOutcome) -> None:
    """The same without positions, which depend on how the records of a topic came in."""
    columns = [*outcome.view.keys, *TIMES, "_op"]
    wanted = [
        (
            *step.key,
            *map(time_of, (step.effective_time, step.event_time, step.known_time)),
            step.op,
        )
        for _, step in outcome.steps()
    ]
    found = outcome.table.select(columns).rows()
    assert_same_list(sorted(found), sorted(wanted), f"{outcome.view.name}: table and oracle")


def check_updates(outcome: ViewOutcome) -> None:
    """Each is a row of the table, column for column, tombstones for deletes, in the order of the
    positions, and no row is there twice. All rows that are wanted are, or at least the newest of
    each key."""
    view = outcome.view
    rows = wanted_rows(outcome)
    if view.updates.every == "commit":
        newest = newest_rows(view, rows)
        rows = rows_of_updates(outcome, rows)
        lacking = newest.join(rows, on=POSITION, how="anti")
        assert lacking.is_empty(), f"{view.name}: the topic lacks the newest rows {lacking}"
    deleted = rows["_op"] == "delete"
    wanted = zip(
        rows.select(POSITION).rows(),
        (key_text(view, key) for key in rows.select(view.keys).rows()),
        deleted,
        rows["_effective_time"].dt.epoch("us"),
        [True] * len(rows) if view.updates.headers == "all" else deleted,
    )
    found = [
        (u.source, u.key, u.value is None, u.effective_time, u.has_headers) for u in outcome.updates
    ]
    assert_same_list(found, list(wanted), f"{view.name}: topic and table")
    kept = rows.drop("date").filter(~deleted)
    values = [update.value for update in outcome.updates if update.value is not None]
    assert_same_frame(rows_of(values, kept.schema), kept, f"{view.name}: values in topic and table")


def wanted_rows(outcome: ViewOutcome) -> pl.DataFrame:
    """Of the table, those that may be updates."""
    without_expiry = outcome.table.filter(pl.col("_op") != "expire")
    return outcome.table if outcome.view.updates.expiry == "on" else without_expiry


def newest_rows(view: View, rows: pl.DataFrame) -> pl.DataFrame:
    """Of each key."""
    return rows.group_by(view.keys, maintain_order=True).last()


def rows_of_updates(outcome: ViewOutcome, rows: pl.DataFrame) -> pl.DataFrame:
    """Those that are in the topic."""
    published = {update.source for update in outcome.updates}
    return rows.filter([row in published for row in rows.select(POSITION).rows()])


def rows_of(values: list[bytes], schema: pl.Schema) -> pl.DataFrame:
    """The JSON objects as a frame of that schema, times parsed; a member more or less is an error."""
    assert all(list(json.loads(value)) == list(schema) for value in values[:1] + values[-1:])
    as_text = {name: pl.String if name in TIMES else kind for name, kind in schema.items()}
    frame = pl.read_ndjson(io.BytesIO(b"\n".join(values)), schema=as_text)
    times = [pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC") for name in TIMES]
    return frame.with_columns(times)


def assert_same_frame(found: pl.DataFrame, wanted: pl.DataFrame, what: str) -> None:
    """Equal to the last bit; tells the first difference."""
    if not found.equals(wanted):
        assert_same_list(found.rows(named=True), wanted.rows(named=True), what)
        raise AssertionError(f"{what}: {found.schema} and {wanted.schema}")


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
        at = micros(time)
        want = histories[key][1].at(at)
        assert (want is None) == (op == "delete"), f"{view.name} {key} at {at}: {op}"
        values = want.values if want else defaults(view)
        for text in differences(view, list(row[len(view.keys) + 2 :]), values):
            wrong.append(f"{view.name} {key} at {at}: {text}")
    assert_none(wrong, "rows of the table")
