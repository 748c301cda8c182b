"""Tables that forebay does not read or write: it says why, exits with 1 and leaves them as they are."""

import json
import pathlib
import time

import pytest
from tests.offline import lake
from tests.offline.driver import run
from tests.offline.shop import forebay

ROWS = 60
HISTORY = ["history", "kinds", "a", "0", "1970-01-01T00:00:00Z"]


@pytest.fixture
def project(tmp_path):
    lake.make_project(tmp_path)
    lake.write_rows(tmp_path, 0, ROWS, commits=3)
    return tmp_path


def files(folder: pathlib.Path) -> dict[str, bytes]:
    """Those of the table, but for forebay's own notes, such as leases."""
    table = folder / lake.TABLE
    return {
        str(path.relative_to(table)): path.read_bytes()
        for path in table.rglob("*")
        if path.is_file() and "_forebay" not in path.parts
    }


def refused(folder: pathlib.Path, *command) -> str:
    """What the command said."""
    before = files(folder)
    said = forebay(folder, *command, code=1).stderr
    assert files(folder) == before
    return said


def refused_flush(folder: pathlib.Path) -> str:
    before = files(folder)
    commands = [lake.commit(folder, ROWS, 10), {"flush": True}]
    done = run("write", folder, text="".join(json.dumps(command) + "\n" for command in commands))
    assert done.returncode != 0
    assert files(folder) == before
    return done.stderr


def check_all_refuse(folder: pathlib.Path, feature: str) -> None:
    training_set = lake.training_set_command(folder, ROWS)
    for command in (HISTORY, training_set, ["compact"], ["vacuum"], ["tables"]):
        said = refused(folder, *command)
        assert feature in said and str(lake.TABLE) in said, f"{command[0]}: {said}"
    assert not (folder / "joined.parquet").exists()
    said = refused_flush(folder)
    assert feature in said and str(lake.TABLE) in said, said


def set_properties(spark, folder: pathlib.Path, properties: str) -> None:
    spark.sql(f"ALTER TABLE delta.`{folder / lake.TABLE}` SET TBLPROPERTIES ({properties})")


def test_deletion_vectors(project, spark):
    set_properties(spark, project, "delta.enableDeletionVectors = true")
    spark.sql(f"DELETE FROM delta.`{project / lake.TABLE}` WHERE _source_offset % 2 = 0")
    check_all_refuse(project, "deletionVectors")


@pytest.mark.parametrize("versions", ["", ", delta.minReaderVersion = 2, delta.minWriterVersion = 5"])
def test_column_mapping(project, spark, versions):
    set_properties(spark, project, "delta.columnMapping.mode = 'name'" + versions)
    check_all_refuse(project, "column mapping")


def test_checkpoints_of_version_2(project, spark):
    set_properties(spark, project, "delta.checkpointPolicy = 'v2'")
    check_all_refuse(project, "v2Checkpoint")


def test_invariants_of_columns_which_writers_have_to_check(project):
    log = project / lake.TABLE / "_delta_log"
    actions = [json.loads(line) for line in (log / f"{0:020}.json").read_text().splitlines()]
    metadata = next(action["metaData"] for action in actions if "metaData" in action)
    schema = json.loads(metadata["schemaString"])
    schema["fields"][0]["metadata"]["delta.invariants"] = '{"expression": {"expression": "true"}}'
    metadata["schemaString"] = json.dumps(schema)
    info = {"commitInfo": {"timestamp": time.time_ns() // 1_000_000, "operation": "SET"}}
    version = len(list(log.glob("*.json")))
    lines = [json.dumps(info), json.dumps({"metaData": metadata})]
    (log / f"{version:020}.json").write_text("\n".join(lines) + "\n")
    lake.check(project, ROWS)
    vacuum = ["vacuum", "--retention", "0"]
    for said in (refused_flush(project), refused(project, "compact"), refused(project, *vacuum)):
        assert "delta.invariants" in said and str(lake.TABLE) in said


def test_what_needs_a_newer_writer_alone_is_read(project, spark):
    set_properties(spark, project, "delta.enableRowTracking = true")
    lake.check(project, ROWS)
    vacuum = ["vacuum", "--retention", "0"]
    for said in (refused_flush(project), refused(project, "compact"), refused(project, *vacuum)):
        assert "rowTracking" in said and str(lake.TABLE) in said
