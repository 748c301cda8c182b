"""`served` training sets, compared with Polars' own as-of join and with rows computed by hand."""

import pathlib
import random

import duckdb
import polars as pl
import pytest
from tests.offline.driver import HOUR, START, at, join, row, run, small_table, write

FEATURES = ["spend.total", "spend.events", "spend.last_country"]


def random_history(rng: random.Random, rows: int, keys: int) -> list[dict]:
    """Commits of two tasks; each key belongs to one of them and its times strictly increase."""
    last = {}
    commands = []
    for first in range(0, rows, 50):
        task = rng.randrange(2)
        batch = []
        for offset in range(first, first + 50):
            key = f"k{rng.randrange(keys // 2) * 2 + task}"
            time = last.get(key, START) + rng.choice([1, 1000, HOUR, 13 * HOUR])
            last[key] = time
            if rng.random() < 0.2:
                batch.append(row(offset, key, time, op="delete", total=None, events=0))
            else:
                total = None if rng.random() < 0.1 else rng.random()
                country = None if rng.random() < 0.1 else f"c{rng.randrange(9)}"
                batch.append(
                    row(offset, key, time, total=total, events=rng.randrange(99), country=country)
                )
        commands.append(
            {"task": task, "position": first + 49, "clock": START, "rows": batch}
        )
        if rng.random() < 0.2:
            commands.append({"flush": True})
        if rng.random() < 0.05:
            commands.append({"restart": True})
    # A task that is not open again after a restart would keep its rows in its log.
    for task in range(2):
        commands.append(
            {"task": task, "position": rows + 99, "clock": START, "rows": [row(rows, "last", START)]}
        )
    return [*commands, {"flush": True}]


def rows_of(commands: list[dict]) -> pl.DataFrame:
    rows = [r for command in commands if "rows" in command for r in command["rows"]]
    return pl.DataFrame(
        {
            "user_id": [r["key"] for r in rows],
            "time": [at(r["effective_time"]) for r in rows],
            "op": [r.get("op", "event") for r in rows],
            "spend.total": [r.get("total") for r in rows],
            "spend.events": [r.get("events", 0) for r in rows],
            "spend.last_country": [r.get("country") for r in rows],
        },
        schema_overrides={"time": pl.Datetime("us", "UTC"), "spend.total": pl.Float64},
    )


