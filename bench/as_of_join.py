"""One as-of join by another engine, from Parquet files to a Parquet file, on two threads:

    python bench/as_of_join.py ENGINE JOB.json

ENGINE: duckdb, polars, or floor, which only reads the needed columns (pyarrow). The job:
{"labels": file, "key": column, "label_time": column, "out": file,
 "tables": [{"files": [...], "time": column, "features": [columns]}, ...]}: for each label and table the
features of the row of its key with the greatest time not after the label's; nulls where there is none.
"""

from __future__ import annotations

import json
import pathlib
import sys

THREADS = 2
ROW_GROUP = 128 * 1024
COMPRESSION = "snappy"  # as forebay writes


def duckdb(job: dict) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads={THREADS}; SET preserve_insertion_order=false; SET timezone='UTC'")
    connection.execute(f"SET temp_directory='{job['out']}.tmp'")
    key, columns, joins = job["key"], ["l.*"], ""
    for i, table in enumerate(job["tables"]):
        columns += [f'f{i}."{name}"' for name in table["features"]]
        joins += f" ASOF LEFT JOIN read_parquet({table['files']}) f{i}"
        joins += f" ON l.{key} = f{i}.{key} AND l.{job['label_time']} >= f{i}.{table['time']}"
    connection.execute(
        f"COPY (SELECT {', '.join(columns)} FROM read_parquet('{job['labels']}') l{joins}) "
        f"TO '{job['out']}' (FORMAT parquet, COMPRESSION {COMPRESSION}, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def polars(job: dict) -> None:
    import polars as pl

    labels = pl.scan_parquet(job["labels"]).sort(job["label_time"])
    for table in job["tables"]:
        needed = [job["key"], table["time"], *table["features"]]
        rows = pl.scan_parquet(table["files"]).select(needed).sort(table["time"])
        labels = labels.join_asof(
            rows,
            left_on=job["label_time"],
            right_on=table["time"],
            by=job["key"],
            strategy="backward",
            check_sortedness=False,
        ).drop(table["time"], strict=False)
    labels.sink_parquet(job["out"], compression=COMPRESSION, row_group_size=ROW_GROUP)


def floor(job: dict) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.set_cpu_count(THREADS)
    for table in job["tables"]:
        for file in table["files"]:
            columns = [job["key"], table["time"], *table["features"]]
            pyarrow.parquet.read_table(file, columns=columns, partitioning=None)
    pyarrow.parquet.read_table(job["labels"])


ENGINES = {"duckdb": duckdb, "polars": polars, "floor": floor}

if __name__ == "__main__":
    ENGINES[sys.argv[1]](json.loads(pathlib.Path(sys.argv[2]).read_text()))
