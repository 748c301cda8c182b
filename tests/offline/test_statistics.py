"""`forebay statistics` and `forebay drift`: days counted as Polars counts them, kept, and compared."""

import base64
import json
import pathlib
import random

import deltalake
import polars as pl
import pyarrow as pa
import pytest
from tests.offline import lake
from tests.offline.driver import START, at, change_rows, write
from tests.offline.shop import DAY, commit, forebay, make_project, spend_rows, write_spend

FEATURES = ["total_1h", "orders_1h", "country_1h"]
SERVICE = """\
feature_services:
  - {name: fraud, features: [spend.total_1h, spend.country_1h]}
  - {name: both, features: [spend.total_1h, visits.orders_1h]}
"""
LEVELS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "shop"
    make_project(folder)
    definitions = folder / "features" / "shop.yaml"
    definitions.write_text(definitions.read_text() + SERVICE)
    write_spend(folder, commits=4, rows=900)
    return folder


def path_of(folder: pathlib.Path, table: str = "offline/spend/v1") -> str:
    return str(folder / "warehouse" / table)


def statistics_of(folder: pathlib.Path) -> pl.DataFrame:
    return pl.read_delta(path_of(folder, "statistics/features"))


def events_of(folder: pathlib.Path) -> pl.DataFrame:
    return pl.read_delta(path_of(folder)).filter(pl.col("_op") == "event")


def days_of(folder: pathlib.Path) -> int:
    return pl.read_delta(path_of(folder))["date"].n_unique()


def more_rows(folder: pathlib.Path, seed: int, first: int, start: int, shift: float = 0) -> None:
    """A day of rows from `start`; with `shift`, of other totals."""
    rows = spend_rows(random.Random(seed), first, 900, 20, start)
    if shift:
        place = rows.schema.get_field_index("total_1h")
        moved = pl.Series(rows.column(place)) + shift
        rows = rows.set_column(place, rows.schema.field(place), moved.to_arrow())
    write(folder, [commit(folder, rows), {"flush": True}])


def rank(values: pl.Series, level: float):
    return values.sort()[int(level * (len(values) - 1))]


def test_days_are_what_polars_counts(project):
    forebay(project, "statistics", "spend")
    events = events_of(project)
    got = statistics_of(project)
    assert len(got) == len(FEATURES) * days_of(project)
    assert set(got["view"]) == {"spend"} and set(got["version"]) == {1}
    for row in got.iter_rows(named=True):
        rows = events.filter(pl.col("date") == row["date"])
        values = rows[row["feature"]].drop_nulls()
        ages = (rows["_effective_time"] - rows["_event_time"]).dt.total_microseconds() / 1e6
        assert row["count"] == len(rows) > 0
        assert row["nulls"] == rows[row["feature"]].null_count()
        assert row["nans"] == 0
        assert row["distinct_values"] == pytest.approx(values.n_unique(), rel=0.05)
        assert (row["age_mean"], row["age_max"]) == (ages.mean(), ages.max())
        counts = dict(zip(row["top_values"] or [], row["top_counts"] or [], strict=True))
        if row["feature"] == "country_1h":
            assert counts == dict(values.value_counts().iter_rows()) and row["top_error"] == 0
            assert row["type"] == "string" and row["mean"] is None and row["quantiles"] is None
            continue
        if row["feature"] == "orders_1h":
            assert counts == {str(value): count for value, count in values.value_counts().iter_rows()}
        assert (row["min"], row["max"]) == (values.min(), values.max())
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert row["stddev"] == pytest.approx(values.std(), rel=1e-12)
        for level, quantile in zip(LEVELS, row["quantiles"], strict=True):
            assert quantile == pytest.approx(rank(values, level), rel=0.0101)
        assert sum(row["histogram_counts"]) == len(values)
        assert (row["histogram_edges"][0], row["histogram_edges"][-1]) == (row["min"], row["max"])
        assert len(row["histogram_edges"]) == len(row["histogram_counts"]) + 1


