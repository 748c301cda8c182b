"""`forebay iceberg`: the same rows for PyIceberg and DuckDB's iceberg_scan as for delta-rs."""

import datetime
import json
import pathlib
import random
import re

import deltalake
import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.expressions import And, EqualTo, IsNull
from pyiceberg.table import StaticTable
from tests.offline import kinds
from tests.offline.driver import run, write
from tests.offline.shop import commit, forebay, make_project, spend_rows, write_spend

TABLE = pathlib.Path("warehouse", "offline", "spend", "v1")
YEAR_1960 = -315_619_200_000_000
EXPORTED = re.compile(
    r"spend@1: version (\d+) (is now|was exported before, as) snapshot (\d+) \((\w+)\), "
    r"(\d+) files?, (\d+) rows?.*\n  (file:///.*\.metadata\.json)\n"
)


def export(folder: pathlib.Path) -> dict:
    done = EXPORTED.fullmatch(forebay(folder, "iceberg", "spend").stdout)
    version, how, snapshot, operation, files, rows, metadata = done.groups()
    return {
        "version": int(version),
        "new": how == "is now",
        "snapshot": int(snapshot),
        "operation": operation,
        "files": int(files),
        "rows": int(rows),
        "metadata": metadata,
    }


def ordered(rows: pa.Table) -> list:
    """The rows, in an order of their own, column by column in forms that only equal bits have."""
    names = sorted(rows.column_names)
    columns = [kinds.exact(rows.column(name).combine_chunks()) for name in names]
    return [names, *sorted(zip(*columns), key=str)]


def by_delta_rs(table: pathlib.Path, version: int | None = None) -> list:
    return ordered(deltalake.DeltaTable(str(table), version=version).to_pyarrow_table())


def by_pyiceberg(metadata: str, snapshot: int | None = None) -> list:
    return ordered(StaticTable.from_metadata(metadata).scan(snapshot_id=snapshot).to_arrow())


def by_duckdb(connection, table: pathlib.Path, snapshot: int | None = None) -> list:
    travel = f", snapshot_from_id={snapshot}" if snapshot else ""
    return ordered(connection.sql(f"FROM iceberg_scan('{table}'{travel})").to_arrow_table())


def assert_same_rows(folder: pathlib.Path, connection, done: dict) -> None:
    want = by_delta_rs(folder / TABLE)
    assert by_pyiceberg(done["metadata"]) == want
    assert by_duckdb(connection, folder / TABLE) == want
    assert done["rows"] == len(want) - 1


def field_ids(metadata: str) -> dict[str, int]:
    return {field.name: field.field_id for field in StaticTable.from_metadata(metadata).schema().fields}


def append_spend(folder: pathlib.Path, seed: int, first: int, start: int) -> None:
    rows = spend_rows(random.Random(seed), first, 50, 9, start)
    write(folder, [commit(folder, rows), {"flush": True}])


def test_appends_a_compaction_and_travel_by_snapshot(tmp_path, iceberg_in_duckdb):
    make_project(tmp_path)
    append_spend(tmp_path, 1, 0, YEAR_1960)
    exports = [export(tmp_path)]
    for i in range(1, 4):
        append_spend(tmp_path, i, 50 * i, YEAR_1960 + i * 86_400_000_000)
        exports.append(export(tmp_path))
        assert_same_rows(tmp_path, iceberg_in_duckdb, exports[-1])
    assert "merged" in forebay(tmp_path, "compact", "spend").stdout
    exports.append(export(tmp_path))
    assert_same_rows(tmp_path, iceberg_in_duckdb, exports[-1])
    assert [done["operation"] for done in exports] == ["append"] * 4 + ["replace"]
    for done in exports:
        want = by_delta_rs(tmp_path / TABLE, done["version"])
        assert by_pyiceberg(exports[-1]["metadata"], done["snapshot"]) == want
        assert by_duckdb(iceberg_in_duckdb, tmp_path / TABLE, done["snapshot"]) == want
    assert export(tmp_path) == exports[-1] | {"new": False}


def test_every_type_with_nulls_and_lists(tmp_path, iceberg_in_duckdb):
    kinds.write_table(tmp_path)
    done = run("iceberg", tmp_path, "offline/kinds/v1")
    assert done.returncode == 0, done.stderr
    want = by_delta_rs(tmp_path / kinds.TABLE)
    assert by_pyiceberg(done.stdout.strip()) == want
    assert by_duckdb(iceberg_in_duckdb, tmp_path / kinds.TABLE) == want


def test_files_without_field_ids_and_without_the_date(tmp_path, iceberg_in_duckdb):
    """As tables of before have them: names lead to the columns, and the date is the partition's."""
    make_project(tmp_path)
    write_spend(tmp_path, commits=2, rows=60)
    rows = deltalake.DeltaTable(str(tmp_path / TABLE)).to_pyarrow_table()
    bare = pa.schema([pa.field(field.name, field.type) for field in rows.schema])
    rows = rows.cast(bare)
    tags = pa.array([[f"t{i}", ""] if i % 3 else None for i in range(len(rows))])
    rows = rows.append_column("tags", tags)
    old = tmp_path / "old"
    make_project(old)
    deltalake.write_deltalake(str(old / TABLE), rows, partition_by=["date"])
    first = export(old)
    assert_same_rows(old, iceberg_in_duckdb, first)
    # A column that came later is null in the files of before; the others keep their ids.
    ids = field_ids(first["metadata"])
    more = rows.slice(0, 5).append_column("later", pa.array([1.5, None, 2.5, 3.5, 4.5]))
    deltalake.write_deltalake(str(old / TABLE), more, mode="append", schema_mode="merge")
    second = export(old)
    assert_same_rows(old, iceberg_in_duckdb, second)
    new_ids = field_ids(second["metadata"])
    assert new_ids == ids | {"later": new_ids["later"]}
    assert by_pyiceberg(second["metadata"], first["snapshot"]) == by_delta_rs(old / TABLE, 0)


