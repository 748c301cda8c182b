"""Cases computed by hand from the rules: the oracle is only worth what these show."""

import json

import pytest

from tests.oracle import oracle as subject
from tests.oracle.aggregates import fold
from tests.oracle.compare import same
from tests.oracle.model import DAY, HOUR, MINUTE, SECOND, Feature, Source, View, Window, duration
from tests.oracle.oracle import Answer, Erasure, Record, Rejected, Step, Task

SOURCE = Source(
    name="s",
    topic="s",
    key=("k",),
    schema={"k": "string", "x": "double", "n": "int64", "t": "timestamp_us"},
    event_time="t",
    known_time="kafka",
)
TEN = Window.sawtooth("10m")  # hop 1m
SUM = Feature("sum", "sum(x)", "sum", lambda row: row["x"], (TEN,))
COUNT = Feature("n", "count(*)", "count", lambda row: 1, (TEN,))


def view(*features, **settings):
    return View("v", "k", ("k",), features or (SUM, COUNT), **settings)


def record(offset, event_time, x=1.0, key="a", known=None, **fields):
    body = {"k": key, "x": x, "t": event_time} | fields
    known = event_time if known is None else known
    return Record(offset, known, json.dumps(body).encode())


def task_of(views, *records):
    task = Task(SOURCE, views)
    for one in records:
        task.apply(one)
    return task


def steps_of(task):
    return [(s.effective_time, s.op, s.offset, s.ordinal) for s in task.steps]


# ---- windows ----


def test_default_hops():
    hops = {size: Window.sawtooth(size).hop for size in ("10m", "1h", "11h", "12h", "11d", "12d")}
    assert hops == {
        "10m": MINUTE,
        "1h": 5 * MINUTE,
        "11h": 5 * MINUTE,
        "12h": HOUR,
        "11d": HOUR,
        "12d": DAY,
    }


def test_a_sawtooth_tile_leaves_whole_one_hop_after_its_window():
    # The tile [60 s, 120 s) of a window of 10 minutes leaves at 120 + 600 s.
    history = task_of([view()], record(0, 61 * SECOND), record(1, 119 * SECOND)).keys["v", ("a",)]
    assert history.at(720 * SECOND - 1).values == [2.0, 2]
    assert history.at(720 * SECOND) is None


def test_windows_align_to_the_epoch_below_zero_too():
    history = task_of([view()], record(0, -1)).keys["v", ("a",)]
    assert history.at(600 * SECOND - 1).values == [1.0, 1]
    assert history.at(600 * SECOND) is None


def test_a_tumbling_window_waits_for_events_ahead_of_the_clock():
    hour = Feature("n", "count(*)", "count", lambda row: 1, (Window.tumbling("1h"),))
    ahead = record(0, HOUR + 30, known=HOUR - 30)
    task = task_of([view(hour)], ahead, record(1, 2 * HOUR, key="b"))
    history = task.keys["v", ("a",)]
    assert history.at(HOUR - 1) == Answer([0], HOUR - 30, HOUR + 30)
    assert history.at(HOUR) == Answer([1], HOUR, HOUR + 30)
    assert history.at(2 * HOUR) is None
    assert steps_of(task) == [
        (HOUR - 30, "event", 0, 0),
        (2 * HOUR, "event", 1, 0),
        (HOUR, "expire", 1, 1),
        (2 * HOUR, "delete", 1, 2),
    ]


def test_a_lifetime_window_never_lets_go():
    ever = Feature("n", "count(*)", "count", lambda row: 1, (TEN, Window.lifetime()))
    task = task_of([view(ever)], record(0, 0), record(1, 10 * DAY, key="b"))
    assert task.keys["v", ("a",)].at(10 * DAY) == Answer([0, 1], 11 * MINUTE, 0)


# ---- steps ----


def test_steps_of_one_key_never_share_an_effective_time():
    task = task_of([view()], record(0, 100), record(1, 100), record(2, 99))
    assert steps_of(task) == [(100, "event", 0, 0), (101, "event", 1, 0), (102, "event", 2, 0)]


