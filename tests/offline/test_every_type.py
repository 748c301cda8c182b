"""Every type that a table and a training set can hold, as other engines read it at their defaults."""

import duckdb
import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.offline import kinds


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    kinds.write_table(folder)
    kinds.write_training_set(folder)
    return folder


@pytest.fixture
def table(folder) -> str:
    return str(folder / kinds.TABLE)


@pytest.fixture
def training_set(folder) -> str:
    return str(folder / kinds.TRAINING_SET)


def check_table(read: pa.Table) -> None:
    """Compares all columns with what was written, bit by bit; the hashes of keys with each other."""
    written = kinds.rows()
    found = read.sort_by("_source_offset").select(written.schema.names)
    assert len(set(found["_key_hash"].to_pylist())) == len(written)
    for column in [name for name in written.schema.names if name != "_key_hash"]:
        assert kinds.exact(found[column]) == kinds.exact(written[column]), column


def check_training_set(read: pa.Table) -> None:
    written = kinds.served()
    found = read.sort_by("key_int64").select([f"kinds.{name}" for name in kinds.FEATURES])
    for feature in kinds.FEATURES:
        assert kinds.exact(found[f"kinds.{feature}"]) == kinds.exact(written[feature]), feature


def test_delta_rs(table, training_set):
    check_table(deltalake.DeltaTable(table).to_pyarrow_table())
    check_training_set(pq.read_table(training_set))


def test_polars(table, training_set):
    check_table(pl.scan_delta(table).collect().to_arrow())
    check_training_set(pl.read_parquet(training_set).to_arrow())


def test_duckdb(table, training_set, delta_in_duckdb):
    check_table(delta_in_duckdb.sql(f"FROM delta_scan('{table}')").to_arrow_table())
    check_training_set(duckdb.sql(f"FROM '{training_set}'").to_arrow_table())


def test_spark(table, training_set, spark):
    check_table(spark.read.format("delta").load(table).toArrow())
    check_training_set(spark.read.parquet(training_set).toArrow())