def test_a_column_that_was_added(tmp_path, iceberg_in_duckdb):
    make_project(tmp_path)
    write_spend(tmp_path, commits=2, rows=60)
    delta = deltalake.DeltaTable(str(tmp_path / TABLE))
    delta.alter.add_columns([deltalake.Field("later", deltalake.schema.PrimitiveType("double"))])
    empty = export(tmp_path)
    assert_same_rows(tmp_path, iceberg_in_duckdb, empty)
    rows = delta.to_pyarrow_table().slice(0, 5)
    rows = rows.set_column(rows.column_names.index("later"), "later", pa.array([1.5, 2, None, 3, 4]))
    deltalake.write_deltalake(delta, rows, mode="append")
    assert_same_rows(tmp_path, iceberg_in_duckdb, export(tmp_path))


def test_filters_find_all_rows(tmp_path, iceberg_in_duckdb):
    """Readers skip files by partition values and null counts: none may hide rows."""
    make_project(tmp_path)
    write_spend(tmp_path, commits=4, rows=200)
    table = StaticTable.from_metadata(export(tmp_path)["metadata"])
    want = pl.scan_delta(str(tmp_path / TABLE)).collect()
    for date in want["date"].unique():
        rows = table.scan(And(EqualTo("date", date), IsNull("country_1h"))).to_arrow()
        filtered = want.filter(pl.col("date") == date, pl.col("country_1h").is_null())
        assert rows.num_rows == len(filtered) > 0
        files = list(table.scan(EqualTo("date", date)).plan_files())
        assert all(f"date={date}/" in task.file.file_path for task in files)
        sql = f"FROM iceberg_scan('{tmp_path / TABLE}') WHERE date = '{date}' AND country_1h IS NULL"
        assert len(iceberg_in_duckdb.sql(sql).fetchall()) == len(filtered)
    before = datetime.date(1970, 1, 1)
    assert table.scan(EqualTo("date", before)).to_arrow().num_rows == 0


def test_delta_stays_as_it_is(tmp_path):
    make_project(tmp_path)
    write_spend(tmp_path, commits=2, rows=20)
    log = {file.name: file.read_bytes() for file in (tmp_path / TABLE / "_delta_log").iterdir()}
    done = export(tmp_path)
    assert log == {file.name: file.read_bytes() for file in (tmp_path / TABLE / "_delta_log").iterdir()}
    metadata = json.loads(pathlib.Path(done["metadata"].removeprefix("file://")).read_text())
    assert metadata["properties"]["gc.enabled"] == "false"
    assert (tmp_path / TABLE / "metadata" / "version-hint.text").read_text() == "1"
    forebay(tmp_path, "vacuum", "spend", "--retention", "0")
    assert by_pyiceberg(done["metadata"]) == by_delta_rs(tmp_path / TABLE)


def test_versions_that_a_vacuum_took_are_taken_out(tmp_path):
    make_project(tmp_path)
    write_spend(tmp_path, commits=2, rows=20)
    export(tmp_path)
    forebay(tmp_path, "compact", "spend")
    kept = export(tmp_path)
    forebay(tmp_path, "vacuum", "spend", "--retention", "0")
    done = forebay(tmp_path, "iceberg", "spend")
    assert "1 snapshot taken out, whose files are gone" in done.stdout
    again = export(tmp_path)
    snapshots = StaticTable.from_metadata(again["metadata"]).snapshots()
    assert [one.snapshot_id for one in snapshots] == [kept["snapshot"]]
    assert by_pyiceberg(again["metadata"]) == by_delta_rs(tmp_path / TABLE)


def test_what_cannot_be_exported(tmp_path):
    make_project(tmp_path)
    assert "there is no offline table yet" in forebay(tmp_path, "iceberg", "spend").stdout
    assert "did you mean" in forebay(tmp_path, "iceberg", "spent", code=1).stderr
    rows = pa.table({"a": [1]})
    deltalake.write_deltalake(str(tmp_path / TABLE), rows)
    assert "is not partitioned by `date`" in forebay(tmp_path, "iceberg", "spend", code=1).stderr


@pytest.mark.parametrize("file", ["manifest", "list"])
def test_avro_files_have_the_ids_of_the_specification(tmp_path, file):
    """PyIceberg looks fields up by id; here is what it finds."""
    make_project(tmp_path)
    write_spend(tmp_path, commits=2, rows=20)
    table = StaticTable.from_metadata(export(tmp_path)["metadata"])
    [manifest] = table.current_snapshot().manifests(table.io)
    if file == "list":
        assert (manifest.added_files_count, manifest.existing_files_count) == (2, 0)
        assert (manifest.added_rows_count, manifest.sequence_number) == (40, 1)
        return
    for entry in manifest.fetch_manifest_entry(table.io):
        data = entry.data_file
        path = pathlib.Path(data.file_path.removeprefix("file://"))
        assert data.file_size_in_bytes == path.stat().st_size
        assert data.record_count == len(pl.read_parquet(path))
        columns = {field.field_id: field.name for field in table.schema().fields}
        nulls = pl.read_parquet(path).null_count().row(0, named=True)
        counts = {columns[field_id]: count for field_id, count in data.null_value_counts.items()}
        assert counts == {name: nulls[name] for name in counts} and "country_1h" in counts
