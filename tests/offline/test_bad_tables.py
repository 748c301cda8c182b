"""Tables that are damaged, or on a bad disk, or that others commit to: what the commands say of it."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import deltalake
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest
from tests.offline import lake
from tests.offline.driver import BUILD, run
from tests.offline.shop import forebay
from tests.offline.test_refused_tables import HISTORY, files, refused, refused_flush

ROWS = 110


@pytest.fixture
def project(tmp_path):
    """Eleven flushes: a checkpoint, and a commit after it."""
    lake.make_project(tmp_path)
    lake.write_rows(tmp_path, 0, ROWS, commits=11)
    return tmp_path


def log(folder: pathlib.Path) -> pathlib.Path:
    return folder / lake.TABLE / "_delta_log"


def commit_file(folder: pathlib.Path, version: int) -> pathlib.Path:
    return log(folder) / f"{version:020}.json"


def data_files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted((folder / lake.TABLE).glob("date=*/*.parquet"))


def readers(folder: pathlib.Path) -> list[list]:
    key = lake.key_of(0)
    history = ["history", "kinds", key["key_string"], str(key["key_int64"]), "1970-01-01T00:00:00Z"]
    return [history, lake.training_set_command(folder, ROWS)]


# ---- damage ----


def test_a_data_file_that_is_missing(project):
    lost = data_files(project)[0]
    lost.unlink()
    for command in [*readers(project), ["compact"]]:
        said = refused(project, *command)
        assert str(lost) in said and "missing" in said and "from a copy" in said, said


def test_a_cold_location_that_is_away(tmp_path):
    """What needs it says so; rows go on being written, merged and counted, and it may come back."""
    lake.make_project(tmp_path, f"offline: {{cold: {tmp_path / 'cold'}}}\n")
    lake.write_rows(tmp_path, 0, ROWS)
    forebay(tmp_path, "tier", "--older-than", "1d")
    (tmp_path / "cold").rename(tmp_path / "away")
    for command in readers(tmp_path):
        said = refused(tmp_path, *command)
        assert "it is missing; see that the cold location is there, or" in said, said
    lake.write_rows(tmp_path, ROWS, ROWS, commits=2)
    forebay(tmp_path, "compact")
    assert json.loads(forebay(tmp_path, "tables", "--format", "json").stdout)["rows"] == 2 * ROWS
    said = refused(tmp_path, "tier", "--older-than", "1d")
    assert f"{tmp_path / 'cold'}" in said and "is not there: mount it, or put it back" in said, said
    forebay(tmp_path, "vacuum", "--retention", "0")
    (tmp_path / "away").rename(tmp_path / "cold")
    lake.check(tmp_path, 2 * ROWS)
    forebay(tmp_path, "tier", "--older-than", "1d")
    lake.check(tmp_path, 2 * ROWS)


@pytest.mark.parametrize("left", [0, 100, -1])
def test_a_data_file_that_was_cut_short(project, left):
    cut = data_files(project)[0]
    cut.write_bytes(cut.read_bytes()[:left])
    for command in [*readers(project), ["compact"]]:
        said = refused(project, *command)
        assert str(cut) in said and "from a copy" in said, said


def test_a_data_file_of_other_rows_than_the_log_says(project):
    """As where a copy mixed up files: compaction notices that rows would be lost."""
    # The last date has one file, which is left alone: the first of each size.
    by_rows = {pq.read_metadata(file).num_rows: file for file in reversed(data_files(project))}
    shutil.copyfile(by_rows[min(by_rows)], by_rows[max(by_rows)])
    said = refused(project, "compact")
    assert "rows, and its log says" in said, said


def test_a_commit_that_is_missing(project):
    commit_file(project, 11).unlink()
    commit_file(project, 10).rename(commit_file(project, 12))
    for command in (HISTORY, ["compact"], ["vacuum"], ["tables"]):
        said = refused(project, *command)
        assert f"{11:020}.json is missing" in said and f"{12:020}.json is there" in said, said
    assert "is missing" in refused_flush(project)


def test_a_checkpoint_that_was_cut_short(project):
    """It is read past while the commits are there, and an error that names it when they are gone."""
    checkpoint = log(project) / f"{10:020}.checkpoint.parquet"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert lake.training_set(project, ROWS) == lake.expected_training_set(ROWS)
    commit_file(project, 3).unlink()
    for command in (HISTORY, ["compact"], ["vacuum"], ["tables"]):
        said = refused(project, *command)
        assert "checkpoint of version 10" in said and "from a copy" in said, said


def test_a_checkpoint_in_parts(project, spark):
    spark.conf.set("spark.databricks.delta.checkpoint.partSize", "5")
    lake.write_rows(project, ROWS, 70, commits=7)
    name = f"delta.`{project / lake.TABLE}`"
    for comment in ("a", "b", "c"):  # versions 19 to 21; Spark makes the checkpoint of 20
        spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES (comment = '{comment}')")
    spark.conf.unset("spark.databricks.delta.checkpoint.partSize")
    assert list(log(project).glob(f"{20:020}.checkpoint.*.*.parquet"))
    lake.check(project, ROWS + 70)
    for version in range(20):
        commit_file(project, version).unlink()
    (log(project) / f"{10:020}.checkpoint.parquet").unlink()
    lake.check(project, ROWS + 70)
    lake.write_rows(project, ROWS + 70, 20, commits=2)
    forebay(project, "compact")
    lake.check(project, ROWS + 90)


# ---- other writers ----


def test_commits_of_others_in_between(project):
    """Rows that are taken out and put back, by commits that say nothing of clocks."""
    table = deltalake.DeltaTable(str(project / lake.TABLE))
    some = table.to_pyarrow_table().filter(pa.compute.field("_source_offset") < 20)
    table.delete("_source_offset < 20")
    lake.write_rows(project, ROWS, 10)
    deltalake.write_deltalake(str(project / lake.TABLE), some, mode="append")
    forebay(project, "compact")
    lake.write_rows(project, ROWS + 10, 10)
    lake.check(project, ROWS + 20)


def test_a_clock_that_was_set_back(project):
    """The last commit is of next year: those after it are later still, and time travel tells them apart."""
    future = time.time_ns() // 1_000_000 + 365 * 86_400_000
    line = {"commitInfo": {"timestamp": future, "operation": "WRITE"}}
    commit_file(project, 12).write_text(json.dumps(line) + "\n")
    os.utime(commit_file(project, 12), (future / 1000, future / 1000))
    lake.write_rows(project, ROWS, 10)
    forebay(project, "compact")
    lake.write_rows(project, ROWS + 10, 10)
    lake.check(project, ROWS + 20)
    forebay(project, "vacuum")
    commits = deltalake.DeltaTable(str(project / lake.TABLE)).history()
    times = [commit["timestamp"] for commit in commits][::-1]
    assert len(times) >= 14 and times == sorted(set(times))
    for version in (5, 12, 13):
        said = forebay(project, "tables", "--as-of", times[version] * 1000, "--format", "json", "kinds")
        assert json.loads(said.stdout)["version"] == version


def test_two_compactions_at_once(project):
    before = deltalake.DeltaTable(str(project / lake.TABLE)).version()
    command = [BUILD / "cli" / "forebay", "compact", "--project", project]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for process in processes:
        said, error = process.communicate()
        assert process.returncode == 0, error
        assert "merged" in said
    assert deltalake.DeltaTable(str(project / lake.TABLE)).version() > before
    lake.check(project, ROWS)
    # Those that came too late removed what they had written.
    named = {file.split("/")[-1] for file in deltalake.DeltaTable(str(project / lake.TABLE)).file_uris()}
    forebay(project, "vacuum", "--retention", "0")
    left = {path.name for path in (project / lake.TABLE).glob("date=*/*.parquet")}
    assert left == named


# ---- bad disks ----


@pytest.fixture
def small_disk(tmp_path):
    """A project on a file system of its own, of a few megabytes; remount(options) changes it."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "forebay-test", folder]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    if os.geteuid() != 0 or not mount("size=16m"):
        pytest.skip("only root mounts file systems")
    lake.make_project(folder / "project")
    lake.write_rows(folder / "project", 0, ROWS, commits=11)
    yield folder / "project", lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", folder], check=True)


