"""From figures to the page: tables, verdicts, pictures. Nothing is measured here."""

from bench import page, perf_profile, targets

STATE = {
    "variant": "state",
    "title": "state only",
    "runs": [{"events_per_cpu_second": 800_000, "peak_megabytes": 700}],
    "events_per_second": 1_000_000,
    "events_per_cpu_second": 912_345,
    "broker_us_per_event": 0.333,
    "peak_megabytes": 700,
    "foreign_cores": 0.01,
}
DEFAULTS = STATE | {"variant": "defaults", "title": "all defaults", "records_per_event": 1.5}
FLINK = {
    "name": "flink-heap-state",
    "engine": "Other",
    "output": "none",
    "counterpart": "state",
    "events_per_second": 100_000,
    "events_per_cpu_second": 91_234.5,
    "peak_megabytes": 2000,
}
WRONG = {
    "variant": "emit",
    "title": "emitted",
    "no_figure": "wrong digest",
    "reason": "no emit\nmore",
}
FAILED_FLINK = {
    "name": "flink-heap-state",
    "engine": "Other",
    "output": "none",
    "counterpart": "state",
    "no_figure": "failed",
    "reason": "no memory",
}


def verdict_on(what, results):
    return next(v for target, v in targets.verdicts(results) if target.what.startswith(what))


def test_a_goal_is_met_not_met_or_without_a_figure():
    def verdict(state, peers=(FLINK,)):
        results = {"stream": [state], "peers": list(peers)}
        return verdict_on("state only, against Flink on the heap", results)

    assert verdict(STATE) == targets.Verdict("10.00 times", True)
    assert verdict(STATE | {"events_per_cpu_second": 319_000}).met is False
    assert verdict(STATE, peers=()) == targets.Verdict("not measured")
    assert verdict(WRONG | {"variant": "state"}) == targets.Verdict("wrong digest")
    assert verdict(STATE, peers=[FAILED_FLINK]) == targets.Verdict("failed")
    assert verdict_on("engine alone", {}) == targets.Verdict("not measured")


def test_memory_is_judged_by_the_largest_run():
    runs = [{"peak_megabytes": 700}, {"peak_megabytes": 801}]
    results = {"stream": [DEFAULTS | {"runs": runs}]}
    assert verdict_on("peak memory", results) == targets.Verdict("801 MB", False)


def test_freshness_is_judged_by_lookups():
    row = {"variant": "defaults", "p50_ms": 4.0, "p99_ms": 49.0}
    rows = [row | {"seen_by": "a consumer of updates", "p50_ms": 99.0}, row | {"seen_by": "a lookup"}]
    verdict = verdict_on("freshness", {"freshness": rows})
    assert verdict == targets.Verdict("p50 4.0 ms, p99 49.0 ms", True)


def test_exactly_once_is_held_against_at_least_once_by_the_worse_of_both_rates():
    once = DEFAULTS | {"events_per_second": 95, "events_per_cpu_second": 93}
    least = DEFAULTS | {"variant": "at-least-once"}
    least |= {"events_per_second": 100, "events_per_cpu_second": 100}
    verdict = verdict_on("exactly once", {"stream": [once, least]})
    assert verdict == targets.Verdict("93% by CPU, 95% by the clock", True)
    worse = {"stream": [once | {"events_per_second": 80}, least]}
    assert verdict_on("exactly once", worse).met is False


def test_a_view_by_another_key_is_held_against_a_direct_one_at_its_rate():
    figures = [("state", 50, 1.0), ("state", 10, 4.0), ("state-repartitioned", 10, 23.5)]
    rows = [{"variant": v, "asked_rate": rate, "p50_ms": p50} for v, rate, p50 in figures]
    assert verdict_on("p50 of a view", {"freshness": rows}) == targets.Verdict("19.5 ms", True)
    slower = [*rows[:2], rows[2] | {"p50_ms": 24.1}]
    assert verdict_on("p50 of a view", {"freshness": slower}).met is False
    assert verdict_on("p50 of a view", {"freshness": rows[:2]}).met is None


def test_every_goal_has_a_verdict_before_anything_was_measured():
    assert {verdict.met for _, verdict in targets.verdicts({})} == {None}


def test_engine_rows_have_the_columns_that_any_has():
    rows = [
        {"case": "hot", "keys": 5, "changes": 0, "events_per_cpu_second": 3_141_592},
        {"case": "cold", "keys": 7, "changes": 0, "restart_seconds": 8.5},
    ]
    assert page.engine(rows) == (
        "| case | keys | events/CPU-s | start, s |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| hot | 5 | 3,140,000 |  |\n"
        "| cold | 7 |  | 8.50 |\n"
    )


def test_a_variant_without_a_figure_says_why():
    text = page.stream([STATE, WRONG])
    assert "| state only | 1,000,000 | 912,000 | 800,000-800,000 | 1 |  | 0.33 | 700 | 0.01 |" in text
    assert text.endswith("\n- emitted: wrong digest: no emit\n")


def test_all_defaults_have_their_records_and_the_pace_of_catching_up():
    text = page.stream([DEFAULTS])
    assert "| all defaults | 1,000,000 | 912,000 | 800,000-800,000 | 1 | 1.50 | 0.33 |" in text
    assert "All defaults, catching up: 1.67 hours of a topic of 10,000 events/s a minute." in text


def test_other_engines_stand_beside_the_same_output_of_forebay():
    text = page.peers({"peers": [FLINK, FAILED_FLINK], "stream": [STATE]})
    assert "| Other | none | 100,000 | 91,200 | 2,000 | 912,000 | 10.0 |" in text
    assert "| Other | none | failed |  |  |  |  |" in text
    assert page.peers({"peers": [], "stream": [STATE]}).startswith("Not measured")


def test_a_stage_that_was_not_measured_keeps_its_part(tmp_path):
    text = "a\n<!-- measured: engine -->\nold\n<!-- end -->\nb\n"
    (tmp_path / "page.md").write_text(text)
    page.rewrite(tmp_path / "page.md", {"engine": [{"case": "hot"}], "machine": {}}, {"machine"})
    assert (tmp_path / "page.md").read_text() == text


def test_goals_are_judged_by_earlier_results_too(tmp_path):
    (tmp_path / "page.md").write_text("<!-- measured: goals -->\nold\n<!-- end -->\n")
    page.rewrite(tmp_path / "page.md", {"stream": [DEFAULTS]}, set())
    assert "| 700 MB | met |" in (tmp_path / "page.md").read_text()


SCRIPT = """forebay
        7f malloc
        55 forebay::EventDecoder::Decode(absl::Span<forebay::RawRecord const>)
        55 forebay::Worker::RunTasks

rdk:broker1
        7f LZ4F_compressUpdate
        7f start_thread

rdk:broker1
        7f start_thread

forebay
        7f malloc
        55 forebay::EventDecoder::Decode
"""


def test_a_sample_belongs_to_its_innermost_known_frame():
    parts = {"worker": "Worker", "decode": "EventDecoder", "compress": "LZ4F", "kafka": "^thread rdk"}
    assert perf_profile.summarize(SCRIPT, parts) == [
        {"part": "decode", "share": 0.5},
        {"part": "compress", "share": 0.25},
        {"part": "kafka", "share": 0.25},
    ]