def test_an_erased_key_is_deleted_and_starts_from_nothing():
    ever = Feature("n", "count(*)", "count", lambda row: 1, (TEN, Window.lifetime()))
    task = task_of(
        [view(ever)],
        record(0, 5 * MINUTE),
        record(1, 100, key="b", known=5 * MINUTE),
        Erasure(2, "k", "a"),
        Erasure(3, "k", "a"),  # nothing is left
        Erasure(4, "other", "b"),  # of another entity
        record(5, 3 * MINUTE, known=5 * MINUTE),
        record(6, 0, key="new", known=5 * MINUTE),
        record(7, 0, key="later", known=5 * MINUTE + 2),
        Erasure(8, "k", "a"),
    )
    assert steps_of(task) == [
        (5 * MINUTE, "event", 0, 0),
        (5 * MINUTE, "event", 1, 0),
        (5 * MINUTE + 1, "delete", 2, 0),
        (5 * MINUTE + 2, "event", 5, 0),  # after its delete step, which nothing of the key tells
        (5 * MINUTE + 2, "event", 6, 0),
        (5 * MINUTE + 2, "event", 7, 0),
        (5 * MINUTE + 3, "delete", 8, 0),
    ]
    assert (task.steps[2].event_time, task.steps[2].known_time) == (5 * MINUTE, 5 * MINUTE + 1)
    history = task.keys["v", ("a",)]
    assert history.at(5 * MINUTE) == Answer([1, 1], 5 * MINUTE, 5 * MINUTE)
    assert history.at(5 * MINUTE + 1) is None
    assert history.at(5 * MINUTE + 2) == Answer([1, 1], 5 * MINUTE + 2, 3 * MINUTE)
    assert history.at(5 * MINUTE + 3) is None


def test_an_erasure_makes_due_expiry_steps_first():
    task = task_of([view()], record(0, 0), record(1, 11 * MINUTE, key="b"), Erasure(2, "k", "a"))
    assert [s[:3] for s in steps_of(task)] == [
        (0, "event", 0),
        (11 * MINUTE, "event", 1),
        (11 * MINUTE, "delete", 1),  # the window is empty: there is nothing to erase
    ]


def test_expiry_and_delete_come_before_the_next_event_of_the_key():
    task = task_of([view()], record(0, 0), record(1, 3 * MINUTE), record(2, 20 * MINUTE, x=5.0))
    assert task.steps == [
        Step("v", ("a",), 0, "event", 0, 0, 0, 0),
        Step("v", ("a",), 3 * MINUTE, "event", 3 * MINUTE, 3 * MINUTE, 1, 0),
        Step("v", ("a",), 11 * MINUTE, "expire", 3 * MINUTE, 11 * MINUTE, 2, 0),
        Step("v", ("a",), 14 * MINUTE, "delete", 3 * MINUTE, 14 * MINUTE, 2, 1),
        Step("v", ("a",), 20 * MINUTE, "event", 20 * MINUTE, 20 * MINUTE, 2, 2),
    ]
    history = task.keys["v", ("a",)]
    assert history.at(11 * MINUTE) == Answer([1.0, 1], 11 * MINUTE, 3 * MINUTE)
    assert history.at(15 * MINUTE) is None
    assert history.at(20 * MINUTE) == Answer([5.0, 1], 20 * MINUTE, 20 * MINUTE)


def test_a_boundary_at_the_time_of_the_event_pushes_the_event_one_further():
    task = task_of([view()], record(0, 0), record(1, 11 * MINUTE))
    assert steps_of(task) == [
        (0, "event", 0, 0),
        (11 * MINUTE, "delete", 1, 0),
        (11 * MINUTE + 1, "event", 1, 1),
    ]


