"""Other engines, run by a runner of their own: here one that only prints figures."""

import pytest

from bench import peers
from bench.workshop import BenchFailed

RUNNER = """
import json, sys
(name,) = sys.argv[1:]
print("noise")
print(json.dumps({"name": name, "ev_s": 5000, "ev_cpu_s": 2000, "rss_mb": 900}))
"""
LOGGER = '#!/bin/sh\necho "$(basename $0) $*" >>$W/calls\n'


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
    monkeypatch.delenv("W", raising=False)
    return tmp_path


def calls_in(folder):
    return (folder / "peers-work" / "streams" / "calls").read_text().splitlines()


def test_they_are_run_on_their_own_broker(folder):
    with peers.Runner(folder) as runner:
        figures = runner.run("other")
    assert figures == {
        "events_per_second": 5_000,
        "events_per_cpu_second": 2_000,
        "peak_megabytes": 900,
    }
    assert calls_in(folder) == [
        "broker.sh start",
        "gen produce 127.0.0.1:29092 transactions 5000000",
        "broker.sh stop",
    ]


def test_a_failed_run_says_why_and_stops_the_broker(folder):
    (folder / "run.py").write_text("raise SystemExit('no topic')")
    with pytest.raises(BenchFailed, match="no topic"), peers.Runner(folder) as runner:
        runner.run("other")
    assert calls_in(folder)[-1] == "broker.sh stop"


def test_a_run_without_figures_is_a_failed_one(folder):
    (folder / "run.py").write_text("print('{}')")
    with pytest.raises(BenchFailed, match="no figure"), peers.Runner(folder) as runner:
        runner.run("other")


def test_a_broker_without_events_is_stopped(folder):
    (folder / "peers-work" / "streams" / "bin" / "gen").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(BenchFailed, match="produce"), peers.Runner(folder):
        pass
    assert calls_in(folder) == ["broker.sh start", "broker.sh stop"]


def test_a_folder_without_a_runner_is_explained(tmp_path, monkeypatch):
    monkeypatch.delenv("W", raising=False)
    with pytest.raises(BenchFailed, match="run.py"):
        peers.Runner(tmp_path)
