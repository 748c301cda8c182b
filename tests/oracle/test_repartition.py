"""The order in a repartition topic (S26a), by hand; and random ones against a brute force.

Of a record at source partition s and offset o: `at(s, o, rank)`, its known time is its rank.
"""

import json
import random

import pytest

from tests.oracle.model import HOUR, Feature, Source, View, Window
from tests.oracle.oracle import Origin, Record, Rejected
from tests.oracle.repartition import Marker, RepartitionTask, by_known_time

SOURCE = Source("s", "s", ("u",), {"k": "string", "x": "int64", "t": "timestamp_us"}, "t", "event_time")
EVER = (Window.lifetime(),)


def feature(aggregate, window=EVER, parameter=None):
    return Feature(aggregate, "", aggregate, lambda row: row["x"], window, parameter=parameter)


VIEW = View("v", "k", ("k",), (feature("count"), feature("first"), feature("last"), feature("last_n", EVER, 9)))
HOURLY = View("v", "k", ("k",), (feature("sum", (Window.sawtooth("1h"),)),))


def at(partition, offset, rank, known=None, event_time=None, key="a", x=0):
    known = rank if known is None else known
    body = {"k": key, "x": x, "t": known if event_time is None else event_time}
    return json.dumps(body).encode(), Origin(partition, offset, known, rank)


def marker(partition, clock, at_end=False):
    return partition, clock, at_end


AT_END = True


def in_a_topic(entries):
    """The records and markers, at offsets 0, 1, 2 ..."""
    for offset, entry in enumerate(entries):
        if len(entry) == 3:
            yield Marker(offset, *entry)
        else:
            yield Record(offset, 0, *entry)


def read(*entries, partitions=2, views=(VIEW,), **limits):
    task = RepartitionTask(SOURCE, list(views), partitions, **limits)
    for entry in in_a_topic(entries):
        task.read(entry)
    return task


def released(task):
    """(known time, offset, ordinal) of each step."""
    return [(step.known_time, step.offset, step.ordinal) for step in task.steps]


# ---- who waits for whom ----


def test_a_record_waits_until_every_source_partition_was_heard_of():
    assert released(read(at(0, 0, 10))) == []
    assert released(read(at(0, 0, 10), marker(1, None))) == []
    assert released(read(at(0, 0, 10), partitions=1)) == [(10, 0, 0)]


def test_records_are_applied_by_rank_and_carry_the_offset_that_released_them():
    task = read(at(0, 0, 10), at(0, 1, 30), at(1, 0, 20), at(1, 1, 40), at(0, 2, 35))
    # Offset 2 releases both 10 and 20: then partition 1 may still send less than 30, until it sends 40.
    assert released(task) == [(10, 2, 0), (20, 2, 1), (30, 3, 0), (35, 4, 0)]
    assert task.clock == 35


def test_ordinals_count_per_view():
    other = View("w", "k", ("k",), (feature("sum"),))
    task = read(at(0, 0, 10), at(0, 1, 11), marker(1, 11), views=(VIEW, other))
    assert [(s.view, s.known_time, s.ordinal) for s in task.steps] == [
        ("v", 10, 0),
        ("w", 10, 0),
        ("v", 11, 1),
        ("w", 11, 1),
    ]


def test_of_equal_ranks_the_lower_source_partition_goes_first():
    assert released(read(at(0, 0, 10), marker(1, 10))) == [(10, 1, 0)]
    # Partition 0 may send another record of rank 10, which would go before that of partition 1.
    assert released(read(at(1, 0, 10), marker(0, 10))) == []
    assert released(read(at(1, 0, 10), marker(0, 11))) == [(10, 1, 0)]
    first_and_last = read(at(1, 0, 10, x=1), at(0, 0, 10, x=2), marker(0, 11)).keys["v", ("a",)]
    assert first_and_last.at(HOUR).values == [2, 2, 1, [2, 1]]


def test_the_records_of_a_source_partition_stay_in_its_order():
    # The second one is late in its partition: its rank is the clock, not its known time.
    task = read(at(0, 0, 30), at(0, 1, 30, known=5), at(1, 0, 20), marker(1, 40))
    assert released(task) == [(20, 2, 0), (30, 3, 0), (5, 3, 1)]
    assert [step.effective_time for step in task.steps] == [20, 30, 31]


def test_the_rank_counts_records_that_went_to_other_partitions():
    # Partition 0 had one of 50 in between, and so cannot send anything below 50 any more.
    assert released(read(at(1, 0, 40), at(0, 7, 50, known=3))) == [(40, 1, 0)]


# ---- markers ----


def test_a_marker_says_how_far_its_source_partition_is():
    assert released(read(at(0, 0, 10), marker(1, 9))) == []
    assert released(read(at(0, 0, 10), marker(1, 9), marker(1, 12))) == [(10, 2, 0)]
    assert released(read(marker(1, 12), marker(1, 9), marker(1, None), at(0, 0, 10))) == [(10, 3, 0)]
    assert read(marker(0, 5), marker(1, 5)).clock is None


def test_a_source_partition_at_its_end_is_not_waited_for():
    live = read(marker(1, None, AT_END), at(0, 0, 10), at(0, 1, 99))
    assert released(live) == [(10, 1, 0), (99, 2, 0)]


def test_a_record_says_that_its_source_partition_goes_on():
    # 60 is applied at once; but then nobody says that partition 1 is at its end.
    task = read(marker(0, 10, AT_END), marker(1, 10, AT_END), at(1, 0, 60), at(0, 0, 70))
    assert released(task) == [(60, 2, 0)]
    ended = [marker(0, 10, AT_END), marker(1, 10, AT_END), at(1, 0, 60), at(0, 0, 70), marker(1, 60, AT_END)]
    assert released(read(*ended)) == [(60, 2, 0), (70, 4, 0)]