def test_duckdb_reads_the_table(project, delta_in_duckdb):
    forebay(project, "statistics")
    table = path_of(project, "statistics/features")
    found = delta_in_duckdb.sql(
        f"SELECT feature, sum(count), max(len(quantiles)) FROM delta_scan('{table}') "
        "GROUP BY feature ORDER BY feature"
    ).fetchall()
    events = len(events_of(project))
    assert found == [("country_1h", events, None), ("orders_1h", events, 9), ("total_1h", events, 9)]


def test_what_is_printed_sums_up_the_days(project):
    printed = forebay(project, "statistics", "spend", "--format", "json").stdout.splitlines()
    lines = {line["feature"]: line for line in map(json.loads, printed)}
    assert list(lines) == [f"spend@1.{name}" for name in FEATURES]
    events = events_of(project)
    total = lines["spend@1.total_1h"]
    assert (total["days"], total["count"]) == (days_of(project), len(events))
    assert total["null_rate"] == events["total_1h"].null_count() / len(events)
    assert total["mean"] == pytest.approx(events["total_1h"].mean(), rel=1e-12)
    assert total["p50"] == pytest.approx(rank(events["total_1h"].drop_nulls(), 0.5), rel=0.0101)
    assert total["distinct"] == pytest.approx(events["total_1h"].n_unique(), rel=0.05)
    table = forebay(project, "statistics", "spend").stdout.splitlines()
    assert table[0].split()[:3] == ["feature", "days", "count"] and len(table) == 4


def test_a_day_is_read_again_only_when_its_files_are_others(project):
    days = days_of(project)
    assert f"{days} days of views read, 0 as before" in forebay(project, "statistics").stderr
    before = statistics_of(project)
    # The first day cannot be read any more: nothing may try.
    for file in sorted(pathlib.Path(path_of(project)).glob("date=*"))[0].glob("*.parquet"):
        file.write_bytes(b"damaged")
    done = forebay(project, "statistics")
    assert f"0 days of views read, {days} as before, 0 rows" in done.stderr
    assert statistics_of(project).equals(before)
    last = events_of_last_day(before)
    more_rows(project, 8, 3600, last)
    done = forebay(project, "statistics")
    assert f"1 day of a view read, {days} as before, 900 rows" in done.stderr
    after = statistics_of(project)
    assert after["count"].sum() > before["count"].sum()
    assert after.filter(pl.col("date") <= before["date"].max()).sort("date", "feature").equals(
        before.sort("date", "feature")
    )


def events_of_last_day(statistics: pl.DataFrame) -> int:
    """The first instant of the day after all that there are."""
    day = pl.Series([statistics["date"].max()]).cast(pl.Datetime("us")).dt.epoch("us")[0]
    return day + DAY


def test_days_that_are_gone_have_no_statistics(project):
    forebay(project, "statistics")
    first, *others = sorted(set(statistics_of(project)["date"]))
    deltalake.DeltaTable(path_of(project)).delete(f"date = '{first}'")
    forebay(project, "statistics")
    assert sorted(set(statistics_of(project)["date"])) == others


def test_days_and_views_asked_for(project):
    first, last = pl.read_delta(path_of(project))["date"].unique().sort().to_list()[:2]
    forebay(project, "statistics", "spend", "--from", first, "--to", first)
    assert set(statistics_of(project)["date"]) == {first}
    forebay(project, "statistics", "spend", "--from", last, "--to", last)
    assert set(statistics_of(project)["date"]) == {first, last}
    done = forebay(project, "statistics", "visits")
    assert "visits@1: there is no offline table yet" in done.stderr


def test_every_type_is_counted(tmp_path):
    lake.make_project(tmp_path)
    lake.write_rows(tmp_path, 0, 500)
    forebay(tmp_path, "statistics")
    rows = lake.by_polars(tmp_path)
    events = pl.from_arrow(rows).filter(pl.col("_op") == "event")
    for feature, days in statistics_of(tmp_path).group_by("feature"):
        column = events[feature[0]]
        assert days["count"].sum() == len(events), feature
        assert days["nulls"].sum() == column.null_count(), feature
        if column.dtype == pl.List:
            assert days["max"].max() == column.list.len().max(), feature
            assert days["distinct_values"].is_null().all(), feature
        elif column.dtype == pl.Float64:
            finite = column.filter(column.is_finite())
            assert (days["min"].min(), days["max"].max()) == (finite.min(), finite.max())
            assert days["nans"].sum() == column.is_nan().sum() > 0
        elif column.dtype == pl.Boolean:
            assert set(days["top_values"].explode()) == {"true", "false"}
        elif column.dtype == pl.Binary:
            [most] = [values for values in days["top_values"].to_list()[:1]]
            assert set(map(base64.b64decode, most)) <= set(column.drop_nulls())


