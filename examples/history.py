"""A history of card transactions for a copy of the example project: Parquet files in front of its topic.

    cp -r examples/transactions shop
    python examples/history.py shop        # shop/history/*.parquet, and `batch` in shop's definitions
    forebay backfill --project shop        # with a broker that has the topic
    forebay run shop                       # goes on with the topic
"""

from __future__ import annotations

import argparse
import datetime
import pathlib
import random

import polars as pl

SOURCES = pathlib.Path("features") / "transactions.yaml"
COUNTRIES = ["US"] * 12 + ["CA", "MX", "DE", "FR", "JP"]


def write_history(project: pathlib.Path, days: int, events_a_day: int) -> datetime.datetime:
    """A file a day, up to now, and the source's `batch`; returns when the history ends."""
    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    folder = project / "history"
    folder.mkdir(exist_ok=True)
    rng = random.Random(1)
    for day in range(days, 0, -1):
        start = until - datetime.timedelta(days=day)
        transactions = one_day(rng, start, events_a_day)
        transactions.write_parquet(folder / f"{start:%Y-%m-%d}.parquet")
    add_batch(project / SOURCES, until)
    return until


def one_day(rng: random.Random, start: datetime.datetime, events: int) -> pl.DataFrame:
    """As card_stream.py has them, one after the other."""
    times = [start + datetime.timedelta(days=1) * i / events for i in range(events)]
    return pl.DataFrame(
        {
            "transaction_id": [f"h{start:%Y%m%d}-{i}" for i in range(events)],
            "user_id": [f"u{int(1000 * rng.random() ** 2)}" for _ in times],
            "merchant_id": [f"m{int(200 * rng.random() ** 2)}" for _ in times],
            "amount": [
                (-1 if rng.random() < 0.02 else 1) * round(rng.lognormvariate(3, 1), 2) for _ in times
            ],
            "country": [rng.choice(COUNTRIES) for _ in times],
            "event_time": times,
        }
    )


def add_batch(sources: pathlib.Path, until: datetime.datetime) -> None:
    text = sources.read_text()
    known_time = next(line for line in text.splitlines() if "known_time: kafka" in line)
    batch = f"    batch: {{path: history, until: {until:%Y-%m-%dT%H:%M:%SZ}}}"
    sources.write_text(text.replace(known_time, f"{known_time}\n{batch}"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("project", type=pathlib.Path, help="a copy of examples/transactions")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--events-a-day", type=int, default=20_000)
    options = parser.parse_args()
    until = write_history(options.project, options.days, options.events_a_day)
    count = options.days * options.events_a_day
    print(f"{count:,} transactions up to {until} in {options.project / 'history'}")


if __name__ == "__main__":
    main()
