"""Other engines that read the tables: Spark, started once, and DuckDB with extensions."""

import contextlib
import os
import pathlib
import shutil

import duckdb
import duckdb_extension_avro
import duckdb_extension_delta
import duckdb_extension_iceberg
import pytest

DELTA_VERSION = "4.4.0"


def delta_jars() -> list[str]:
    """From FOREBAY_SPARK_JARS, else from where `./dev setup` puts them."""
    cache = os.environ.get("FOREBAY_CACHE") or pathlib.Path(
        os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "forebay"
    )
    folder = os.environ.get("FOREBAY_SPARK_JARS") or pathlib.Path(cache, f"delta-spark-{DELTA_VERSION}")
    return sorted(map(str, pathlib.Path(folder).glob("*.jar")))


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """A session of Spark with Delta Lake, on the loopback interface; all about reading as it comes."""
    from pyspark.sql import SparkSession

    jars = delta_jars()
    if not jars or shutil.which("java") is None:
        pytest.skip("no Java, or no jars of Delta Lake for Spark: run ./dev setup")
    settings = {
        "spark.jars": ",".join(jars),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "1",  # else 50 tasks a table
        "spark.sql.shuffle.partitions": "1",  # else 200 tasks a join, of a VACUUM too
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",  # else 10,000 at most
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("spark_warehouse")),
    }
    builder = SparkSession.builder.master("local[1]").appName("forebay")
    session = builder.config(map=settings).getOrCreate()
    yield session
    session.stop()


@contextlib.contextmanager
def duckdb_with(extensions: dict):
    """A connection to DuckDB with extensions, of the packages that carry them."""
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        for name, package in extensions.items():
            folder = pathlib.Path(package.__file__).parent
            connection.execute(f"LOAD '{next(folder.rglob(f'{name}.duckdb_extension'))}'")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@pytest.fixture
def delta_in_duckdb():
    with duckdb_with({"delta": duckdb_extension_delta}) as connection:
        yield connection


@pytest.fixture
def iceberg_in_duckdb():
    with duckdb_with({"avro": duckdb_extension_avro, "iceberg": duckdb_extension_iceberg}) as connection:
        yield connection
