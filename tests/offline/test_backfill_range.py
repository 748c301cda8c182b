"""`forebay backfill VIEW@2 --from --to`: a range of time computed anew, after files were corrected."""

import datetime
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess

import deltalake
import polars as pl
import pytest
from tests.offline.driver import BUILD
from tests.offline.test_backfill import START, backfill, orders

FOREBAY = BUILD / "cli" / "forebay"
DAYS = 10
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
CORRECTED = 4  # the day
FROM = START + 4 * DAY + 6 * HOUR  # in the middle of it
TO = START + 6 * DAY + 9 * HOUR
SOURCE = """\
sources:
  - name: orders
    key: [user_id]
    schema: {user_id: string, shop: int64, amount: double, at: timestamp_ms}
    event_time: at
    known_time: event_time
    batch: {path: history, partitions: 3}
entities:
  - {name: user, keys: {user_id: string}}
  - {name: shop, keys: {shop: int64}}
feature_views:
"""
SPEND = """\
  - name: spend
    version: VERSION
    source: orders
    entity: user
    features:
      - {name: total, value: sum(amount), windows: [6h, {tumbling: 1d}]}
      - {name: orders, value: count(*), windows: [6h, {sawtooth: 12h, hop: 2h}]}
"""
VISITS = """\
  - name: visits
    version: VERSION
    source: orders
    entity: shop
    emit: {every: 1h}
    features: [{name: visits, value: count(*), windows: [1d, lifetime]}]
"""


def history() -> pl.DataFrame:
    """Of 40 users, some of whom have ordered for the last time long ago."""
    count = DAYS * 24 * 12
    frame = pl.from_arrow(orders(count)).with_columns(
        pl.Series("at", [START + i * DAY * DAYS / count for i in range(count)]),
        pl.col("shop").cast(pl.Int64),
    )
    leaves = pl.col("user_id").str.slice(1).cast(pl.Int64) % DAYS + 1
    return frame.filter((pl.col("at") - START).dt.total_days() < leaves)


def corrected(events: pl.DataFrame) -> pl.DataFrame:
    """Some amounts of one day are others, and some orders were none."""
    of_day = (pl.col("at") - START).dt.total_days() == CORRECTED
    return events.filter(~(of_day & (pl.col("amount") > 80))).with_columns(
        pl.when(of_day).then(pl.col("amount") + 1000).otherwise(pl.col("amount")).alias("amount")
    )


def write_days(folder: pathlib.Path, events: pl.DataFrame) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for day in range(DAYS):
        of_day = events.filter((pl.col("at") - START).dt.total_days() == day)
        of_day.write_parquet(folder / f"{day:02}.parquet")


def define(folder: pathlib.Path, *versions: int, source: str = SOURCE) -> None:
    (folder / "features").mkdir(parents=True, exist_ok=True)
    (folder / "forebay.yaml").write_text("project: shop\nkafka: {bootstrap.servers: localhost:1}\n")
    views = [view.replace("VERSION", str(version)) for version in versions for view in (SPEND, VISITS)]
    (folder / "features" / "shop.yaml").write_text(source + "".join(views))


