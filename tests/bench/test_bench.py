"""Every stage of `./dev bench`, small: that the scripts work, not what they measure."""

import json
import os
import subprocess
import sys

import pytest

from bench import scaling, scores
from tests.system.project import ROOT

VARIANTS = ["defaults", "emit", "updates", "state-protobuf"]
SMALL = ["--events", "5000", "--check-events", "2000", "--users", "100", "--runs", "1"]
SMALL += ["--variants", ",".join(VARIANTS)]
SMALL += ["--engine-keys", "8192", "--spilled-events", "5000", "--engine-events", "5000"]
SMALL += ["--scaling-events", "500", "--scaling-runs", "1"]
SMALL += ["--freshness-rate", "500", "--repartition-rate", "400", "--freshness-seconds", "0.5", "--freshness-warm-up", "0.5"]
SMALL += ["--keys", "200", "--lookups", "2000", "--load-seconds", "0.2"]
SMALL += ["--table-events", "5000", "--labels", "500", "--history-rows", "100000", "--score-rows", "2000"]
SMALL += ["--catalog-features", "40"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The results of all stages, and the folder of the page that they were written to."""
    folder = tmp_path_factory.mktemp("bench")
    written = folder / "page.md"
    written.write_text((ROOT / "docs" / "benchmarks.md").read_text() + "\nThe last line.\n")
    command = [sys.executable, ROOT / "bench" / "run.py", *SMALL, "--work", folder / "work"]
    command += ["--results", folder / "results.json", "--page", written]
    environment = {"FOREBAY_BUILD": str(ROOT / "build")} | os.environ
    environment.pop("FOREBAY_PEERS", None)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (folder / "work").exists()
    return json.loads((folder / "results.json").read_text()), folder


def test_engine_alone(measured):
    *rates, start = measured[0]["engine"]
    hot, threads, every, spilled = rates
    assert hot["events"] >= 5_000 and hot["keys"] == 200 and hot["changes"] == 0
    assert threads["threads"] == 2 and threads["speedup"] > 0
    assert every["changes"] >= every["events"]
    assert spilled["keys"] == 8_192 and spilled["restart_seconds"] > 0
    assert all(row["events_per_cpu_second"] > 0 for row in rates)
    assert start["keys"] == 8_192 and start["restart_seconds"] > 0


def test_the_whole_worker_in_its_variants(measured):
    results = measured[0]["stream"]
    assert [row["variant"] for row in results] == VARIANTS
    for row in results:
        assert row["events"] == 5_000 and row["cpu_seconds"] > 0
        assert row["events_per_cpu_second"] == pytest.approx(5_000 / row["cpu_seconds"])
        assert (row.get("records_per_event", 0) > 0) == (row["variant"] != "state-protobuf")


def test_freshness(measured):
    results = measured[0]["freshness"]
    assert [(row["variant"], row["seen_by"], row["asked_rate"]) for row in results] == [
        ("defaults", "a lookup", 500),
        ("defaults", "a consumer of updates", 500),
        ("state", "a lookup", 400),
        ("state-repartitioned", "a lookup", 400),
    ]
    for row in results:
        assert row["probes"] > 0 and 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"]


def test_other_engines_are_not_run_where_nobody_says_where_they_are(measured):
    assert measured[0]["peers"] == []
    assert "Not measured: FOREBAY_PEERS" in (measured[1] / "page.md").read_text()


def test_scaling(measured):
    results = measured[0]["scaling"]
    assert [axis["axis"] for axis in results] == [axis.name for axis in scaling.AXES]
    assert all(point["ns_per_event"] > 0 for axis in results for point in axis["points"])


def test_lookups_in_process_and_through_each_door(measured):
    results = measured[0]["lookup"]
    ways = [(result["what"], result["state"]) for result in results]
    assert ways == [
        ("Task::Lookup", "hot"),
        ("FeatureReader::Read", "hot"),
        ("Task::Lookup", "cold"),
        ("FeatureReader::Read", "cold"),
        ("gRPC Get", "1 connection"),
        ("gRPC Get", "8 connections"),
        ("HTTP POST /v1/get", "1 connection"),
        ("HTTP POST /v1/get", "8 connections"),
    ]
    assert all(0 < result["p50_us"] <= result["p99_us"] <= result["p999_us"] for result in results)


def test_training_set(measured):
    case = measured[0]["training-set"][0]
    assert case["labels"] == 500 and case["table_rows"] >= 5_000
    assert [engine["engine"] for engine in case["engines"]][:3] == ["forebay", "DuckDB", "Polars"]


def test_scores(measured):
    cases = measured[0]["scores"]
    assert [case["case"] for case in cases] == [case.title for case in scores.CASES]
    for case in cases:
        assert [engine["engine"] for engine in case["engines"]][:3] == ["forebay", "DuckDB", "Polars"]


def test_lookups_beside_training_sets(measured):
    off, on = measured[0]["beside-training-set"]
    assert off["training_sets"] == 0 and on["training_sets"] > 0
    assert all(row["p99_us"] >= row["p50_us"] > 0 for row in (off, on))


def test_lakehouse(measured):
    written, compacted = measured[0]["lakehouse"]
    assert written["records"] == compacted["records"] > 0
    assert compacted["bytes_per_record"] < compacted["bytes_per_record_before"]


def test_beside_upkeep(measured):
    results = measured[0]["beside-upkeep"]
    assert [row["upkeep"] for row in results] == ["off", "on"]
    assert all(0 < row["p50_ms"] <= row["p99_ms"] and row["events_per_second"] > 0 for row in results)
    assert results[0]["compacted_rows"] == 0


def test_history(measured):
    result = measured[0]["history"]
    assert result["table_rows"] == 100_000 and result["ms"] >= 0
    assert result["pages"] >= result["files"] > 0


def test_a_catalog(measured):
    result = measured[0]["catalog"]
    assert (result["features"], result["views"]) == (40, 2)
    assert all(value > 0 for value in result.values())


def test_the_page_has_the_figures_and_keeps_the_text(measured):
    results, folder = measured
    text = (folder / "page.md").read_text()
    assert "| hot keys | 200 |" in text and "| FeatureReader::Read |" in text
    assert f"| {results['machine']['CPU']} |" in text
    assert text.endswith("\nThe last line.\n")


def test_an_unknown_stage_is_named():
    command = [sys.executable, ROOT / "bench" / "run.py", "streem"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "unknown stage streem" in done.stderr