# ---- drift ----


def make_set(
    folder: pathlib.Path, *arguments, features="spend.*", out="set.parquet", labels=3000
) -> pathlib.Path:
    """A training set of labels like the table's rows; its manifest."""
    rng = random.Random(5)
    labels = pl.DataFrame(
        {
            "user_id": [f"u{rng.randrange(20)}" for _ in range(labels)],
            "at": [at(START + rng.randrange(2 * DAY)) for _ in range(labels)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    labels.write_parquet(folder / "labels.parquet")
    forebay(folder, "training-set", "--labels", folder / "labels.parquet", "--time", "at",
            "--features", features, "--out", folder / out, *arguments)  # fmt: skip
    return folder / f"{out}.manifest.json"


def drift(folder: pathlib.Path, *arguments, code: int = 0) -> list[dict]:
    done = forebay(folder, "drift", *arguments, "--json", code=code)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_drift_is_seen_where_the_data_moves(project):
    manifest = make_set(project)
    forebay(project, "statistics")
    still = drift(project, "spend", "--against", manifest, "--fail-above", 0.2)
    assert [line["feature"] for line in still] == [
        f"spend@1.{name}"
        for name in sorted(FEATURES, key=lambda name: -next(
            line["psi"] for line in still if line["feature"].endswith(name)))
    ]  # fmt: skip
    assert all(line["psi"] < 0.1 and line["jensen_shannon"] < 0.2 for line in still)
    assert {line["rows"] for line in still} == {len(events_of(project))}
    more_rows(project, 8, 3600, START + 20 * DAY, shift=0.7)
    forebay(project, "statistics")
    moved = drift(project, "spend", "--against", manifest, "--fail-above", 0.2, code=1)
    assert moved[0]["feature"] == "spend@1.total_1h" and moved[0]["psi"] > 1
    # Of uniform numbers: the deviation is sqrt(1/12).
    assert moved[0]["mean_shift"] == pytest.approx(0.7 * 12**0.5, rel=0.1)
    assert all(line["psi"] < 0.1 for line in moved[1:])
    before = drift(project, "spend.total_1h", "--against", manifest, "--to", at(START + 19 * DAY).date())
    assert before == [line for line in still if line["feature"] == "spend@1.total_1h"]


def test_null_rates_are_those_of_the_rows(project):
    manifest = make_set(project)
    forebay(project, "statistics")
    [line] = drift(project, "spend.country_1h", "--against", manifest)
    labels = pl.read_parquet(project / "set.parquet")["spend.country_1h"]
    events = events_of(project)["country_1h"]
    assert line["baseline_null_rate"] == labels.null_count() / len(labels)
    assert line["null_rate"] == events.null_count() / len(events)
    assert line["null_rate_change"] == line["null_rate"] - line["baseline_null_rate"]
    assert (line["baseline_rows"], line["rows"]) == (3000, len(events))
    assert line["mean_shift"] is None


def test_of_a_service_and_as_a_table(project):
    manifest = make_set(project)
    forebay(project, "statistics")
    found = drift(project, "fraud", "--against", manifest)
    assert {line["feature"] for line in found} == {"spend@1.total_1h", "spend@1.country_1h"}
    done = forebay(project, "drift", "both", "--against", manifest)
    assert "not in the set: visits@1.orders_1h" in done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["feature", "spend@1.total_1h"]


def test_all_values_lost_is_drift(project):
    manifest = make_set(project)
    nulls = change_rows(
        {"user_id": pa.array(["u1"] * 10), "total_1h": pa.nulls(10, pa.float64()),
         "orders_1h": pa.array(range(10), pa.int64()), "country_1h": pa.array(["US"] * 10)},
        1, [START + 30 * DAY + i for i in range(10)], [START + 30 * DAY] * 10, ["event"] * 10,
    )  # fmt: skip
    offsets = nulls.schema.get_field_index("_source_offset")
    nulls = nulls.set_column(offsets, nulls.schema.field(offsets), pa.array(range(4000, 4010), pa.int64()))
    write(project, [commit(project, nulls), {"flush": True}])
    forebay(project, "statistics")
    last = statistics_of(project).sort("date").tail(3)
    assert set(last["age_max"]) == {9e-6} and set(last["age_mean"].round(9)) == {4.5e-6}
    [first] = drift(project, "spend.total_1h", "--against", manifest, "--fail-above", 9, code=1)
    assert (first["psi"], first["null_rate"]) == (None, 1)


def test_the_baseline_of_tasks_is_that_of_the_whole(project):
    whole = json.loads(make_set(project).read_text())
    parts = json.loads(make_set(project, "--tasks", 3, out="parts").read_text())
    for one, other in zip(whole["features"], parts["features"], strict=True):
        assert one["statistics"]["count"] == other["statistics"]["count"] == 3000
        assert one["statistics"].get("min") == other["statistics"].get("min")
        assert one["statistics"].get("mean") == pytest.approx(other["statistics"].get("mean"))


def test_of_many_labels_some_are_the_baseline(project):
    said = json.loads(make_set(project, labels=120_000).read_text())
    for feature in said["features"]:
        counted = feature["statistics"]
        assert counted["count"] == 40_000
        assert counted["nulls"] / 40_000 == pytest.approx(feature["null_rate"], abs=0.01)


def test_a_set_made_again_has_the_same_baseline(project):
    manifest = make_set(project)
    again = project / "again.parquet"
    forebay(project, "training-set", "--again", manifest, "--out", again)
    assert again.read_bytes() == (project / "set.parquet").read_bytes()
    one, other = (
        json.loads(path.read_text())["features"]
        for path in (manifest, project / "again.parquet.manifest.json")
    )
    assert one == other
    assert {feature["statistics"]["count"] for feature in other} == {3000}


def test_what_cannot_be_compared_is_said(project):
    manifest = make_set(project, features="spend.total_1h")

    def refused(*arguments, code):
        return forebay(project, "drift", *arguments, code=code).stderr

    message = refused("spend.total_1h", "--against", manifest, code=1)
    assert "no statistics of spend@1.total_1h" in message and "`forebay statistics`" in message
    forebay(project, "statistics")
    message = refused("spend.total_1h", "--against", manifest, "--from", "2040-01-01", code=1)
    assert "`forebay statistics --from 2040-01-01`" in message
    message = refused("spend.orders_1h", "--against", manifest, code=2)
    assert "has no spend@1.orders_1h; it has: spend@1.total_1h" in message
    message = refused("spend.totel_1h", "--against", manifest, code=2)
    assert "total_1h" in message
    assert "cannot open the manifest" in refused("spend", "--against", "nothing.json", code=1)
    assert "--from 'soon'" in refused("spend", "--against", manifest, "--from", "soon", code=2)
    earlier = json.loads(manifest.read_text())
    for feature in earlier["features"]:
        del feature["statistics"]
    manifest.write_text(json.dumps(earlier))
    message = refused("spend", "--against", manifest, code=2)
    assert "no statistics of spend.total_1h" in message and "--again" in message


def test_vacuum_removes_the_files_of_days_that_were_counted_again(project):
    forebay(project, "statistics")
    more_rows(project, 3, 3600, START)
    forebay(project, "statistics")
    table = deltalake.DeltaTable(path_of(project, "statistics/features"))
    kept = {pathlib.Path(file).name for file in table.file_uris()}

    def files():
        return {file.name for file in pathlib.Path(path_of(project, "statistics")).rglob("*.parquet")}

    assert files() > kept, "of days that another file replaced"
    before = statistics_of(project)
    said = forebay(project, "vacuum", "--retention", "0").stdout
    assert "statistics/features: " in said and " removed" in said
    assert files() == kept
    assert statistics_of(project).equals(before)
