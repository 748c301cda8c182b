"""Generated input: card transactions with everything that goes wrong in them.

Against the flights it adds what those lack: tumbling windows, records that are late for every
window, null keys, filters that are null, refunds, many keys whose tiles leave at one boundary, and
keys of two columns and of integers.
"""

from __future__ import annotations

import dataclasses
import random

from tests.oracle.model import Feature, Source, Updates, View, Window
from tests.system.scenario import Scenario, delivered_late, with_bad_records

TEN = Window.sawtooth("10m")
HOUR = Window.sawtooth("1h")
DAY = Window.sawtooth("24h")
WEEK = Window.sawtooth("7d")
TUMBLING = Window.tumbling("1h")
EVER = Window.lifetime()

START_MS = 1_709_164_800_000  # 2024-02-29T00:00:00Z

SOURCE = Source(
    name="transactions",
    topic="transactions",
    key=("user_id",),
    schema={
        "user_id": "string",
        "merchant_id": "int64",
        "amount": "double",
        "quantity": "int64",
        "country": "string",
        "online": "bool",
        "event_time": "timestamp_ms",
    },
    event_time="event_time",
    known_time="event_time",
)


def _column(name):
    return lambda row: row[name]


VIEWS = (
    View(
        "user_spend",
        "user",
        ("user_id",),
        (
            Feature("n", "count(*)", "count", lambda row: 1, (TEN, HOUR, DAY, TUMBLING)),
            Feature("spend", "sum(amount)", "sum", _column("amount"), (TEN, DAY, TUMBLING)),
            Feature("items", "sum(quantity)", "sum", _column("quantity"), (DAY,)),
            Feature("mean", "mean(amount)", "mean", _column("amount"), (DAY,)),
            Feature("spread", "stddev(amount)", "stddev", _column("amount"), (DAY,)),
            Feature("skew", "skewness(amount)", "skewness", _column("amount"), (DAY,)),
            Feature("largest", "max(amount)", "max", _column("amount"), (HOUR, EVER)),
            Feature(
                "foreign_spend",
                "sum(amount) filter (where country <> 'US')",
                "sum",
                _column("amount"),
                (DAY,),
                keep=lambda row: None if row["country"] is None else row["country"] != "US",
            ),
            Feature("first_country", "first(country)", "first", _column("country"), (DAY, EVER)),
            Feature("last_country", "last(country)", "last", _column("country"), (HOUR, EVER)),
            Feature(
                "amounts",
                "last_n(amount, 5)",
                "last_n",
                _column("amount"),
                (TEN, DAY, TUMBLING),
                parameter=5,
            ),
            Feature(
                "countries",
                "last_n(country, 20) filter (where quantity > 0)",
                "last_n",
                _column("country"),
                (HOUR, EVER),
                keep=lambda row: None if row["quantity"] is None else row["quantity"] > 0,
                parameter=20,
            ),
            Feature(
                "merchants",
                "approx_count_distinct(merchant_id)",
                "approx_count_distinct",
                _column("merchant_id"),
                (DAY,),
            ),
        ),
    ),
    View(
        "user_bursts",
        "user",
        ("user_id",),
        (Feature("n", "count(*)", "count", lambda row: 1, (TEN,)),),
        where_sql="amount > 20 and online",
        where=lambda row: row["amount"] is not None and row["amount"] > 20 and row["online"],
        updates=Updates(every="change", headers="all"),
    ),
    View(
        "merchant_sales",
        "merchant",
        ("merchant_id",),
        (
            Feature("n", "count(*)", "count", lambda row: 1, (TEN, WEEK, TUMBLING)),
            Feature("mean", "mean(amount)", "mean", _column("amount"), (TEN,)),
            Feature("smallest", "min(amount)", "min", _column("amount"), (TUMBLING,)),
            Feature("first_user", "first(user_id)", "first", _column("user_id"), (TUMBLING,)),
        ),
        updates=Updates(expiry="off"),
    ),
    View(
        "corridor",
        "corridor",
        ("country", "merchant_id"),
        (
            Feature("n", "count(*)", "count", lambda row: 1, (HOUR,)),
            Feature("last_amount", "last(amount)", "last", _column("amount"), (HOUR,)),
        ),
        updates=Updates(every="change", expiry="off"),
    ),
)


def events(count: int, users: int, seed: int, gap_ms: int) -> list[tuple[int, str, dict]]:
    """`gap_ms`: between two events, on average, but for the nights."""
    rng = random.Random(seed)
    made = []
    time_ms = START_MS
    for _ in range(count):
        if rng.random() < 0.002:
            time_ms += rng.choice([3_600_000, 3 * 3_600_000, 86_400_000])  # a night, a bank holiday
        time_ms += int(rng.expovariate(1 / gap_ms))
        user = f"u{int(users * rng.random() ** 3)}" + rng.choice(["", "", "é", ' /"\\'])
        fields = {
            "user_id": user,
            "merchant_id": rng.choice([None, *range(-3, 40)]),
            "amount": rng.choice(
                [None, round(rng.lognormvariate(3, 1.5), 2), -round(rng.random() * 50, 2)]
            ),
            "quantity": rng.choice([None, 1, 2, -(2**40)]),
            "country": rng.choice(["US", "US", "DE", "FR", "日本", "", None]),
            "online": rng.choice([True, True, False, None]),
            "event_time": time_ms,
        }
        made.append(
            (
                time_ms,
                user,
                {k: v for k, v in fields.items() if v is not None or rng.random() < 0.5},
            )
        )
    return made


MOST_LATE_MS = 2 * 3_600_000


def scenario(
    count: int = 12_000,
    users: int = 400,
    project: str = "shop",
    partitions: int = 4,
    gap_ms: int = 8_000,
) -> Scenario:
    """The topic is named after the project, so that several share a broker."""
    source = dataclasses.replace(SOURCE, topic=f"{project}-transactions")
    arriving = delivered_late(events(count, users, 7, gap_ms), 0.05, MOST_LATE_MS, seed=8)
    messages = with_bad_records(arriving, "event_time", {"amount": "much"}, 0.02, seed=9)
    services = {"fraud": ["user_spend.*", "merchant_sales.n_10m"]}
    return Scenario(project, source, VIEWS, messages, services, partitions)
