"""Tables that other programs compact, clean up and commit to, and that forebay then goes on with."""

import json

import deltalake
import pyarrow.parquet as pq
import pytest
from tests.offline import lake
from tests.offline.shop import forebay

ROWS = 240  # five dates


@pytest.fixture
def project(tmp_path):
    """Twelve flushes, so that there is a checkpoint; half of the dates are compacted."""
    lake.make_project(tmp_path)
    lake.write_rows(tmp_path, 0, ROWS // 2, commits=6)
    forebay(tmp_path, "compact")
    lake.write_rows(tmp_path, ROWS // 2, ROWS // 2, commits=6)
    return tmp_path


def table(folder) -> deltalake.DeltaTable:
    return deltalake.DeltaTable(str(folder / lake.TABLE))


def rewrite_by_delta_rs(folder) -> None:
    table(folder).optimize.compact()
    table(folder).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    table(folder).create_checkpoint()


def z_order_by_delta_rs(folder) -> None:
    table(folder).optimize.z_order(["key_string", "_effective_time"])
    table(folder).create_checkpoint()
    table(folder).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


def rewrite_by_spark(folder, spark) -> None:
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    spark.sql(f"OPTIMIZE delta.`{folder / lake.TABLE}`")
    spark.sql(f"VACUUM delta.`{folder / lake.TABLE}` RETAIN 0 HOURS")


def go_on(folder, *readers) -> None:
    """Writes, compacts, cleans up and reads, as if nothing had happened."""
    lake.check(folder, ROWS, readers)
    lake.write_rows(folder, ROWS, 60, commits=3)
    assert "merged" in forebay(folder, "compact").stdout
    lake.check(folder, ROWS + 60, readers)
    forebay(folder, "vacuum", "--retention", "0")
    lake.check(folder, ROWS + 60, readers)
    [facts] = map(json.loads, forebay(folder, "tables", "--format", "json").stdout.splitlines())
    assert facts["rows"] == ROWS + 60


@pytest.mark.parametrize("rewrite", [rewrite_by_delta_rs, z_order_by_delta_rs])
def test_forebay_goes_on_after_delta_rs(project, rewrite):
    rewrite(project)
    go_on(project, lake.by_delta_rs, lake.by_polars)


def test_forebay_goes_on_after_spark(project, spark):
    """Whose timestamps are INT96, which delta-rs and Polars take for nanoseconds: up to 2262."""

    def by_spark(folder):
        return spark.read.format("delta").load(str(folder / lake.TABLE)).toArrow()

    rewrite_by_spark(project, spark)
    written = [pq.read_metadata(file) for file in (project / lake.TABLE).glob("date=*/*.parquet")]
    time = written[0].schema.names.index("_effective_time")
    assert "INT96" in [file.schema.column(time).physical_type for file in written]
    go_on(project, by_spark)
    rewrite_by_spark(project, spark)
    lake.check(project, ROWS + 60, [by_spark])
