"""`forebay history`: a key's steps, from table and change log, as Polars finds them in the table."""

import csv
import io
import json
import pathlib
import random

import polars as pl
import pyarrow as pa
import pytest
from tests.offline.driver import START, change_rows, write
from tests.offline.kinds import exact
from tests.offline.shop import (
    DAY, SPEND, VISITS, commit, forebay, make_project, make_state, spend_rows, write_spend,
)

COLUMNS = ["_effective_time", "_event_time", "_op", "total_1h", "orders_1h", "country_1h"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    make_project(folder)
    write_spend(folder)
    return folder


def history(folder: pathlib.Path, *arguments) -> list[dict]:
    done = forebay(folder, "history", *arguments, "--format", "json")
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_lines(rows: pl.DataFrame) -> list[dict]:
    """In the form that the command prints."""
    time = pl.col(pl.Datetime).dt.strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
    return rows.sort("_effective_time").select(COLUMNS).with_columns(time).to_dicts()


def of_table(folder: pathlib.Path, version: int | None = None) -> pl.DataFrame:
    table = folder / "warehouse" / "offline" / "spend" / "v1"
    return pl.scan_delta(str(table), version=version).collect()


def test_prints_the_steps_of_a_key_in_their_order(project):
    rows = of_table(project)
    for user in ["u0", "u7", "u19"]:
        steps = history(project, "spend", user)
        assert steps == as_lines(rows.filter(pl.col("user_id") == user))
        assert len(steps) > 50


def test_between_two_times(project):
    rows = of_table(project).filter(pl.col("user_id") == "u3").sort("_effective_time")
    times = rows["_effective_time"].to_list()
    first, last = times[10], times[60]
    wanted = as_lines(rows[10:60])  # the first is in, the last is not
    written = [time.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for time in (first, last)]
    micros = rows["_effective_time"].cast(pl.Int64)
    for start, end in [written, (micros[10], micros[60])]:
        assert history(project, "spend", "u3", "--from", start, "--to", end) == wanted


def test_a_version_and_a_time_of_the_table(project):
    for version in [1, 3, 6]:
        wanted = as_lines(of_table(project, version).filter(pl.col("user_id") == "u5"))
        assert history(project, "spend", "u5", "--version", version) == wanted


def test_one_feature_alone(project):
    steps = history(project, "spend.orders_1h", "u5")
    assert list(steps[0]) == ["_effective_time", "_event_time", "_op", "orders_1h"]


def test_csv_keeps_every_value(project):
    text = forebay(project, "history", "spend", "user_id=u5", "--format", "csv").stdout
    lines = list(csv.DictReader(io.StringIO(text)))
    steps = history(project, "spend", "u5")
    assert [line["country_1h"] for line in lines] == [step["country_1h"] or "" for step in steps]
    assert [line["total_1h"] for line in lines] == [
        "" if step["total_1h"] is None else json.dumps(step["total_1h"]) for step in steps
    ]


def test_a_table_for_people(project):
    done = forebay(project, "history", "spend", "u5", "--to", START + DAY)
    header, *rows = done.stdout.splitlines()
    assert header.split() == COLUMNS
    assert len({line.find("  event  ") for line in rows if "  event  " in line}) == 1
    assert f"spend@1 of u5: {len(rows)} steps; table version 6" in done.stderr
    assert "complete up to 2023-11-17T" in done.stderr


def test_an_unknown_key_has_no_steps(project):
    done = forebay(project, "history", "spend", "nobody")
    assert done.stdout == ""
    assert "spend@1 of nobody: no steps; table version 6" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["spend"], "key is required"),
        (["spend", "a", "b"], "'b' is one key too many"),
        (["visits", "a", "shop=x"], "'x' is not an int64 for key column shop"),
        (["nothing", "a"], "nothing"),
        (["spend", "a", "--from", "yesterday"], "--from yesterday: expected a time such as"),
        (["spend", "a", "--from", "9", "--to", "9"], "--from 9 is not before --to 9"),
        (["spend", "a", "--version", "-1"], "expected the number of a table's version"),
        (["spend", "a", "--version", "1", "--as-of", "9"], "excludes"),
    ],
)
def test_what_is_wrong_with_a_question(project, arguments, message):
    assert message in forebay(project, "history", *arguments, code=2).stderr


def test_without_a_table(project):
    assert "there is no Delta table in" in forebay(project, "history", "visits", "a", 1, code=1).stderr


def test_keys_of_several_columns(tmp_path):
    make_project(tmp_path)
    values = {
        "user_id": pa.array(["a", "b", "a", "a"]),
        "shop": pa.array([1, 1, -2, 1], pa.int64()),
        "orders_1h": pa.array([1, 2, 3, 4], pa.int64()),
    }
    times = [START + i for i in range(4)]
    rows = change_rows(values, 2, times, times, ["event"] * 4)
    write(tmp_path, [commit(tmp_path, rows, VISITS), {"flush": True}])
    assert [step["orders_1h"] for step in history(tmp_path, "visits", "shop=1", "a")] == [1, 4]
    assert [step["orders_1h"] for step in history(tmp_path, "visits", "a", "shop=-2")] == [3]


def test_rows_of_the_change_log_follow_those_of_the_table(tmp_path):
    make_project(tmp_path)
    rng = random.Random(5)
    batches = [spend_rows(rng, i * 500, 500, 10, START + i * DAY) for i in range(3)]
    commits = [commit(tmp_path, batch) for batch in batches]
    write(tmp_path, [commits[0], {"flush": True}, *commits[1:]])
    make_state(tmp_path)
    rows = pl.concat([pl.from_arrow(batch) for batch in batches])
    wanted = as_lines(rows.filter(pl.col("user_id") == "u4"))
    assert history(tmp_path, "spend", "u4") == wanted
    of_first = as_lines(pl.from_arrow(batches[0]).filter(pl.col("user_id") == "u4"))
    done = forebay(tmp_path, "history", "spend", "u4")
    assert f"{len(wanted)} steps, {len(wanted) - len(of_first)} of them in change logs alone" in done.stderr
    # A version of the table is what it is.
    assert history(tmp_path, "spend", "u4", "--version", 1) == of_first


def test_a_change_log_without_a_table(tmp_path):
    make_project(tmp_path)
    rows = spend_rows(random.Random(1), 0, 100, 5, START)
    write(tmp_path, [commit(tmp_path, rows)])
    make_state(tmp_path)
    wanted = as_lines(pl.from_arrow(rows).filter(pl.col("user_id") == "u1"))
    assert history(tmp_path, "spend", "u1") == wanted
