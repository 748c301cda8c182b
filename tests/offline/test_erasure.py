"""`forebay erase --tables-only`: a key goes from tables that forebay and other programs wrote, with
their past; all other rows stay, whoever reads them."""

import json
import pathlib
import random

import boto3
import deltalake
import pyarrow.parquet as pq
import pytest
from tests.object_store.s3_server import S3Server
from tests.offline import lake
from tests.offline.driver import write
from tests.offline.shop import SPEND, commit, forebay, make_project, make_state, spend_rows
from tests.offline.test_other_programs import (
    project,  # noqa: F401: a fixture
    rewrite_by_delta_rs,
    rewrite_by_spark,
    z_order_by_delta_rs,
)

ROWS = 240


def erase(folder: pathlib.Path, number: int, *options, code: int = 0):
    return forebay(folder, "erase", "kind", *lake.key_words(number), "--tables-only", *options, code=code)


def verdicts(done) -> dict[str, str]:
    lines = map(json.loads, done.stdout.splitlines())
    return {line["place"]: line["verdict"] for line in lines}


def gone(*numbers: int) -> frozenset[int]:
    return frozenset(row for row in range(ROWS) if row % 10 in numbers)


def check_nowhere(folder: pathlib.Path, number: int) -> None:
    key = lake.key_of(number)["key_string"]
    for path in (folder / lake.TABLE).rglob("*"):
        if not path.is_file():
            continue
        assert key.encode() not in path.read_bytes(), path
        if path.suffix == ".parquet":
            assert key not in repr(pq.read_table(path).to_pylist()), path


@pytest.mark.parametrize("rewrite", [None, rewrite_by_delta_rs, z_order_by_delta_rs])
def test_a_key_is_nowhere_afterwards(project, rewrite, delta_in_duckdb):  # noqa: F811
    def by_duckdb(folder):
        return delta_in_duckdb.sql(f"FROM delta_scan('{folder / lake.TABLE}')").to_arrow_table()

    if rewrite is not None:
        rewrite(project)
    for number in (0, 9, 4):  # the least, the greatest, and one between: as statistics have them
        assert verdicts(erase(project, number, "--check", "--format", "json", code=1))["kinds@1"] == "left"
        done = verdicts(erase(project, number, "--format", "json"))
        assert set(done.values()) <= {"clean", "later", "unseen"}
        check_nowhere(project, number)
    lake.check(project, ROWS, [lake.by_delta_rs, lake.by_polars, by_duckdb], gone=gone(0, 9, 4))
    lake.write_rows(project, ROWS, 60, commits=3)
    forebay(project, "compact")
    lake.check(project, ROWS + 60, gone=gone(0, 9, 4))


@pytest.mark.long
def test_a_key_goes_from_files_of_spark(project, spark):  # noqa: F811
    def by_spark(folder):
        return spark.read.format("delta").load(str(folder / lake.TABLE)).toArrow()

    rewrite_by_spark(project, spark)
    for number in (0, 5):
        erase(project, number)
        check_nowhere(project, number)
    lake.check(project, ROWS, [by_spark], gone=gone(0, 5))


def test_an_older_version_says_that_an_erasure_took_its_files(project):  # noqa: F811
    newest = deltalake.DeltaTable(str(project / lake.TABLE)).version()
    erase(project, 3)
    words = lake.key_words(4)
    refused = forebay(project, "history", "kinds", *words, "--version", newest, code=1).stderr
    assert f"version {newest} of the Delta table" in refused
    assert "was removed by an erasure (forebay erase)" in refused
    assert f"the oldest version that can be read is {newest + 1}" in refused
    # One from before there were rows of the key reads as it did.
    assert lake.steps(project, 4, "--version", 0) == []


def test_an_append_only_table_is_refused_by_name(project):  # noqa: F811
    table = deltalake.DeltaTable(str(project / lake.TABLE))
    table.alter.set_table_properties({"delta.appendOnly": "true"})
    assert "delta.appendOnly is true" in erase(project, 3, code=1).stderr
    lake.check(project, ROWS)


def test_rows_that_no_table_has_yet_are_not_passed_over(tmp_path):
    make_project(tmp_path)
    make_state(tmp_path)
    rows = spend_rows(random.Random(1), 0, 50, 5, 1_700_000_000_000_000)
    write(tmp_path, [commit(tmp_path, rows, SPEND)])
    refused = forebay(tmp_path, "erase", "user", "u1", "--tables-only", code=1).stderr
    assert "nothing was erased" in refused and "run a worker" in refused
    left = verdicts(
        forebay(tmp_path, "erase", "user", "u1", "--tables-only", "--check", "--format", "json", code=1)
    )
    assert left["change logs"] == "left"


def test_without_a_broker_it_says_so(project):  # noqa: F811
    done = forebay(project, "erase", "kind", *lake.key_words(1), code=1)
    assert "localhost:1" in done.stderr
    lake.check(project, ROWS)


def test_in_buckets_cold_files_stay_in_theirs(tmp_path, monkeypatch):
    with S3Server() as server:
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)
        for bucket in ("lake", "cold"):
            server.make_bucket(bucket)
        lake.make_project(tmp_path)
        lake.write_rows(tmp_path, 0, ROWS, commits=4)
        s3 = boto3.client("s3", endpoint_url=server.url)
        for path in (tmp_path / "warehouse").rglob("*"):
            if path.is_file():
                name = f"w/{path.relative_to(tmp_path / 'warehouse')}"
                s3.put_object(Bucket="lake", Key=name, Body=path.read_bytes())
        config = tmp_path / "forebay.yaml"
        config.write_text(config.read_text() + "warehouse: s3://lake/w\noffline: {cold: s3://cold/c}\n")
        forebay(tmp_path, "tier", "--older-than", "1d")

        def files(bucket: str) -> dict[str, bytes]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
            return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

        moved = files("cold")
        assert moved
        assert "rows erased" in erase(tmp_path, 3).stderr
        key = lake.key_of(3)["key_string"].encode()
        assert any(key in data for data in moved.values())
        left = files("lake") | files("cold")
        assert not [path for path, data in left.items() if key in data]
        assert len(files("cold")) == len(moved) and not moved.keys() & left.keys()
        served = lake.rows(0, ROWS)["int64_lifetime"].to_pylist()
        for number in (3, 4):
            wanted = [] if number == 3 else served[number::10]
            assert [step["int64_lifetime"] for step in lake.steps(tmp_path, number)] == wanted