def test_at_most_64_pending_steps_a_record_in_order_of_boundary_view_and_key():
    first = [record(i, 0, key=f"{i:03}") for i in range(100)]
    task = task_of([view()], *first, record(100, DAY, key="x"), record(101, DAY, key="x"))
    pending = [(s.key[0], s.offset, s.ordinal) for s in task.steps if s.op == "delete"]
    assert pending == [(f"{i:03}", 100, i + 1) for i in range(64)] + [
        (f"{i:03}", 101, i - 63) for i in range(64, 100)
    ]


def test_a_pending_step_is_written_before_an_event_of_its_key_whatever_the_budget():
    first = [record(i, 0, key=f"{i:03}") for i in range(100)]
    task = task_of([view()], *first, record(100, DAY, key="099"))
    assert [(s.key[0], s.op) for s in task.steps[100:103]] == [
        ("099", "delete"),
        ("099", "event"),
        ("000", "delete"),
    ]
    assert len(task.steps) == 100 + 2 + 64


# ---- lateness, the clock, the gate ----


def test_late_is_what_no_window_takes():
    times = [HOUR, HOUR - 11 * MINUTE, HOUR - 10 * MINUTE - 1, HOUR - 10 * MINUTE]
    task = task_of([view()], *(record(i, time) for i, time in enumerate(times)))
    assert task.rejected == [Rejected(1, "late", "v"), Rejected(2, "late", "v")]
    assert task.dispositions == ["applied", "late", "late", "applied"]


def test_a_longer_window_takes_what_a_shorter_one_does_not():
    two = Feature("n", "count(*)", "count", lambda row: 1, (TEN, Window.sawtooth("1h")))
    task = task_of([view(two)], record(0, HOUR), record(1, HOUR - 30 * MINUTE))
    assert task.keys["v", ("a",)].at(HOUR + 1).values == [1, 2]


def test_late_data_is_no_step_back_in_time():
    task = task_of([view()], record(0, 9 * MINUTE), record(1, 2 * MINUTE))
    assert steps_of(task) == [(9 * MINUTE, "event", 0, 0), (9 * MINUTE + 1, "event", 1, 0)]
    assert [s.event_time for s in task.steps] == [9 * MINUTE, 9 * MINUTE]
    assert [s.known_time for s in task.steps] == [9 * MINUTE, 2 * MINUTE]


def test_a_refused_record_moves_nothing_and_a_filtered_one_moves_the_clock():
    only_big = view(where_sql="x > 1", where=lambda row: None if row["x"] is None else row["x"] > 1)
    bad = Record(0, DAY, b"{")
    task = task_of([only_big], bad)
    assert task.clock is None
    task.apply(record(1, 100, x=1.0))
    task.apply(record(2, 200, x=None))
    assert (task.clock, task.steps) == (200, [])
    assert task.dispositions == ["dead_lettered", "filtered", "filtered"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"not json", "undecodable"),
        (b'{"k":"a","t":1} x', "undecodable"),
        (b'{"k":"a","t":1}{"k":"a","t":1}', "undecodable"),
        (b'{"k":1,"t":1}', "undecodable"),
        (b'{"k":"a","t":1,"n":2.0}', "undecodable"),
        (b'{"k":"a","t":1,"n":"2"}', "undecodable"),
        (b'{"k":"a","t":1,"n":9223372036854775808}', "undecodable"),
        (b'{"k":"a","t":1,"x":NaN}', "undecodable"),
        (b'{"k":"a","t":1,"x":true}', "undecodable"),
        (b'{"k":"a","t":"1"}', "undecodable"),
        (b'["k"]', "undecodable"),
        (b'{"k":"\xff","t":1}', "undecodable"),
        (None, "undecodable"),
        (b'{"k":"a"}', "bad_event_time"),
        (b'{"k":"a","t":null}', "bad_event_time"),
        (b'{"k":"a","t":-62135596800000001}', "bad_event_time"),
        (b'{"k":"a","t":253402300800000000}', "bad_event_time"),
        (b'{"k":"a","t":300000001}', "future"),
        (b'{"t":1}', "null_key"),
    ],
)
def test_reasons(value, reason):
    task = task_of([view()], Record(0, 0, value))
    assert [rejected.reason for rejected in task.rejected] == [reason]
    assert task.dispositions == ["dead_lettered"]


