"""What training sets are written as: CSV, Delta, partitions, splits; read back by others."""

import collections
import json
import random

import deltalake
import duckdb
import polars as pl
import pyarrow.dataset
import pyarrow.parquet
import pytest
from polars.testing import assert_frame_equal
from tests.offline import kinds, lake
from tests.offline.driver import START, at
from tests.offline.shop import DAY, forebay, make_project, write_spend

COUNTRY = "spend.country_1h"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project with a table, and labels of its keys."""
    folder = tmp_path_factory.mktemp("shop")
    make_project(folder)
    write_spend(folder)
    labels_of(range(2000)).write_parquet(folder / "labels.parquet")
    return folder


def labels_of(numbers) -> pl.DataFrame:
    """Label n is the same in whatever company."""
    rngs = [random.Random(n) for n in numbers]
    return pl.DataFrame(
        {
            "n": list(numbers),
            "user_id": [f"u{rng.randrange(20)}" for rng in rngs],
            "at": [at(START + rng.randrange(4 * DAY)) for rng in rngs],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


def build(folder, out, *arguments, labels="labels.parquet", code=0):
    return forebay(
        folder, "training-set", "--labels", folder / labels, "--time", "at",
        "--features", "spend.*", "--out", out, *arguments, code=code,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(shop):
    build(shop, shop / "whole.parquet")
    return pl.read_parquet(shop / "whole.parquet")


def same_rows(got: pl.DataFrame, want: pl.DataFrame) -> None:
    got = got.with_columns(pl.col("at").dt.convert_time_zone("UTC"))
    assert_frame_equal(got.select(want.columns).sort("n"), want.sort("n"), check_exact=True)


def test_csv_has_the_same_values(shop, whole, tmp_path):
    build(shop, tmp_path / "out.csv")
    got = pl.read_csv(tmp_path / "out.csv", schema_overrides={"at": pl.String})
    got = got.with_columns(pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC"))
    assert_frame_equal(got, whole, check_exact=True)


def test_csv_has_lists_as_json(tmp_path):
    lake.make_project(tmp_path / "lake")
    lake.write_rows(tmp_path / "lake", 0, 300)
    command = lake.training_set_command(tmp_path / "lake", 300)
    forebay(tmp_path / "lake", *command)
    command[-1] = tmp_path / "joined.csv"
    forebay(tmp_path / "lake", *command)
    want = pl.read_parquet(tmp_path / "lake" / "joined.parquet")
    got = duckdb.sql(f"FROM read_csv('{tmp_path}/joined.csv', all_varchar = true)").pl()
    assert got.columns == want.columns
    lists = [None if text is None else json.loads(text) for text in got["kinds.list_int64_lifetime"]]
    assert lists == want["kinds.list_int64_lifetime"].to_list()
    doubles = [None if text is None else float(text.replace("Infinity", "inf")) for text in got["kinds.double_lifetime"]]
    assert kinds.exact(doubles) == kinds.exact(want["kinds.double_lifetime"].to_list())


def test_a_delta_table_is_one_commit_that_others_read(shop, whole, tmp_path, delta_in_duckdb):
    table = tmp_path / "table"
    build(shop, table, "--out-format", "delta", "--split", "train=0.7,test=0.3")
    assert deltalake.DeltaTable(table).version() == 0
    for got in [
        pl.from_arrow(deltalake.DeltaTable(table).to_pyarrow_table()),
        pl.read_delta(str(table)),
        delta_in_duckdb.sql(f"FROM delta_scan('{table}')").pl(),
    ]:
        same_rows(got, whole)
        assert set(got["split"]) == {"train", "test"}


def test_a_delta_table_is_replaced_only_where_that_is_said_and_its_versions_stay(shop, whole, tmp_path):
    table = tmp_path / "table"
    build(shop, table, "--out-format", "delta")
    labels_of(range(5)).write_parquet(shop / "few.parquet")
    done = build(shop, table, "--out-format", "delta", labels="few.parquet", code=1)
    assert f"there is a Delta table at {table} already: --overwrite replaces its rows" in done.stderr
    build(shop, table, "--out-format", "delta", "--partition-by", COUNTRY, "--overwrite", labels="few.parquet")
    same_rows(pl.read_delta(str(table)), whole.filter(pl.col("n") < 5))
    same_rows(pl.read_delta(str(table), version=0), whole)


@pytest.mark.parametrize("arguments, codec", [((), "SNAPPY"), (("--compression", "zstd"), "ZSTD")])
def test_compression_is_what_was_asked_for_and_is_so_again(shop, whole, tmp_path, arguments, codec):
    out, again = tmp_path / "set.parquet", tmp_path / "again.parquet"
    build(shop, out, *arguments)
    columns = pyarrow.parquet.read_metadata(out).row_group(0).to_dict()["columns"]
    assert {column["compression"] for column in columns} == {codec}
    assert_frame_equal(pl.read_parquet(out), whole)
    forebay(shop, "training-set", "--again", f"{out}.manifest.json", "--out", again)
    assert again.read_bytes() == out.read_bytes()


def test_a_registered_set_is_made_again_by_its_name(shop, whole, tmp_path):
    out, again = tmp_path / "set.parquet", tmp_path / "again.parquet"
    assert "registered as may@1" in build(shop, out, "--register", "may").stdout
    assert "registered as may@2" in build(shop, out, "--register", "may").stdout
    forebay(shop, "training-set", "--again", "may@2", "--out", again)
    assert again.read_bytes() == out.read_bytes()
    said = forebay(shop, "training-set", "--again", "mai@2", "--out", again, code=1).stderr
    assert "there is no training set 'mai@2' in the catalog" in said and "did you mean 'may@2'" in said


def test_partitions_are_folders_that_others_read(shop, whole, tmp_path):
    out = tmp_path / "out"
    build(shop, out, "--partition-by", COUNTRY)
    assert {path.name for path in out.iterdir()} == {
        "spend.country_1h=US", "spend.country_1h=CZ%2C%20%22x%22",
        "spend.country_1h=__HIVE_DEFAULT_PARTITION__",
    }  # fmt: skip
    same_rows(pl.read_parquet(out, hive_partitioning=True, hive_schema={COUNTRY: pl.String}), whole)
    same_rows(duckdb.sql(f"FROM read_parquet('{out}/*/*.parquet', hive_partitioning = true)").pl(), whole)
    same_rows(pl.from_arrow(pyarrow.dataset.dataset(out, partitioning="hive").to_table()), whole)
    done = build(shop, out, "--partition-by", COUNTRY, code=1)
    assert f"there is a folder {out} already: --overwrite replaces it" in done.stderr
    build(shop, out, "--partition-by", COUNTRY, "--overwrite", labels="labels.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.manifest.json"]
    (out / "mine.txt").write_text("")
    done = build(shop, out, "--partition-by", COUNTRY, "--overwrite", code=1)
    assert "a folder with something else than partitions by that column" in done.stderr


def splits(folder, out, *arguments, labels="labels.parquet") -> dict[str, pl.DataFrame]:
    build(folder, out / "set.parquet", *arguments, labels=labels)
    return {path.stem.removeprefix("set-"): pl.read_parquet(path) for path in out.glob("set-*.parquet")}


def split_of_keys(parts: dict[str, pl.DataFrame], column="user_id") -> dict:
    found = collections.defaultdict(set)
    for name, part in parts.items():
        for key in part[column]:
            found[key].add(name)
    assert all(len(names) == 1 for names in found.values()), "a key is in two splits"
    return {key: names.pop() for key, names in found.items()}


def test_a_key_is_in_one_split_whatever_the_company(shop, whole, tmp_path):
    shares = ("--split", "train=0.6,valid=0.2,test=0.2")
    parts = splits(shop, tmp_path, *shares)
    same_rows(pl.concat(parts.values()), whole)
    assert all(part["n"].is_sorted() for part in parts.values())
    keys = split_of_keys(parts)
    assert set(keys.values()) == {"train", "valid", "test"}
    labels_of(range(3000)).sample(fraction=1, shuffle=True, seed=1).write_parquet(shop / "more.parquet")
    assert split_of_keys(splits(shop, tmp_path, *shares, labels="more.parquet")) == keys
    assert split_of_keys(splits(shop, tmp_path, *shares, "--split-seed", "7")) != keys


def test_shares_are_of_the_keys(shop, tmp_path):
    parts = splits(shop, tmp_path, "--split", "a=0.25,b=0.75", "--split-by", "n")
    assert set(split_of_keys(parts, "n")) == set(range(2000))
    assert len(parts["a"]) == pytest.approx(500, abs=100)


def test_splits_by_time_begin_where_they_say(shop, whole, tmp_path):
    middle, late = at(START + DAY).date(), at(START + 2 * DAY)
    parts = splits(shop, tmp_path, "--split", f"train,valid={middle},test={late.isoformat()}")
    day = pl.lit(str(middle)).str.to_datetime(time_unit="us", time_zone="UTC")
    same_rows(parts["train"], whole.filter(pl.col("at") < day))
    same_rows(parts["valid"], whole.filter(pl.col("at") >= day, pl.col("at") < late))
    same_rows(parts["test"], whole.filter(pl.col("at") >= late))


def test_an_output_that_fails_leaves_what_was_there(shop, tmp_path):
    labels = labels_of(range(10)).with_columns(
        place=pl.when(pl.col("n") == 9).then(pl.lit("")).otherwise(pl.lit("x"))
    )
    labels.head(9).write_parquet(shop / "good.parquet")
    labels.write_parquet(shop / "bad.parquet")
    for out, form in [("folder", "parquet"), ("table", "delta")]:
        asked = (tmp_path / out, "--out-format", form, "--partition-by", "place", "--overwrite")
        build(shop, *asked, labels="good.parquet")
        before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*.*"))
        done = build(shop, *asked, labels="bad.parquet", code=2)
        assert "--partition-by place: it is the empty text in some row" in done.stderr
        assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*.*")) == before


WRONG = [
    (("--split", "train=0.8,test=0.3"), "the shares make 1.1"),
    (("--split", "train=0.8"), "2 to 255 splits are possible"),
    (("--split", "train,test=soon"), "'soon'"),
    (("--split", "train,a=2026-02-01,b=2026-01-01"), "'2026-01-01' is not after the time before it"),
    (("--split", "a=0.5,a=0.5"), "there are two splits 'a'"),
    (("--split", "a=0.5,b=0.5", "--split-by", "usr_id"), "no column 'usr_id': did you mean 'user_id'"),
    (("--partition-by", "at"), "the column is timestamp"),
    (("--partition-by", "countri"), "there is no such column"),
    (("--out-format", "xml"), "--out-format"),
]


@pytest.mark.parametrize("arguments, message", WRONG)
def test_what_cannot_be_is_said_and_nothing_written(shop, tmp_path, arguments, message):
    done = build(shop, tmp_path / "out.parquet", *arguments, code=2)
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_types_that_a_format_lacks_are_refused(shop, tmp_path):
    labels = labels_of(range(3)).with_columns(
        small=pl.col("n").cast(pl.UInt8), name=pl.col("user_id").cast(pl.Categorical),
        fine=(pl.col("n") + 1).cast(pl.Datetime("ns")), pair=pl.struct("n"),
    )  # fmt: skip
    labels.write_parquet(shop / "typed.parquet")
    for out, form in [("t.csv", "csv"), ("t", "delta")]:
        done = build(shop, tmp_path / out, "--out-format", form, labels="typed.parquet", code=2)
        assert "column 'fine' of the labels is timestamp[ns], which" in done.stderr
        assert "times between two microseconds" in done.stderr
    labels.drop("fine").write_parquet(shop / "typed.parquet")
    done = build(shop, tmp_path / "t", "--out-format", "delta", labels="typed.parquet", code=2)
    assert "column 'pair' of the labels is struct" in done.stderr
    labels.drop("fine", "pair").write_parquet(shop / "typed.parquet")
    build(shop, tmp_path / "t", "--out-format", "delta", labels="typed.parquet")
    got = pl.read_delta(str(tmp_path / "t"))
    assert got.select("small", "name").rows() == [(n, labels["user_id"][n]) for n in range(3)]
