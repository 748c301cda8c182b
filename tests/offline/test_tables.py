"""`forebay tables` and `forebay dump FILE`: what is in a table, beside what other engines find there."""

import json
import pathlib

import deltalake
import polars as pl
import pyarrow.parquet as pq
import pytest
from tests.offline.driver import write
from tests.offline.shop import VISITS, commit, forebay, make_project, write_spend
from tests.offline.test_time_travel import visit_rows


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    make_project(folder)
    write_spend(folder, commits=12, rows=200)
    write(folder, [commit(folder, visit_rows(0, 60), VISITS), {"flush": True}])
    return folder


def path_of(folder: pathlib.Path, view: str = "spend") -> pathlib.Path:
    return folder / "warehouse" / "offline" / view / "v1"


def facts(folder: pathlib.Path, *arguments) -> dict[str, dict]:
    lines = forebay(folder, "tables", *arguments, "--format", "json").stdout.splitlines()
    return {line["table"]: line for line in map(json.loads, lines)}


def time(micros: int) -> str:
    return pl.Series([micros]).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S.%6fZ")[0]


def test_says_what_is_in_each_table(project):
    found = facts(project)
    assert list(found) == ["spend@1", "visits@1"]
    for view, name in [("spend", "spend@1"), ("visits", "visits@1")]:
        table = deltalake.DeltaTable(str(path_of(project, view)))
        rows = pl.scan_delta(table).select(pl.col("_effective_time").cast(pl.Int64)).collect()
        files = list(path_of(project, view).glob("date=*/*.parquet"))
        assert found[name] | {"table": view} == {
            "table": view,
            "rows": len(rows),
            "files": len(files),
            "bytes": sum(file.stat().st_size for file in files),
            "small_files": len(files),
            "version": table.version(),
            "oldest_version": 0,
            "newest_version": table.version(),
            "first_time": time(rows["_effective_time"].min()),
            "last_time": time(rows["_effective_time"].max()),
            "complete_before": time(rows["_effective_time"].max()),
            "stage_1": 1,
            "stage_2": 0,
            "cold": 0,
        }


def test_of_a_version_or_a_time(project):
    third = facts(project, "spend", "--version", 3)["spend@1"]
    assert (third["rows"], third["version"], third["newest_version"]) == (600, 3, 12)
    commits = deltalake.DeltaTable(str(path_of(project))).history()
    [written] = [one["timestamp"] for one in commits if one["version"] == 3]
    assert facts(project, "spend@1", "--as-of", written * 1000)["spend@1"] == third


def test_a_table_for_people(project):
    lines = forebay(project, "tables", "visits").stdout.splitlines()
    assert lines[0].split()[:3] == ["table", "rows", "files"]
    assert lines[1].split()[:2] == ["visits@1", "60"]
    assert len(lines) == 2


def test_what_is_not_there(project, tmp_path):
    message = forebay(project, "tables", "spent", code=2).stderr
    assert "there is no table 'spent'" in message and "there are: spend@1, visits@1" in message
    assert "--version is of one table" in forebay(project, "tables", "--version", 1, code=2).stderr
    make_project(tmp_path / "new")
    done = forebay(tmp_path / "new", "tables")
    assert done.stdout == "" and "there is no table in" in done.stderr


def test_a_damaged_table_does_not_hide_the_others(tmp_path):
    make_project(tmp_path)
    write_spend(tmp_path, commits=2, rows=10)
    write(tmp_path, [commit(tmp_path, visit_rows(0, 6), VISITS), {"flush": True}])
    (path_of(tmp_path) / "_delta_log" / f"{1:020}.json").write_text("{")
    done = forebay(tmp_path, "tables", "--format", "json", code=1)
    assert [json.loads(line)["table"] for line in done.stdout.splitlines()] == ["visits@1"]
    assert f"{1:020}.json is damaged" in done.stderr


def test_oldest_version_after_compaction_and_vacuum_by_another_program(tmp_path):
    make_project(tmp_path)
    write_spend(tmp_path, commits=4, rows=50)
    table = deltalake.DeltaTable(str(path_of(tmp_path)))
    table.optimize.compact()
    before = facts(tmp_path)["spend@1"]
    assert (before["oldest_version"], before["version"], before["rows"]) == (0, 5, 200)
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    after = facts(tmp_path)["spend@1"]
    # A vacuum of delta-rs is two versions more.
    newer = {"version": 7, "newest_version": 7, "oldest_version": 5}
    assert after == before | newer


def dump(project, *arguments, code: int = 0) -> list[dict]:
    return [json.loads(line) for line in forebay(project, "dump", *arguments, code=code).stdout.splitlines()]


def test_dumps_a_commit_and_a_checkpoint(project):
    log = path_of(project) / "_delta_log"
    commit_info, transaction, add, *_ = dump(project, log / f"{7:020}.json")
    assert commit_info["commitInfo"]["operation"] == "WRITE"
    assert transaction["txn"]["appId"] == "shop/spend/v1/transactions-0"
    assert 0 < add["add"]["stats"]["numRecords"] <= 200
    of_checkpoint = dump(project, log / f"{10:020}.checkpoint.parquet")
    assert {next(iter(action)) for action in of_checkpoint} == {"protocol", "metaData", "txn", "add"}
    adds = [action["add"] for action in of_checkpoint if "add" in action]
    assert [one for one in adds if one["path"] == add["add"]["path"]] == [
        add["add"] | {"dataChange": False}
    ]


def test_dumps_a_data_file_and_its_footer(project):
    file = min(path_of(project).glob("date=*/*.parquet"))
    rows = pl.read_parquet(file)
    lines = dump(project, file)
    assert [line["_source_offset"] for line in lines] == rows["_source_offset"].to_list()
    assert [line["total_1h"] for line in lines] == rows["total_1h"].to_list()
    of_file, group, *columns = dump(project, file, "--footer")
    assert (of_file["rows"], of_file["row_groups"], group["rows"]) == (len(rows), 1, len(rows))
    metadata = pq.read_metadata(file).row_group(0)
    assert [column["column"] for column in columns] == rows.columns
    hashes = columns[rows.columns.index("_key_hash")]
    bounds = metadata.column(rows.columns.index("_key_hash")).statistics
    assert (hashes["statistics"]["least"], hashes["statistics"]["greatest"]) == (bounds.min, bounds.max)


def test_dumps_a_segment_by_its_path(tmp_path):
    make_project(tmp_path)
    write(tmp_path, [commit(tmp_path, visit_rows(0, 6), VISITS)])
    [segment] = tmp_path.glob("state/*/change_log/*.log")
    of_segment, of_frame, *rows = dump(tmp_path, segment)
    assert of_segment["frames"] == 1 and of_frame["position"] == 5
    assert [row["orders_1h"] for row in rows] == list(range(6))


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("stat", 2, "neither state, change-log or positions"),
        ("nothing.parquet", 1, "No such file"),
        ("forebay.yaml", 2, "has the name of no file of a table or change log"),
        ("cut.json", 1, "is damaged"),
        ("cut.parquet", 1, "is damaged"),
    ],
)
def test_what_cannot_be_dumped(project, name, code, message):
    (project / "cut.json").write_text('{"commitInfo":{"forebay":{"actions":3}}}\n')
    (project / "cut.parquet").write_bytes(b"PAR1" + b"x" * 100)
    path = project / name if "." in name else name
    assert message in forebay(project, "dump", path, code=code).stderr
