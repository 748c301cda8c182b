"""Other engines, run by a runner of their own: here one that only prints figures."""

import json
from types import SimpleNamespace

import pytest

from bench import peers
from bench.workshop import BenchFailed

RUNNER = """
import json, os, sys
rates = iter(range(1000, 9000, 100))
for name in sys.argv[1:]:
    rate = next(rates)
    print(json.dumps({"name": name, "ev_s": 2 * rate, "ev_cpu_s": rate, "rss_mb": rate + 1}))
"""
LOGGER = '#!/bin/sh\necho "$(basename $0) $*" >>$W/calls\n'
NAMES = [peer["name"] for peer in json.loads(peers.LAST.read_text())["peers"]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Laid out as FOREBAY_PEERS must be. Its broker and generator log how they were called."""
    work = tmp_path / "peers-work" / "streams"
    (work / "bin").mkdir(parents=True)
    (tmp_path / "broker").mkdir()
    (tmp_path / "run.py").write_text(RUNNER)
    for program in (tmp_path / "broker" / "broker.sh", work / "bin" / "gen"):
        program.write_text(LOGGER)
        program.chmod(0o755)
    monkeypatch.setenv("FOREBAY_PEERS", str(tmp_path))
    monkeypatch.delenv("W", raising=False)
    return tmp_path


def measure(runs):
    return peers.measure(SimpleNamespace(settings=SimpleNamespace(peer_runs=runs)))


def test_they_are_run_on_their_own_broker_and_give_medians(folder):
    result = measure(3)
    assert result["measured"] and [peer["name"] for peer in result["peers"]] == NAMES
    first = result["peers"][0]
    between = len(NAMES) * 100  # the runner's rates grow by 100 a run, and go round the names
    assert first["events_per_cpu_second"] == 1000 + between
    assert first["events_per_second"] == 2 * first["events_per_cpu_second"]
    assert first["peak_megabytes"] == 1001 + 2 * between
    assert (folder / "peers-work" / "streams" / "calls").read_text().splitlines() == [
        "broker.sh start",
        "gen produce 127.0.0.1:29092 transactions 5000000",
        "broker.sh stop",
    ]


def test_a_failed_run_stops_the_broker_and_gives_nothing(folder):
    (folder / "run.py").write_text("raise SystemExit('no topic')")
    with pytest.raises(BenchFailed, match="no topic"):
        measure(1)
    calls = (folder / "peers-work" / "streams" / "calls").read_text()
    assert calls.endswith("broker.sh stop\n")


def test_a_folder_without_a_runner_is_explained(monkeypatch, tmp_path):
    monkeypatch.setenv("FOREBAY_PEERS", str(tmp_path))
    with pytest.raises(BenchFailed, match="run.py"):
        measure(1)


def test_without_a_folder_the_last_figures_stand(monkeypatch):
    monkeypatch.delenv("FOREBAY_PEERS", raising=False)
    result = measure(1)
    assert not result["measured"] and result["peers"][0]["events_per_cpu_second"] > 0
