"""Label files as pandas, Polars and spreadsheets write them, and what is wrong in them."""

import csv
import datetime

import polars as pl
import pytest
from tests.offline import kinds
from tests.offline.driver import START, at, join, row, run, small_table, write

NOON = "2023-11-14T22:13:20"  # START, when a has 3 events


def events(folder, labels, *unit) -> list:
    """What the labels' users had at `t`, and what was noted."""
    path = labels
    if isinstance(labels, pl.DataFrame):
        path = folder / "labels.parquet"
        labels.write_parquet(path)
    summary = join(folder, path, "t", "spend.events", folder / "out.parquet", *unit)
    return pl.read_parquet(folder / "out.parquet")["spend.events"].to_list(), summary


def labels_of_a(times, dtype=None) -> pl.DataFrame:
    return pl.DataFrame({"user_id": ["a"] * len(times), "t": pl.Series(times, dtype=dtype)})


def csv_file(folder, text: str):
    (folder / "labels.csv").write_bytes(text.encode())
    return folder / "labels.csv"


NAIVE = "the times in column 't' have no time zone: they are taken as UTC"
DATES = "the dates in column 't' are taken as their midnight, UTC"
SECOND = START // 1_000_000
TIMES = {
    "ns, floored": ([START * 1000 - 1, START * 1000 + 999], pl.Datetime("ns", "UTC"), [0, 3], []),
    "us": ([START - 1, START], pl.Datetime("us", "UTC"), [0, 3], []),
    "ms in a zone": ([START // 1000 - 1, START // 1000], pl.Datetime("ms", "Asia/Kathmandu"), [0, 3], []),
    "naive": ([START - 1, START], pl.Datetime("us"), [0, 3], [NAIVE]),
    "dates": ([at(START).date(), datetime.date(2023, 11, 17)], pl.Date, [0, 9], [DATES]),
    "text": ([f"{NOON}Z", "2023-11-14T17:13:20.000019-05:00", f"{NOON}.00002Z"], None, [3, 3, 0], []),
}


@pytest.mark.parametrize("form", TIMES)
def test_times_of_every_form_are_the_instants_that_they_name(tmp_path, form):
    times, dtype, want, notes = TIMES[form]
    small_table(tmp_path)
    got, summary = events(tmp_path, labels_of_a(times, dtype))
    assert got == want
    assert summary["notes"] == notes


UNITS = {"SECONDS": 1, "MILLISECONDS": 1000, "MICROSECONDS": 1_000_000, "NANOSECONDS": 10**9}


@pytest.mark.parametrize("unit", UNITS)
def test_whole_numbers_are_times_of_the_unit_that_is_said(tmp_path, unit):
    small_table(tmp_path)
    start = SECOND * UNITS[unit]
    assert events(tmp_path, labels_of_a([start - 1, start]), unit)[0] == [0, 3]
    assert events(tmp_path, csv_file(tmp_path, f"t,user_id\n{start},a\n"), unit)[0] == [3]


def test_small_integers_are_whole_numbers_too(tmp_path):
    small_table(tmp_path)
    labels = labels_of_a([SECOND, SECOND + 1], pl.UInt32)
    assert events(tmp_path, labels, "SECONDS")[0] == [3, 0]


REFUSED = [
    (labels_of_a([START]), "", "row 1: the time in column 't' cannot be used: 1700000000000000 is a "
     "whole number: say what it counts with --time-unit s, ms, us or ns (with us it is "
     "2023-11-14T22:13:20.000000Z)"),
    (labels_of_a([str(START)]), "", "say what it counts with --time-unit"),
    (labels_of_a([START // 1000]), "SECONDS", "is outside the years 1 to 9999 in that --time-unit "
     "(with ms it is"),
    (labels_of_a([START], pl.Datetime("us", "UTC")), "MICROSECONDS",
     "the time column 't' is timestamp[us, tz=UTC], which says its unit: leave --time-unit out"),
    (labels_of_a([f"{NOON}Z"]), "SECONDS", f"'{NOON}Z' is no whole number, as --time-unit says"),
    (labels_of_a([1.5]), "SECONDS", "'t' is double; allowed are timestamps, dates, RFC 3339 text"),
    (labels_of_a([START, None], pl.Datetime("us", "UTC")), "", "row 2: the time in column 't' cannot "
     "be used: it is null"),
    (labels_of_a([f"{NOON}Z", NOON]), "", f"row 2: the time in column 't' cannot be used: '{NOON}'"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_times_that_are_not_sure_are_refused(tmp_path, number):
    labels, unit, message = REFUSED[number]
    labels.write_parquet(tmp_path / "labels.parquet")
    done = run(
        "join", tmp_path, tmp_path / "labels.parquet", "t", "spend.events", tmp_path / "o.parquet", unit
    )
    assert message in done.stderr
    assert done.returncode == 1


KEYS = "key_bool,key_int64,key_string,key_timestamp,t"
GOOD = f"true,7,a,{NOON}Z,{NOON}Z"
WRONG_LINES = [
    (f"{KEYS}\n{GOOD}\ntrue,seven,a,{NOON}Z,{NOON}Z\n", "line 3: 'seven' in column 'key_int64' is no "
     "whole number, which the entity's key is"),
    (f"{KEYS}\n{GOOD}\ntrue,7.0,a,{NOON}Z,{NOON}Z\n", "line 3: '7.0' in column 'key_int64'"),
    (f"{KEYS}\r\n\r\nmaybe,7,a,{NOON}Z,{NOON}Z\r\n", "line 3: 'maybe' in column 'key_bool' is no true "
     "or false"),
    (f'{KEYS}\ntrue,7,"a\nb",{NOON}Z,{NOON}Z\ntrue,7,a,today,{NOON}Z\n', "line 4: 'today' in column "
     "'key_timestamp' is no RFC 3339 time"),
    (f"\n{KEYS}\n\n{GOOD}\n\ntrue,7,a,{NOON}Z,{NOON}\n", f"line 6: the time in column 't' cannot be "
     f"used: '{NOON}' has no time zone: if it is UTC, write {NOON}Z"),
    (f"{KEYS}\n{GOOD}\n\n{GOOD},more\n", f"line 4: the header has 5 columns, this line 6: '{GOOD},more'"),
]  # fmt: skip


@pytest.mark.parametrize("text, message", WRONG_LINES)
def test_wrong_values_of_csv_are_named_with_line_column_and_value(tmp_path, text, message):
    labels = csv_file(tmp_path, text)
    done = run("join", tmp_path, labels, "t", "kinds.int64", tmp_path / "out.parquet")
    assert message in done.stderr
    assert "INVALID_ARGUMENT" in done.stderr


def test_csv_keys_of_every_type_find_their_rows(tmp_path):
    kinds.write_table(tmp_path)
    rows = kinds.rows().slice(0, 60).to_pydict()
    with open(tmp_path / "labels.csv", "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow([*KEYS.split(",")])
        for key in zip(rows["key_bool"], rows["key_int64"], rows["key_string"], rows["key_timestamp"]):
            writer.writerow([*key[:3], key[3].isoformat(), at(START + 2 * kinds.DAY).isoformat()])
    output = tmp_path / "out.parquet"
    join(tmp_path, tmp_path / "labels.csv", "t", "kinds.int64,kinds.double", output)
    got = pl.read_parquet(output).to_arrow()
    for feature in ["int64", "double"]:
        want = kinds.exact(kinds.served()[feature][:60])
        assert kinds.exact(got[f"kinds.{feature}"]) == want


def test_labels_may_repeat_in_any_order_and_have_null_keys(tmp_path):
    small_table(tmp_path)
    users = ["b", "a", "a", None, "a", "nobody", "a"]
    offsets = [11, 0, 20, 0, 0, 0, -1]
    labels = pl.DataFrame(
        {"n": range(7), "user_id": users, "t": [at(START + offset) for offset in offsets]}
    )
    got, summary = events(tmp_path, labels)
    assert got == [4, 3, 0, 0, 3, 0, 0]
    assert pl.read_parquet(tmp_path / "out.parquet")["n"].to_list() == list(range(7))
    assert summary["warnings"][0] == (
        "1 label has a null in the key of entity user: their features have their defaults"
    )


def test_nanoseconds_become_microseconds_unless_that_loses_something(tmp_path):
    small_table(tmp_path)
    labels = labels_of_a([START * 1000, START * 1000 + 1000], pl.Datetime("ns", "UTC"))
    exact = labels.with_columns(pl.Series("exact", [1, None], dtype=pl.Datetime("ns")))
    _, summary = events(tmp_path, exact.with_columns(pl.col("t").alias("again")))
    got = pl.read_parquet(tmp_path / "out.parquet")
    assert got.schema["t"] == got.schema["again"] == pl.Datetime("us", "UTC")
    assert got["t"].to_list() == [at(START), at(START + 1)]
    assert got["exact"].equals(exact["exact"])
    assert "column 'exact' of the labels has times between two microseconds" in summary["warnings"][-1]


def test_a_null_of_the_row_is_no_value_of_the_row_before(tmp_path):
    rows = [
        row(0, "a", START, total=1.5, events=1, country="US"),
        row(1, "a", START + 10, total=None, events=2, country=None),
    ]
    write(tmp_path, [{"position": 1, "clock": START + 20, "rows": rows}, {"flush": True}])
    labels = labels_of_a([at(START), at(START + 10)])
    labels.write_parquet(tmp_path / "labels.parquet")
    join(tmp_path, tmp_path / "labels.parquet", "t", "spend.*", tmp_path / "out.parquet")
    got = pl.read_parquet(tmp_path / "out.parquet")
    assert got.rows() == [("a", at(START), 1.5, 1, "US"), ("a", at(START + 10), None, 2, None)]


def test_times_before_the_first_row_and_in_the_future_are_said(tmp_path):
    small_table(tmp_path)
    future = datetime.datetime(9000, 1, 1, tzinfo=datetime.timezone.utc)
    labels = labels_of_a([at(START), at(START // 1000), at(START - 1), future])
    _, summary = events(tmp_path, labels)
    after, before, _ = summary["warnings"]
    assert after.startswith(
        "1 of 4 labels (row 4, for example, at 9000-01-01T00:00:00.000000Z) are in the future"
    )
    assert before.startswith(
        "2 of 4 labels (row 2, for example, at 1970-01-20T16:13:20.000000Z) are before the first row "
        "of spend@1, 2023-11-14T22:13:20.000000Z: their features have their defaults"
    )


def test_labels_of_a_time_before_every_file_are_said_though_none_is_read(tmp_path):
    small_table(tmp_path)
    _, summary = events(tmp_path, labels_of_a([at(START // 1000)]))
    assert summary["views"][0]["files_read"] == 0
    assert "are before the first row of spend@1, 2023-11-14T22:13:20" in summary["warnings"][0]