def test_only_the_newest_marker_says_whether_it_is_at_its_end():
    assert released(read(marker(1, 5, AT_END), marker(1, 6), at(0, 0, 10))) == []


def test_without_a_marker_a_record_waits_for_ever():
    records = [at(0, offset, 10 + offset) for offset in range(1_000)]
    task = read(at(1, 0, 10), *records)
    assert released(task) == [(10, 1, 0), (10, 2, 0)]
    assert task.dispositions == ["applied", "applied"]


# ---- what else may be read ----


def test_a_repeated_record_is_a_duplicate_and_says_nothing():
    task = read(at(0, 5, 10), at(0, 5, 10), at(1, 5, 11), at(0, 4, 9), at(0, 6, 12), marker(1, 12))
    assert sorted(task.dispositions) == ["applied"] * 3 + ["duplicate"] * 2
    assert released(task) == [(10, 2, 0), (11, 4, 0), (12, 5, 0)]
    ended = [at(1, 5, 10), marker(1, 10, AT_END), at(1, 5, 10), marker(0, 10), at(0, 0, 99)]
    assert released(read(*ended)) == [(10, 4, 0), (99, 4, 1)]


def test_a_bad_record_is_a_dead_letter_at_once_and_moves_nothing():
    task = read(at(0, 0, 10), (b"{", Origin(1, 0, 20, 20)), (b"{", Origin(1, 0, 20, 20)))
    assert task.rejected == [Rejected(1, "undecodable"), Rejected(2, "undecodable")]
    assert released(task) == []


def test_a_dead_letter_has_its_own_offset():
    two_hours = [at(0, 0, 3 * HOUR), at(0, 1, 3 * HOUR, known=0), marker(1, 3 * HOUR)]
    task = read(*two_hours, views=(HOURLY,))
    assert task.rejected == [Rejected(1, "late", "v")]
    assert released(task) == [(3 * HOUR, 2, 0)]


def test_expiry_steps_go_with_the_record_that_moves_the_clock():
    task = read(at(0, 0, 0), at(0, 1, 3 * HOUR, key="b"), marker(1, 4 * HOUR), views=(HOURLY,))
    assert [(s.key, s.op, s.effective_time, s.offset, s.ordinal) for s in task.steps] == [
        (("a",), "event", 0, 2, 0),
        (("b",), "event", 3 * HOUR, 2, 1),
        (("a",), "delete", HOUR + HOUR // 12, 2, 2),
    ]


def test_of_equal_event_times_the_one_applied_later_is_the_newer():
    # x = 2 is before x = 1 in the topic, and applied after it.
    task = read(at(0, 0, 20, event_time=5, x=2), at(1, 0, 10, event_time=5, x=1), marker(1, 20))
    assert task.keys["v", ("a",)].at(HOUR).values == [2, 1, 2, [1, 2]]


@pytest.mark.parametrize("limits", [{"most_waiting": 2}, {"most_bytes": 2 * len(at(0, 0, 10)[0])}])
def test_too_much_waiting_is_no_longer_waited_for(limits):
    task = read(at(0, 0, 10), at(0, 1, 11), at(0, 2, 12), at(0, 3, 13), **limits)
    assert released(task) == [(10, 2, 0), (11, 3, 0)]


# ---- against the brute force ----


def a_source_partition(rng, partition, count):
    """Records with disorder and ties, and markers, as a source task forwards them; at its end."""
    clock, offset = None, -1
    for _ in range(count):
        if rng.random() < 0.2:
            yield marker(partition, clock)
            continue
        offset += rng.randint(1, 3)
        known = rng.randrange(20) * HOUR // 10 + (0 if clock is None else clock - HOUR)
        clock = max(known, clock or 0)
        yield at(partition, offset, clock, known, key=rng.choice("abc"), x=rng.randrange(100))
    yield marker(partition, clock, AT_END)


def with_repeats(rng, entries):
    """After a crash: some of the last entries once more."""
    entries = list(entries)
    place = rng.randrange(len(entries))
    return entries[:place] + entries[max(0, place - 5) :]


def interleaved(rng, streams):
    """At speeds that differ."""
    streams = [(rng.random() ** 3 + 0.01, stream) for stream in streams]
    while streams := [(speed, stream) for speed, stream in streams if stream]:
        [(_, stream)] = rng.choices(streams, [speed for speed, _ in streams])
        yield stream.pop(0)


def outcome(task):
    return [
        (s.view, s.key, s.effective_time, s.op, s.event_time, s.known_time) for s in task.steps
    ], {
        (s.key, s.effective_time): task.keys[s.view, s.key].at(s.effective_time) for s in task.steps
    }


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_interleaving_a_whole_topic_gives_what_known_time_says(seed):
    rng = random.Random(seed)
    partitions = rng.randint(1, 5)
    sources = [list(a_source_partition(rng, s, rng.randint(0, 80))) for s in range(partitions)]
    streams = [with_repeats(rng, entries) for entries in sources]
    topic = list(interleaved(rng, streams))
    task = read(*topic, partitions=partitions, views=(HOURLY, VIEW))
    records = [entry for entry in in_a_topic(topic) if isinstance(entry, Record)]
    assert outcome(task) == outcome(by_known_time(SOURCE, [HOURLY, VIEW], records))
    assert len(task.dispositions) == len(records)