def run(folder: pathlib.Path, command: str, *arguments, code: int = 0) -> str:
    done = subprocess.run(
        [FOREBAY, command, "--project", folder, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def of_range(folder: pathlib.Path, *views: str, begin=FROM, end=TO, code: int = 0) -> str:
    return run(folder, "backfill", *views, "--from", begin.isoformat(), "--to", end.isoformat(), code=code)


def place(folder: pathlib.Path, view: str) -> pathlib.Path:
    name, version = view.split("@")
    return folder / "warehouse" / "offline" / name / f"v{version}"


def table(folder: pathlib.Path, view: str) -> pl.DataFrame:
    rows = pl.from_arrow(deltalake.DeltaTable(str(place(folder, view))).to_pyarrow_table())
    return rows.sort(rows.columns[0], "_effective_time")


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def label_times(begin: datetime.datetime, end: datetime.datetime, count: int = 400) -> list[datetime.datetime]:
    """With the first and the last time there is."""
    rng = random.Random(11)
    span = (end - begin) // datetime.timedelta(microseconds=1)
    times = [begin + datetime.timedelta(microseconds=rng.randrange(span)) for _ in range(count)]
    return [begin, end - datetime.timedelta(microseconds=1), *times]


def training_set(folder: pathlib.Path, times: list[datetime.datetime], out: str = "set.parquet") -> str:
    """Of all keys at these times, by version 2. What was said."""
    labels = pl.DataFrame({"ts": times}).join(
        pl.DataFrame({"user_id": [f"u{i}" for i in range(41)], "shop": [i % 10 for i in range(41)]}), how="cross"
    )
    labels.write_parquet(folder / "labels.parquet")
    return run(
        folder, "training-set", "--labels", folder / "labels.parquet", "--time", "ts",
        "--features", "spend@2.*,visits@2.*", "--out", folder / out,
    )  # fmt: skip


@pytest.fixture
def shop(tmp_path: pathlib.Path, monkeypatch) -> pathlib.Path:
    """Version 1 is there as a whole, of files that were then corrected; version 2 is to come."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    folder = tmp_path / "shop"
    define(folder, 1)
    write_days(folder / "history", history())
    backfill(folder)
    define(folder, 1, 2)
    write_days(folder / "history", corrected(history()))
    return folder


@pytest.fixture
def whole(tmp_path: pathlib.Path) -> pathlib.Path:
    """Version 2 of the corrected files as a whole, elsewhere."""
    folder = tmp_path / "whole"
    define(folder, 2)
    write_days(folder / "history", corrected(history()))
    backfill(folder)
    return folder


def test_labels_within_have_what_a_whole_history_gives_them(shop, whole) -> None:
    before = contents(shop / "warehouse"), contents(shop / "state")
    said = of_range(shop, "spend@2", "visits@2")
    assert "spend@2: " in said and "visits@2: " in said and "complete before" not in said
    assert list((shop.parent / "tmp").iterdir()) == []
    now = contents(shop / "warehouse")
    assert {path: now[path] for path in before[0]} == before[0]
    assert contents(shop / "state") == before[1]

    said = training_set(shop, label_times(FROM, TO))
    assert "warning" not in said
    training_set(whole, label_times(FROM, TO))
    assert (shop / "set.parquet").read_bytes() == (whole / "set.parquet").read_bytes()
    rows = pl.read_parquet(shop / "set.parquet")
    assert rows["spend@2.total_6h"].n_unique() > 100 and rows["visits@2.visits_1d"].n_unique() > 10

    # The correction is in it, and the values of version 1 are another matter.
    key = ["user_id", "_effective_time"]
    both = table(shop, "spend@2").join(table(shop, "spend@1"), on=key, suffix="_before")
    assert (both["total_6h"] != both["total_6h_before"]).any()


@pytest.mark.parametrize("view", ["spend@2", "visits@2"])
def test_the_table_has_the_rows_of_the_range_and_those_that_hold_before(shop, whole, view: str) -> None:
    of_range(shop, view)
    everything = table(whole, view)
    key = everything.columns[0]
    holding = everything.filter(pl.col("_effective_time") < FROM).group_by(key).last()
    holding = holding.filter(pl.col("_op") != "delete").select(everything.columns)
    within = everything.filter(pl.col("_effective_time").is_between(FROM, TO, closed="left"))
    expected = pl.concat([holding, within]).sort(key, "_effective_time")
    assert 0 < len(holding) < everything[key].n_unique() or view == "visits@2"
    assert table(shop, view).equals(expected)
    commits = deltalake.DeltaTable(str(place(shop, view))).history()
    assert len(commits) == 1
    complete = set(commits[0]["forebay"]["complete_before"].values())
    assert complete == {round(TO.timestamp() * 1_000_000)}
    configuration = deltalake.DeltaTable(str(place(shop, view))).metadata().configuration
    assert configuration["forebay.range"] == f"{FROM:%Y-%m-%dT%H}:00:00.000000Z/{TO:%Y-%m-%dT%H}:00:00.000000Z"


def test_labels_before_and_after_are_warned_of(shop) -> None:
    of_range(shop, "spend@2", "visits@2")
    said = training_set(shop, [FROM - HOUR, FROM, TO - HOUR, TO, TO + HOUR])
    for view in ("spend@2", "visits@2"):
        assert f"82 of 205 labels (row 124, for example, at {TO:%Y-%m-%dT%H}:00:00.000000Z) are at or after" in said
        assert f"{TO:%Y-%m-%dT%H}:00:00.000000Z, up to when the table of {view} was computed" in said
        assert f"41 of 205 labels (row 1, for example, at {FROM - HOUR:%Y-%m-%dT%H}:00:00.000000Z) are before" in said
        assert f"{FROM:%Y-%m-%dT%H}:00:00.000000Z, from when on the table of {view} was computed" in said
    assert said.count("warning") == 4


def test_a_range_that_ends_behind_the_files_says_up_to_where_it_is_complete(shop, whole) -> None:
    end = START + 20 * DAY
    said = of_range(shop, "spend@2", "visits@2", end=end)
    assert "spend@2: " in said and "complete before 2026-01-10T" in said
    times = label_times(FROM, end, count=100)
    said = training_set(shop, times)
    assert "up to where the table of spend@2 is complete" in said
    training_set(whole, times)
    assert (shop / "set.parquet").read_bytes() == (whole / "set.parquet").read_bytes()


def test_what_is_there_stays(shop) -> None:
    of_range(shop, "spend@2")
    before = contents(shop)
    assert "nothing to do" in of_range(shop, "spend@2")
    said = of_range(shop, "spend@2", begin=FROM + HOUR, code=1)
    assert "holds the range 2026-01-05T06:00:00.000000Z to 2026-01-07T09:00:00.000000Z" in said
    assert "Give the view a new version" in said
    said = of_range(shop, "spend@1", code=1)
    assert "of spend@1 holds all of its history" in said
    assert contents(shop) == before
    run(shop, "reset", "spend@2", "--yes", "--broker", "embedded")
    assert not place(shop, "spend@2").exists()
    of_range(shop, "spend@2", begin=FROM + HOUR)


def test_a_history_does_not_go_into_it(tmp_path: pathlib.Path) -> None:
    define(tmp_path, 2)
    write_days(tmp_path / "history", history())
    of_range(tmp_path, "spend@2")
    before = contents(tmp_path / "warehouse")
    said = run(tmp_path, "backfill", "spend@2", code=1)
    assert "holds the range" in said and "forebay reset spend@2" in said
    tasks = run(tmp_path, "backfill", "spend@2", "--work", tmp_path / "work", "--tasks", "1", "--print")
    subprocess.run([FOREBAY, "task", "-"], input=tasks, check=True, capture_output=True, text=True)
    assert "holds the range" in run(tmp_path, "backfill", "--finish", tmp_path / "work", code=1)
    assert contents(tmp_path / "warehouse") == before


def test_other_commands_take_it_as_any_table(shop) -> None:
    of_range(shop, "spend@2", "visits@2")
    rows = table(shop, "spend@2")
    assert "in sync" in run(shop, "verify")
    assert "spend@2" in run(shop, "tables")
    run(shop, "compact")
    run(shop, "vacuum")
    assert table(shop, "spend@2").equals(rows)
    assert "nothing to do" in of_range(shop, "spend@2")
    user = rows["user_id"][0]
    steps = rows.filter(pl.col("user_id") == user).height
    assert f" {steps} steps;" in run(shop, "history", "spend@2", f"user_id={user}")


def test_steps_are_exported_from_within_alone(shop) -> None:
    of_range(shop, "spend@2")
    export = ["export", "spend@2", "--out", shop / "steps.parquet"]
    run(shop, *export, "--from", FROM.isoformat(), "--to", TO.isoformat())
    within = table(shop, "spend@2").filter(pl.col("_effective_time") >= FROM)
    assert len(pl.read_parquet(shop / "steps.parquet")) == len(within)
    said = run(shop, *export, "--from", START.isoformat(), "--to", TO.isoformat(), code=1)
    assert "was computed for the range" in said


@pytest.mark.parametrize("point", ["backfill.read", "range.files_written", "range.committed"])
def test_killed_at_a_named_point(shop, whole, monkeypatch, point: str) -> None:
    monkeypatch.setenv("FOREBAY_CRASH_AT", point)
    of_range(shop, "spend@2", "visits@2", code=-signal.SIGKILL)
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    is_there = point == "range.committed"
    assert deltalake.DeltaTable.is_deltatable(str(place(shop, "spend@2"))) == is_there
    assert not deltalake.DeltaTable.is_deltatable(str(place(shop, "visits@2")))
    assert ("spend@2: its table has" in of_range(shop, "spend@2", "visits@2")) == is_there
    training_set(shop, label_times(FROM, TO))
    training_set(whole, label_times(FROM, TO))
    assert (shop / "set.parquet").read_bytes() == (whole / "set.parquet").read_bytes()


def test_what_has_no_range_is_refused(tmp_path: pathlib.Path) -> None:
    batch = "batch: {path: history, partitions: 3}"
    topic = "topic: orders\n    "
    for other in (
        topic.rstrip(),
        topic + "batch: {path: history, until: 2026-01-05T00:00:00Z}",
        topic + "batch: {path: history, feed: on}",
    ):
        define(tmp_path, 2, source=SOURCE.replace(batch, other))
        said = of_range(tmp_path, "spend@2", code=2)
        assert "the source orders, whose events are in topic orders" in said
        assert "give the new version a source of its own of files alone" in said
    define(tmp_path, 2)
    definitions = tmp_path / "features" / "shop.yaml"
    entity = "    entity: user\n"
    definitions.write_text(definitions.read_text().replace(entity, entity + "    history: off\n"))
    assert "`history: off`" in of_range(tmp_path, "spend@2", code=2)
    assert not (tmp_path / "warehouse").exists()


def test_wrong_times_and_views_are_refused(tmp_path: pathlib.Path) -> None:
    define(tmp_path, 2)
    begin, end = ["--from", FROM.isoformat()], ["--to", TO.isoformat()]
    for arguments, said in (
        (["spend@2", *begin], "both are needed"),
        (["spend@2", *end], "both are needed"),
        (["spend@2", "--from", TO.isoformat(), "--to", TO.isoformat()], "is not before"),
        (["spend@2", "--from", "2026-01-05T00:00:00", *end], "--from"),
        (["spend@2", "--from", "yesterday", *end], "--from"),
        ([*begin, *end], "name them"),
        (["spend@3", *begin, *end], "no version 3"),
        (["spend@2", *begin, *end, "--work", "work", "--tasks", "2"], "excludes"),
        (["spend@2", *begin, *end, "--finish", "work"], "excludes"),
    ):
        assert said in run(tmp_path, "backfill", *arguments, code=2)


def test_versions_of_a_view_may_have_different_sources(tmp_path: pathlib.Path) -> None:
    """One of a topic, and one of corrected files alone."""
    topic = SOURCE.replace("batch: {path: history, partitions: 3}", "topic: orders")
    files = SOURCE[SOURCE.index("  - name: orders") : SOURCE.index("entities:")]
    files = files.replace("name: orders", "name: corrected_orders")
    define(tmp_path, 1, 2, source=topic.replace("entities:", files + "entities:"))
    definitions = tmp_path / "features" / "shop.yaml"
    of_topic, of_files = definitions.read_text().split("version: 2", 1)
    definitions.write_text(of_topic + "version: 2" + of_files.replace("source: orders", "source: corrected_orders"))
    write_days(tmp_path / "history", history())
    assert "versions of a view may have different sources" in of_range(tmp_path, "spend@1", code=2)
    assert "spend@2: " in of_range(tmp_path, "spend@2")
    assert len(table(tmp_path, "spend@2")) > 0


def slowly(folder: pathlib.Path, tmp: pathlib.Path, end: datetime.datetime) -> subprocess.Popen:
    command = [FOREBAY, "backfill", "spend@2", "--project", folder, "--rate", "500"]
    command += ["--from", START.isoformat(), "--to", end.isoformat()]
    tmp.mkdir()
    return subprocess.Popen(
        command, env=os.environ | {"TMPDIR": str(tmp)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_no_more_is_read_than_completes_the_range(tmp_path: pathlib.Path) -> None:
    define(tmp_path, 2)
    write_days(tmp_path / "history", history())
    end = START + DAY
    said, errors = slowly(tmp_path, tmp_path / "tmp", end).communicate(timeout=60)
    read = int(re.search(r"read (\d+) records of orders.batch", said).group(1))
    assert 288 < read < len(history()) and "complete before" not in said, said + errors
    assert table(tmp_path, "spend@2")["_effective_time"].max() < end


def test_files_that_change_meanwhile_are_refused(tmp_path: pathlib.Path) -> None:
    define(tmp_path, 2, source=SOURCE.replace("partitions: 3", "partitions: 1"))  # none is ahead of others
    write_days(tmp_path / "history", history())
    tmp = tmp_path / "tmp"
    going = slowly(tmp_path, tmp, START + DAY)
    while going.poll() is None and not any(tmp.glob("*/state/orders.batch-*/*")):
        os.sched_yield()
    assert going.poll() is None
    history().head(1).write_parquet(tmp_path / "history" / "99.parquet")
    said = going.communicate(timeout=60)[1]
    assert going.returncode == 1 and "99.parquet" in said, said
    assert not place(tmp_path, "spend@2").exists() and list(tmp.iterdir()) == []
