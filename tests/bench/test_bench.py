"""Every stage of `./dev bench`, small: that the scripts work, not what they measure."""

import json
import os
import subprocess
import sys

import pytest

from bench import page, perf_profile
from tests.system.project import ROOT

SMALL = ["--events", "5000", "--users", "100", "--runs", "1", "--keys", "200"]
SMALL += ["--lookups", "2000", "--load-seconds", "0.2", "--labels", "500"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The results of all stages, and the page that they were written to."""
    folder = tmp_path_factory.mktemp("bench")
    results, written = folder / "results.json", folder / "page.md"
    written.write_text((ROOT / "docs" / "benchmarks.md").read_text() + "\nThe last line.\n")
    command = [sys.executable, ROOT / "bench" / "run.py", *SMALL, "--work", folder / "work"]
    command += ["--results", results, "--page", written]
    environment = {"FOREBAY_BUILD": str(ROOT / "build")} | os.environ
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (folder / "work").exists()
    return json.loads(results.read_text()), written.read_text()


def test_engine_alone(measured):
    result = measured[0]["engine"]
    assert result["events"] >= 5_000 and result["keys"] == 200
    assert result["changes"] >= result["events"]
    assert result["events_per_cpu_second"] > 0


def test_whole_worker_in_both_ways_of_delivery(measured):
    results = measured[0]["stream"]
    assert [result["delivery"] for result in results] == ["exactly_once", "at_least_once"]
    assert {result["events"] for result in results} == {5_000}
    # Four minutes of event time: nothing expires yet.
    assert [result["changes"] for result in results] == [5_000, 5_000]
    assert all(result["cpu_seconds"] > 0 for result in results)


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
    result = measured[0]["training-set"]
    assert result["labels"] == 500
    assert result["table_rows"] == measured[0]["stream"][0]["changes"]


def test_the_page_has_the_figures_and_keeps_the_text(measured):
    results, text = measured
    assert "| exactly_once | 5,000 | 1 |" in text and "| FeatureReader::Read |" in text
    assert f"| {results['machine']['CPU']} |" in text
    assert text.endswith("\nThe last line.\n")


def test_a_stage_that_was_not_measured_keeps_its_part(tmp_path):
    text = "a\n<!-- measured: engine -->\nold\n<!-- end -->\nb\n"
    (tmp_path / "page.md").write_text(text)
    page.rewrite(tmp_path / "page.md", {"machine": {}})
    assert (tmp_path / "page.md").read_text() == text


def test_a_sample_belongs_to_its_innermost_known_frame():
    script = """forebay
        7f malloc
        55 forebay::JsonObjectReader::Read
        55 forebay::Worker::RunTasks

rdk:broker1
        7f LZ4F_compressUpdate
        7f start_thread

rdk:broker1
        7f start_thread

forebay
        7f malloc
        55 forebay::JsonObjectReader::Read
"""
    parts = {"worker": "Worker", "decode": "Json", "compress": "LZ4F", "kafka": "^thread rdk"}
    assert perf_profile.summarize(script, parts) == [
        {"part": "decode", "share": 0.5},
        {"part": "compress", "share": 0.25},
        {"part": "kafka", "share": 0.25},
    ]


def test_an_unknown_stage_is_named():
    command = [sys.executable, ROOT / "bench" / "run.py", "streem"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "unknown stage streem" in done.stderr