def test_what_passes_the_gate():
    for value in (b' {"k":"a","t":1,"x":2} \n', b'{"k":"a","t":300000000,"other":[1,{}]}'):
        assert task_of([view()], Record(0, 0, value)).dispositions == ["applied"]


def test_a_forwarded_record_is_applied_at_its_source():
    by_n = [View(name, "n", ("n",), (COUNT,)) for name in ("v", "w")]
    task = Task(SOURCE, [], forwards=[by_n])
    task.apply(record(0, 1, n=1))
    task.apply(record(1, 1))
    assert task.dispositions == ["applied", "dead_lettered"]
    assert task.rejected == [Rejected(1, "null_key", "v"), Rejected(1, "null_key", "w")]


def test_times_in_text():
    assert subject.parse_time("1970-01-01T00:00:01.5Z") == 1_500_000
    assert subject.parse_time("1970-01-01T01:00:00.123456789+01:00") == 123_456
    assert duration("500ms") == 500_000


# ---- aggregates ----


def events(*values):
    return [(value, i, i) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("aggregate", "values", "result"),
    [
        ("count", (1, None, 1), 2),
        ("count", (None,), 0),
        ("sum", (None,), None),
        ("sum", (1.5, None, 2.5), 4.0),
        ("sum", (2**63 - 1, 5), 2**63 - 1),
        ("sum", (float("nan"), 2.0), 2.0),
        ("sum", (float("inf"), float("-inf")), None),
        ("mean", (1, 2), 1.5),
        ("mean", (2**63 - 1, 2**63 - 1), float(2**63 - 1)),
        ("variance", (1.0,), None),
        ("variance", (1.0, 3.0), 2.0),
        ("stddev", (2, 4, 4, 4, 5, 5, 7, 9), (32 / 7) ** 0.5),
        ("skewness", (1.0, 2.0), None),
        ("skewness", (-1.0, 0.0, 1.0), 0.0),
        ("min", ("b", "é", "a"), "a"),
        ("max", ("b", "é", "a"), "é"),
        ("min", (3.0, None, -1.0), -1.0),
        ("first", (None, "x", "y"), "x"),
        ("last", ("x", "y", None), "y"),
        ("approx_count_distinct", ("x", "y", "x", None), 2),
        ("approx_count_distinct", (None,), 0),
    ],
)
def test_aggregates(aggregate, values, result):
    assert fold(aggregate, events(*values)) == result


def test_first_and_last_go_by_event_time_then_place():
    late = [("a", 5, 0), ("b", 3, 1), ("c", 3, 2), ("d", 5, 3)]
    assert (fold("first", late), fold("last", late)) == ("b", "d")


def test_last_n_is_in_the_order_of_event_time_then_place():
    late = [("a", 5, 0), (None, 6, 1), ("b", 3, 2), ("c", 5, 3), ("d", 3, 4)]
    assert fold("last_n", late, 3) == ["d", "a", "c"]
    assert fold("last_n", late, 9) == ["b", "d", "a", "c"]
    assert fold("last_n", [(None, 6, 1)], 3) is None


# ---- how close is equal ----


def test_counts_and_extremes_are_equal_to_the_last_bit():
    close = 0.1 + 0.2
    assert same("max", close, close) and not same("max", 0.3, close)
    assert same("count", 3, 3) and not same("count", 4, 3)


def test_sums_are_equal_within_rounding_and_distinct_counts_within_5_percent():
    assert same("sum", 0.3, 0.1 + 0.2) and not same("sum", 0.3 * (1 + 3e-12), 0.3 * 100)
    assert not same("sum", 1e6 * (1 + 3e-12), 1e6)
    assert same("approx_count_distinct", 105, 100) and not same("approx_count_distinct", 106, 100)
    assert not same("approx_count_distinct", 11, 10)


def test_null_equals_null_only():
    assert same("sum", None, None) and not same("sum", None, 0.0) and not same("sum", 0.0, None)
