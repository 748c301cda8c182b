"""What the sink writes, as delta-rs and Polars read it."""

import pathlib

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from tests.offline.driver import at, row, write

DAY = 86_400_000_000
NOON = 1_700_000_000_000_000


@pytest.fixture
def table(tmp_path: pathlib.Path) -> pathlib.Path:
    """Twelve flushes of one row each (so one checkpoint), two days, a null, text beyond ASCII."""
    commands = []
    for i in range(12):
        value = {"total": i / 4, "events": i, "country": "Česko" if i % 2 else None}
        commands.append(
            {
                "task": i % 2,
                "position": i * 10 + 5,
                "clock": NOON + i,
                "rows": [row(i * 10, f"ключ-{i % 3}", NOON + i * DAY // 8, **value)],
            }
        )
        commands.append({"flush": True})
    write(tmp_path, commands)
    return tmp_path / "warehouse" / "offline" / "spend" / "v1"


def expected(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [f"ключ-{i % 3}" for i in range(rows)],
            "total": [i / 4 for i in range(rows)],
            "events": list(range(rows)),
            "last_country": ["Česko" if i % 2 else None for i in range(rows)],
            "_effective_time": [at(NOON + i * DAY // 8) for i in range(rows)],
            "_op": ["event"] * rows,
            "_source_partition": [i % 2 for i in range(rows)],
            "_source_offset": [i * 10 for i in range(rows)],
            "date": [at(NOON + i * DAY // 8).date() for i in range(rows)],
        },
        schema_overrides={"_effective_time": pl.Datetime("us", "UTC"), "_source_partition": pl.Int32},
    )


def by_delta_rs(table: pathlib.Path, version: int | None = None) -> pl.DataFrame:
    read = deltalake.DeltaTable(str(table), version=version).to_pyarrow_table()
    return pl.from_arrow(read)


def by_polars(table: pathlib.Path, version: int | None = None) -> pl.DataFrame:
    return pl.scan_delta(str(table), version=version).collect()


@pytest.mark.parametrize("read", [by_delta_rs, by_polars])
def test_the_newest_rows_are_what_was_committed(table, read):
    want = expected(12)
    got = read(table).sort("_source_offset").select(want.columns)
    assert got.equals(want), f"{got}\n{want}"


@pytest.mark.parametrize("read", [by_delta_rs, by_polars])
def test_every_version_is_readable(table, read):
    for version in range(13):
        got = read(table, version).sort("_source_offset")
        want = expected(version)
        assert got.select(want.columns).equals(want), f"version {version}: {got}"


@pytest.mark.parametrize("read", [by_delta_rs, by_polars])
def test_the_checkpoint_replaces_the_commits_before_it(table, read):
    for version in range(10):
        (table / "_delta_log" / f"{version:020}.json").unlink()
    assert read(table).height == 12
    assert read(table, 11).height == 11


def test_a_read_of_one_date_opens_only_its_folder(table):
    day = at(NOON).date()
    for path in table.glob("date=*"):
        if path.name != f"date={day}":
            for file in path.iterdir():
                file.unlink()
    rows = pl.scan_delta(str(table)).filter(pl.col("date") == day).collect()
    want = expected(12).filter(pl.col("date") == day)
    assert rows.sort("_source_offset").select(want.columns).equals(want)


def test_transactions_history_and_statistics_are_understood(table):
    delta = deltalake.DeltaTable(str(table))
    versions = {
        app_id: delta.transaction_version(app_id)
        for app_id in ["demo/spend/v1/transactions-0", "demo/spend/v1/transactions-1"]
    }
    assert versions == {"demo/spend/v1/transactions-0": 106, "demo/spend/v1/transactions-1": 116}
    history = delta.history()
    assert [commit["operation"] for commit in history] == ["WRITE"] * 12 + ["CREATE TABLE"]
    newest = history[0]
    clocks = {"transactions-0": NOON + 10, "transactions-1": NOON + 11}
    told = {"clocks": clocks, "complete_before": clocks, "actions": 3}
    assert newest["forebay"] == told
    assert [c["timestamp"] for c in history] == sorted({c["timestamp"] for c in history})[::-1]
    actions = pa.table(delta.get_add_actions(flatten=True))
    adds = pl.from_arrow(actions)
    assert adds["num_records"].to_list() == [1] * 12
    assert sorted(adds["null_count.last_country"].to_list()) == [0] * 6 + [1] * 6


def test_filters_on_any_column_find_their_rows(table):
    """delta-rs turns statistics into conditions on files; none may hide rows."""
    rows = deltalake.DeltaTable(str(table)).to_pyarrow_dataset()
    for column in expected(12).columns:
        assert rows.count_rows(filter=ds.field(column).is_valid()) == len(
            expected(12).drop_nulls(column)
        ), column
    assert rows.count_rows(filter=ds.field("_op") == "event") == 12


def test_file_times_are_commit_times_so_that_travel_by_time_works(table):
    delta = deltalake.DeltaTable(str(table))
    for commit in delta.history():
        path = table / "_delta_log" / f"{commit['version']:020}.json"
        assert path.stat().st_mtime_ns // 1_000_000 == commit["timestamp"]


def test_other_writers_may_compact_the_table(table, tmp_path):
    delta = deltalake.DeltaTable(str(table))
    delta.optimize.compact()
    write(
        tmp_path,
        [
            {"task": 0, "position": 200, "clock": NOON + 99, "rows": [row(110, "b", NOON)]},
            {"task": 0, "position": 201, "clock": NOON + 99, "rows": [row(100, "b", NOON)]},
            {"flush": True},
        ],
    )
    rows = by_delta_rs(table)
    assert sorted(rows["_source_offset"].to_list()) == sorted([*range(0, 120, 10), 110])