def by_polars(labels: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    joined = labels.sort("asked_at").join_asof(
        rows.sort("time"), left_on="asked_at", right_on="time", by="user_id", strategy="backward",
        check_sortedness=False,
    )
    gone = pl.col("op").is_null() | (pl.col("op") == "delete")
    return joined.with_columns(
        pl.when(gone).then(None).otherwise(pl.col("spend.total")).alias("spend.total"),
        pl.when(gone).then(0).otherwise(pl.col("spend.events")).alias("spend.events"),
        pl.when(gone).then(None).otherwise(pl.col("spend.last_country")).alias("spend.last_country"),
    ).select([*labels.columns, *FEATURES])


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_an_as_of_join_by_polars(tmp_path: pathlib.Path, seed: int):
    rng = random.Random(seed)
    commands = random_history(rng, rows=2000, keys=40)
    write(tmp_path, commands)
    rows = rows_of(commands)
    times = rows["time"].to_list()
    labels = pl.DataFrame(
        {
            "id": list(range(3000)),
            # Half of the labels fall exactly on the time of a row; a few keys have no rows.
            "asked_at": [
                rng.choice(times) if rng.random() < 0.5 else at(START + rng.randrange(500 * HOUR))
                for _ in range(3000)
            ],
            "user_id": [f"k{rng.randrange(44)}" for _ in range(3000)],
        },
        schema_overrides={"asked_at": pl.Datetime("us", "UTC")},
    )
    labels.write_parquet(tmp_path / "labels.parquet")
    output = tmp_path / "out.parquet"
    summary = join(tmp_path, tmp_path / "labels.parquet", "asked_at", ",".join(FEATURES), output)
    got = pl.read_parquet(output)
    assert got.columns == [*labels.columns, *FEATURES]
    assert got.select(labels.columns).equals(labels)
    want = by_polars(labels, rows)
    assert got.sort("id").equals(want.sort("id"))
    assert summary["labels"] == 3000
    assert summary["views"][0]["matched"] > 1000


def test_a_million_labels_agree_with_the_joins_of_duckdb_and_polars(tmp_path):
    done = run("generate", tmp_path, 1_500_000, 50_000)
    assert done.returncode == 0, done.stderr
    rng = random.Random(7)
    count = 1_000_000
    start = 1_600_000_000_000_000  # of the rows, which come every 10 ms
    micros = [start - 10**9 + rng.randrange(17 * 10**9) for _ in range(count)]
    labels = pl.DataFrame(
        {"id": range(count), "user_id": [f"user-{rng.randrange(60_000)}" for _ in range(count)]}
    ).with_columns(pl.Series("t", micros).cast(pl.Datetime("us", "UTC")))
    labels.write_parquet(tmp_path / "labels.parquet")
    out = tmp_path / "out.parquet"
    join(tmp_path, tmp_path / "labels.parquet", "t", "spend.total,spend.events", out)
    got = pl.read_parquet(out).sort("id")
    assert got["spend.total"].count() > 700_000

    files = [str(file) for file in (tmp_path / "warehouse" / "offline" / "spend").rglob("*.parquet")]
    names = {"total": "spend.total", "events": "spend.events"}
    rows = pl.scan_parquet(files).select("user_id", "_effective_time", *names)
    polars = (
        labels.lazy()
        .sort("t")
        .join_asof(
            rows.sort("_effective_time"), left_on="t", right_on="_effective_time", by="user_id", check_sortedness=False
        )
        .select("id", *names)
        .collect()
        .sort("id")
    )
    connection = duckdb.connect()
    connection.execute("SET timezone='UTC'")
    by_duckdb = connection.sql(
        f"SELECT id, total, events FROM '{tmp_path}/labels.parquet' l ASOF LEFT JOIN "
        f"read_parquet({files}) r ON l.user_id = r.user_id AND l.t >= r._effective_time ORDER BY id"
    ).pl()
    for other in (polars, by_duckdb):
        other = other.rename(names).with_columns(pl.col("spend.events").fill_null(0))
        assert got.select(other.columns).equals(other)


def test_bounded_memory_gives_the_same_bytes_or_says_how_much_is_needed(tmp_path):
    rng = random.Random(5)
    commands = random_history(rng, rows=2000, keys=40)
    write(tmp_path, commands)
    count = 300_000
    labels = pl.DataFrame(
        {
            "user_id": [f"k{rng.randrange(44)}" for _ in range(count)],
            "asked_at": [at(START + rng.randrange(500 * HOUR)) for _ in range(count)],
        }
    )
    labels.write_parquet(tmp_path / "labels.parquet")
    outputs = []
    for memory in (0, 200_000_000):  # the second: three slices
        outputs.append(tmp_path / f"out{memory}.parquet")
        arguments = [tmp_path / "labels.parquet", "asked_at", ",".join(FEATURES), outputs[-1]]
        join(tmp_path, *arguments, "", str(memory))
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    refused = run("join", tmp_path, *arguments[:3], tmp_path / "no.parquet", "", "100000000")
    assert "--memory 100MB is too little for 300000 labels: at least 1" in refused.stderr
    assert not (tmp_path / "no.parquet").exists()


def test_csv_labels_keep_their_columns(tmp_path):
    small_table(tmp_path)
    lines = ["note,asked_at,user_id,label"]
    for key, time in [("a", START - 1), ("a", START), ("a", START + 20), ("b", START + 11)]:
        lines.append(f"x,{at(time).isoformat(timespec='microseconds')},{key},1")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    output = tmp_path / "out.parquet"
    summary = join(tmp_path, tmp_path / "labels.csv", "asked_at", "spend.events,spend.total", output)
    got = pl.read_parquet(output)
    assert got.columns == ["note", "asked_at", "user_id", "label", "spend.events", "spend.total"]
    assert got.select("label", "spend.events", "spend.total").rows() == [
        (1, 0, None),
        (1, 3, 1.5),
        (1, 0, None),
        (1, 4, 2.5),
    ]
    assert summary["views"] == [
        {
            "name": "spend",
            "table_version": 1,
            "matched": 2,
            "rows_read": 3,
            "files_read": 1,
            "files_skipped": 1,
        }
    ]


def test_values_older_than_max_age_are_null_and_services_are_resolved(tmp_path):
    small_table(tmp_path)
    labels = pl.DataFrame(
        {"user_id": ["a", "a", "z"], "t": [at(START + HOUR), at(START + HOUR + 1), at(START)]}
    )
    for unit in ["ms", "us", "ns"]:
        labels.with_columns(pl.col("t").dt.cast_time_unit(unit)).write_parquet(
            tmp_path / "labels.parquet"
        )
        join(tmp_path, tmp_path / "labels.parquet", "t", "fraud", tmp_path / "out.parquet")
        got = pl.read_parquet(tmp_path / "out.parquet")["visits.events"].to_list()
        assert got == ([7, 7, 0] if unit == "ms" else [7, None, 0])


def test_warns_of_labels_that_later_rows_may_change(tmp_path):
    small_table(tmp_path)
    labels = pl.DataFrame({"user_id": ["a"] * 2, "t": [at(START + 49 * HOUR - 1), at(START + 49 * HOUR)]})
    labels.write_parquet(tmp_path / "labels.parquet")
    summary = join(tmp_path, tmp_path / "labels.parquet", "t", "spend.*", tmp_path / "out.parquet")
    assert len(summary["warnings"]) == 1
    assert summary["warnings"][0].startswith(
        "1 of 2 labels (row 2, for example, at 2023-11-16T23:13:20.000000Z) are at or after "
        "2023-11-16T23:13:20.000000Z, up to where the table of spend@1 is complete"
    )


def test_warns_of_labels_after_a_step_that_is_due_but_unwritten(tmp_path):
    rows = [row(0, "a", START, events=3)]
    commit = {"position": 0, "clock": START + HOUR, "complete_before": START + 20, "rows": rows}
    write(tmp_path, [commit, {"flush": True}])
    labels = pl.DataFrame({"user_id": ["a"] * 2, "t": [at(START + 19), at(START + 20)]})
    labels.write_parquet(tmp_path / "labels.parquet")
    summary = join(tmp_path, tmp_path / "labels.parquet", "t", "spend.*", tmp_path / "out.parquet")
    (warning,) = summary["warnings"]
    assert warning.startswith(
        "1 of 2 labels (row 2, for example, at 2023-11-14T22:13:20.000020Z) are at or after "
        "2023-11-14T22:13:20.000020Z, up to where the table of spend@1 is complete (task transactions-0 "
        "has expiry steps that are due and not yet written"
    )


WRONG = [
    ("user_id,t\na,2020-01-01T00:00:00Z\n", "t", "spend.totl", "did you mean 'total'"),
    ("user_id,t\na,2020-01-01T00:00:00Z\n", "t", "spent.total", "did you mean 'spend'"),
    ("user_id,t\na,2020-01-01T00:00:00Z\n", "t", "frod", "views and services are: spend, visits"),
    ("user_id,t\na,2020-01-01T00:00:00Z\n", "t", "unkept.total", "'unkept' has `history: off`"),
    ("user,t\na,2020-01-01T00:00:00Z\n", "t", "spend.total", "have no column 'user_id'"),
    ("user_id,t\na,2020-01-01T00:00:00Z\n", "when", "spend.total", "have no column 'when'"),
    ("user_id,t\na,2020-01-01T00:00:00Z\na,yesterday\n", "t", "spend.total", "line 3: the time in column 't'"),
    ("user_id,t,spend.total\na,2020-01-01T00:00:00Z,1\n", "t", "spend.total", "already have a column"),
]


@pytest.mark.parametrize("text, time, features, message", WRONG)
def test_what_does_not_fit_is_named(tmp_path, text, time, features, message):
    small_table(tmp_path)
    (tmp_path / "labels.csv").write_text(text)
    output = tmp_path / "out.parquet"
    done = run("join", tmp_path, tmp_path / "labels.csv", time, features, output)
    assert done.returncode == 1
    assert "INVALID_ARGUMENT" in done.stderr
    assert message in done.stderr
    assert not output.exists()


def test_a_key_of_the_wrong_type_is_named(tmp_path):
    small_table(tmp_path)
    pl.DataFrame({"user_id": [1.5], "t": [at(START)]}).write_parquet(tmp_path / "labels.parquet")
    done = run("join", tmp_path, tmp_path / "labels.parquet", "t", "spend.*", tmp_path / "o.parquet")
    assert "key column 'user_id' is double, but the entity's key is text" in done.stderr


def test_without_a_table_all_features_have_their_defaults(tmp_path):
    pl.DataFrame({"user_id": ["a"], "t": [at(START)]}).write_parquet(tmp_path / "labels.parquet")
    output = tmp_path / "out.parquet"
    summary = join(tmp_path, tmp_path / "labels.parquet", "t", "spend.*", output)
    assert "there is no offline table of spend@1" in summary["warnings"][0]
    assert pl.read_parquet(output).select(FEATURES).rows() == [(None, 0, None)]