def test_a_read_only_folder(small_disk):
    project, remount = small_disk
    outside = project.parent.parent / "joined.parquet"
    training_set = [*lake.training_set_command(project, ROWS)[:-1], outside]
    assert remount("ro")
    for command in (["compact"], ["vacuum", "--retention", "0"]):
        said = refused(project, *command)
        assert "Read-only file system" in said and str(lake.TABLE) in said, said
    for command in (["tables"], HISTORY, training_set):
        forebay(project, *command)
    assert outside.exists()
    assert remount("rw")
    lake.check(project, ROWS)


def test_a_full_disk(small_disk):
    project, remount = small_disk
    fill = project.parent / "fill"
    free = shutil.disk_usage(project).free
    fill.write_bytes(bytes(free - 8192))
    before = files(project)
    said = forebay(project, "compact", code=1).stderr
    assert "No space left on device" in said and str(lake.TABLE) in said, said
    assert files(project) == before
    commands = [lake.commit(project.parent.parent, ROWS, 10), {"flush": True}]
    done = run("write", project, text="".join(json.dumps(command) + "\n" for command in commands))
    assert done.returncode != 0 and "No space left on device" in done.stderr
    fill.unlink()
    lake.write_rows(project, ROWS, 10)
    assert "merged" in forebay(project, "compact").stdout
    lake.check(project, ROWS + 10)
