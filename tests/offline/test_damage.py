"""Files of a table that rotted or were lost: an error that names them, and no other values."""

import pathlib

import polars as pl
import pyarrow.parquet as pq
import pytest
from tests.offline.driver import START, join, row, run, write

USERS = [f"user-{i}" for i in range(50)]


@pytest.fixture
def table(tmp_path) -> pathlib.Path:
    rows = [row(i, user, START + i, total=1.25 * i, events=i) for i, user in enumerate(USERS)]
    write(tmp_path, [{"position": 49, "clock": START + 100, "rows": rows}, {"flush": True}])
    times = pl.Series([START + 99] * 50).cast(pl.Datetime("us", "UTC"))
    labels = pl.DataFrame({"user_id": USERS, "t": times})
    labels.write_parquet(tmp_path / "labels.parquet")
    return tmp_path


def data_file(folder) -> pathlib.Path:
    [file] = pathlib.Path(folder, "warehouse/offline/spend/v1").glob("date=*/*.parquet")
    return file


def joined(folder) -> pl.DataFrame:
    join(folder, folder / "labels.parquet", "t", "spend.total", folder / "out.parquet")
    return pl.read_parquet(folder / "out.parquet")


def fails(folder) -> str:
    (folder / "out.parquet").unlink(missing_ok=True)
    done = run("join", folder, folder / "labels.parquet", "t", "spend.total", folder / "out.parquet")
    assert done.returncode != 0
    assert not (folder / "out.parquet").exists()
    return done.stderr


def test_every_page_of_a_data_file_has_a_checksum(table):
    chunk = pq.read_metadata(data_file(table)).row_group(0).column(1)
    assert chunk.path_in_schema == "total"
    pq.read_table(data_file(table), page_checksum_verification=True)
    whole, expected = data_file(table).read_bytes(), joined(table)
    assert expected["spend.total"].to_list() == [1.25 * i for i in range(50)]
    # From the middle of the chunk on: values, compressed, of the column that is asked for.
    end = chunk.data_page_offset + chunk.total_compressed_size
    for place in range(end - 24, end):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        data_file(table).write_bytes(damaged)
        said = fails(table)
        assert f"{data_file(table)}: page 0 of column total in row group 0: " in said, said
        assert "put it back from a copy of the table" in said
    data_file(table).write_bytes(whole)
    assert joined(table).equals(expected)


def test_a_lost_data_file_is_named(table):
    file = data_file(table)
    file.unlink()
    said = fails(table)
    assert f"cannot use data file {file}: it is missing" in said and "`forebay reset`" in said
