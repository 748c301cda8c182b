"""--version and --as-of: what was read of a version is read of it again, whatever came after."""

import datetime
import json
import pathlib
import random
import re

import deltalake
import polars as pl
import pyarrow as pa
import pytest
from tests.offline.driver import EPOCH, HOUR, START, change_rows, write
from tests.offline.shop import DAY, VISITS, commit, forebay, make_project, spend_rows, write_spend

FEATURES = "spend.total_1h,spend.country_1h,visits.orders_1h"


def visit_rows(first: int, count: int) -> pa.RecordBatch:
    values = {
        "user_id": pa.array([f"u{i % 5}" for i in range(count)]),
        "shop": pa.array([i % 3 for i in range(count)], pa.int64()),
        "orders_1h": pa.array(range(first, first + count), pa.int64()),
    }
    times = [START + (first + i) * HOUR for i in range(count)]
    rows = change_rows(values, 2, times, times, ["event"] * count)
    column = rows.schema.get_field_index("_source_offset")
    return rows.set_column(
        column, rows.schema.field(column), pa.array(range(first, first + count), pa.int64())
    )


def write_visits(folder: pathlib.Path, first: int) -> None:
    write(folder, [commit(folder, visit_rows(first, 60), VISITS), {"flush": True}])


def training_set(folder: pathlib.Path, name: str, *arguments, features=FEATURES, code=0):
    """What the command printed, and the bytes that it wrote."""
    out = folder / name
    out.unlink(missing_ok=True)
    command = ["training-set", "--labels", folder / "labels.parquet", "--time", "at"]
    done = forebay(folder, *command, "--features", features, "--out", out, *arguments, code=code)
    return done, out.read_bytes() if out.exists() else b""


@pytest.fixture
def project(tmp_path):
    make_project(tmp_path)
    write_spend(tmp_path, commits=3, rows=300, keys=5)
    write_visits(tmp_path, 0)
    rng = random.Random(1)
    labels = pl.DataFrame(
        {
            "user_id": [f"u{rng.randrange(5)}" for _ in range(500)],
            "shop": [rng.randrange(3) for _ in range(500)],
            "at": [EPOCH + datetime.timedelta(microseconds=START + i * HOUR // 4) for i in range(500)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    labels.write_parquet(tmp_path / "labels.parquet")
    return tmp_path


def table(folder: pathlib.Path, view: str = "spend") -> deltalake.DeltaTable:
    return deltalake.DeltaTable(str(folder / "warehouse" / "offline" / view / "v1"))


def time_of(folder: pathlib.Path, version: int, view: str = "spend") -> int:
    """Microseconds, of a commit."""
    commits = {commit["version"]: commit["timestamp"] for commit in table(folder, view).history()}
    return commits[version] * 1000


def test_a_training_set_of_versions_is_the_same_after_more_rows_and_compaction(project):
    done, before = training_set(project, "before.parquet")
    again = re.search(r"the same again.*: (--version \S+)", done.stdout).group(1).split()
    assert again == ["--version", "spend@1=3,visits@1=1"]
    as_of = time_of(project, 1, "visits")  # written last

    write(project, [commit(project, spend_rows(random.Random(9), 9000, 400, 5, START)), {"flush": True}])
    write_visits(project, 60)
    assert table(project).optimize.compact()["numFilesRemoved"] > 0
    assert training_set(project, "newest.parquet")[1] != before
    assert training_set(project, "again.parquet", *again)[1] == before
    assert training_set(project, "of_names.parquet", "--version", "visits=1,spend=3")[1] == before
    assert training_set(project, "as_of.parquet", "--as-of", as_of)[1] == before


def test_of_one_view_a_number_is_enough(project):
    _, whole = training_set(project, "a.parquet", features="spend.*")
    _, third = training_set(project, "b.parquet", "--version", 3, features="spend.*")
    _, second = training_set(project, "c.parquet", "--version", 2, features="spend.*")
    assert whole == third != second


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--version", "3"], 2, "features of several views"),
        (["--version", "spend=3"], 2, "no version for visits@1"),
        (["--version", "spend=3,nothing=1"], 2, "no features of that view are asked for"),
        (["--version", "spend=3,visits"], 2, "'visits' is not view=version"),
        (["--version", "spend=3,visits=x"], 2, "--version x: expected the number"),
        (["--version", "spend=99,visits=1"], 1, "has no version 99: its newest is 3"),
        (["--as-of", "2001-01-01T00:00:00Z"], 1, "the oldest version that can is 0"),
        (["--as-of", "soon"], 2, "--as-of soon: expected a time"),
        (["--exact", "--version", "spend=3,visits=1"], 2, "excludes"),
    ],
)
def test_what_is_wrong_with_a_version(project, arguments, code, message):
    done, written = training_set(project, "out.parquet", *arguments, code=code)
    assert message in done.stderr and not written


def test_a_version_whose_files_a_vacuum_took(project):
    table(project).optimize.compact()  # version 4
    table(project).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    for command in (
        lambda: training_set(project, "o", "--version", 2, features="spend.*", code=1)[0],
        lambda: forebay(project, "history", "spend", "u1", "--version", 2, code=1),
    ):
        message = command().stderr
        assert "version 2 of the Delta table" in message
        assert "the oldest version that can be read is 4" in message
    assert forebay(project, "history", "spend", "u1", "--version", 4).stdout


def test_history_reads_what_another_program_compacted(project):
    def steps(*version):
        done = forebay(project, "history", "spend", "u1", "--format", "json", *version)
        return [json.loads(line) for line in done.stdout.splitlines()]

    before = steps()
    assert len(before) > 100
    table(project).optimize.compact()
    assert steps() == before
    assert steps("--version", 3) == before
    micros = [time_of(project, version) for version in range(1, 4)]
    for version, time in enumerate(micros, start=1):
        assert steps("--as-of", time) == steps("--version", version)
    assert len(steps("--as-of", micros[0])) < len(before)
