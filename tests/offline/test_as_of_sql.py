"""The SQL of docs/training_sets.md, as it stands there, makes the set that `forebay training-set` makes."""

import random
import re
import subprocess

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from tests.offline.driver import BUILD, HOUR, ROOT, START, at, change_rows, write, write_ipc
from tests.offline.kinds import exact

DAY = 24 * HOUR
SHOP = """
sources:
  - name: payments
    topic: payments
    key: [user_id]
    schema: {user_id: string, amount: double, country: string, at: timestamp_ms}
    event_time: at
entities: [{name: user, keys: {user_id: string}}]
feature_views:
  - name: user_spend
    source: payments
    entity: user
    max_age: 7d
    features:
      - {name: spend, value: sum(amount), windows: [10m]}
      - {name: foreign, value: count(*) filter (where country <> 'US'), windows: [24h]}
"""


def shop(folder) -> pl.DataFrame:
    """The project with a table of some users' rows; returns keys and times of these."""
    (folder / "features").mkdir(parents=True)
    (folder / "forebay.yaml").write_text("project: shop\nkafka: {bootstrap.servers: localhost:1}\n")
    (folder / "features" / "shop.yaml").write_text(SHOP)
    rng = random.Random(3)
    times = {}
    users, effective, event = [], [], []
    for _ in range(600):
        users.append(user := f"u{rng.randrange(20)}")
        effective.append(time := times.get(user, START) + rng.choice([1, HOUR, 2 * DAY]))
        event.append(time - rng.choice([0, 0, HOUR, 3 * DAY, 7 * DAY]))
        times[user] = time
    values = {
        "user_id": pa.array(users),
        "spend_10m": pa.array([rng.choice([None, rng.random(), -0.0]) for _ in users], pa.float64()),
        "foreign_24h": pa.array([rng.randrange(9) for _ in users], pa.int64()),
    }
    ops = [rng.choice(["event", "event", "expire", "delete"]) for _ in users]
    ipc = write_ipc(folder / "rows.arrow", change_rows(values, 1, effective, event, ops))
    commit = {"position": 999, "clock": max(effective), "ipc": ipc, "hash": True}
    write(folder, [commit, {"flush": True}])
    return pl.DataFrame({"user_id": users, "effective": effective, "event": event})


def write_labels(folder, rows: pl.DataFrame) -> None:
    """Labels around the rows and at the edge of max_age, some twice, some of no user or unknown ones."""
    rng = random.Random(4)
    labels = []
    for user, effective, event in rows.rows():
        for time in [effective - 1, effective, event + 7 * DAY, event + 7 * DAY + 1]:
            labels.append((rng.choice([user, user, user, "nobody", None]), at(time), rng.random() < 0.5))
    labels += rng.sample(labels, 50)
    rng.shuffle(labels)
    frame = pl.DataFrame(labels, schema=["user_id", "ts", "is_fraud"], orient="row")
    frame.write_parquet(folder / "labels.parquet")


def made_by_forebay(folder) -> pa.Table:
    features = "user_spend.spend_10m,user_spend.foreign_24h"
    command = [BUILD / "cli" / "forebay", "training-set", "--project", folder, "--time", "ts"]
    command += ["--labels", folder / "labels.parquet", "--features", features]
    done = subprocess.run(
        [*command, "--out", folder / "out.parquet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return pq.read_table(folder / "out.parquet")


def test_the_sql_of_the_page_makes_the_same_set(tmp_path, monkeypatch, delta_in_duckdb):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    write_labels(folder, shop(folder))
    page = (ROOT / "docs" / "training_sets.md").read_text()
    (query,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    want = made_by_forebay(folder)
    got = delta_in_duckdb.sql(query).to_arrow_table()
    assert got.column_names == want.column_names
    for column in want.column_names:
        assert exact(got[column]) == exact(want[column]), column
    # All of the page's cases are there: values, nulls, and defaults that are no nulls.
    counts = set(want["user_spend.foreign_24h"].to_pylist())
    assert {None, 0, 1} <= counts
