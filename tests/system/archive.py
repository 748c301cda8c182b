"""The event archive of a source, as others read it, and what must be in it.

    archive = read_archive(project, "transactions")
    check_archive(scenario, project, broker.address)    # has every event that it does not say it lacks
"""

from __future__ import annotations

import datetime

import polars as pl
from deltalake import DeltaTable

from tests.oracle.model import Source
from tests.oracle.oracle import Erasure, Refused, pass_gate
from tests.system.project import Project
from tests.system.scenario import Scenario
from tests.system.topics import read_topic, source_record
from tests.system.view_outcome import time_of

PLACE = ["_source_partition", "_source_offset"]


def archive_path(project: Project, source: str) -> str:
    return str(project.warehouse / "events" / source)


def read_archive(project: Project, source: str) -> pl.DataFrame:
    """In the order of the records, as Polars reads it; delta-rs must agree."""
    path = archive_path(project, source)
    frame = pl.read_delta(path).sort(PLACE)
    by_delta_rs = pl.from_arrow(DeltaTable(path).to_pyarrow_table()).sort(PLACE)
    assert frame.equals(by_delta_rs.select(frame.columns))
    return frame


def gaps(project: Project, source: str) -> dict[int, list[range]]:
    """What the archive says that it lacks, by partition."""
    text = DeltaTable(archive_path(project, source)).metadata().configuration.get("forebay.gaps", "")
    lacking: dict[int, list[range]] = {}
    for gap in text.split():
        task, _, offsets = gap.rpartition(":")
        first, last = map(int, offsets.split("-"))
        lacking.setdefault(int(task.rpartition("-")[2]), []).append(range(first, last + 1))
    return lacking


def events_of(source: Source, address: str) -> list[dict]:
    """A row for each record of the topic that passes the gate, by the oracle."""
    rows = []
    for message in read_topic(address, source.topic):
        record = source_record(message)
        if isinstance(record, Erasure):
            continue
        try:
            event = pass_gate(source, record)
        except Refused:
            continue
        values = {
            name: None if value is None else time_of(value) if "timestamp" in kind else value
            for (name, kind), value in zip(source.schema.items(), event.row.values())
        }
        rows.append(
            values
            | {
                "_event_time": time_of(event.event_time),
                "_known_time": time_of(event.known_time),
                "_timestamp": time_of(record.timestamp),
                "_key": message.key(),
                "_source_partition": message.partition(),
                "_source_offset": message.offset(),
                "date": time_of(event.event_time).astimezone(datetime.timezone.utc).date(),
            }
        )
    return rows


def check_archive(scenario: Scenario, project: Project, address: str) -> pl.DataFrame:
    """Every event is in it once, as the oracle has it, but those that it says it lacks; the archive."""
    source = scenario.source
    archive = read_archive(project, source.name)
    lacking = gaps(project, source.name)
    wanted = [
        row
        for row in events_of(source, address)
        if not any(row["_source_offset"] in gap for gap in lacking.get(row["_source_partition"], []))
    ]
    assert sorted(archive.columns) == sorted([*wanted[0], "_key_hash"])
    got = archive.select(list(wanted[0]))
    want = pl.DataFrame(wanted, schema=got.schema)
    assert got.equals(want), f"{got}\n{want}"
    return archive
