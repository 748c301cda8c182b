"""Other stream engines on the same events and features: run beside forebay where FOREBAY_PEERS names
a folder with their runner, else as they were last measured (peers.json).

The folder has `run.py NAME...`, which prints a line of JSON for each run, `broker/broker.sh
start|stop`, and, in $W (default: peers-work/streams below it), what those were built to: `bin/gen`,
`cls-*` and `lib-*`.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess

from bench.workshop import BenchFailed, Workshop

LAST = pathlib.Path(__file__).with_name("peers.json")
EVENTS = 5_000_000  # their runner's own number
ADDRESS = "127.0.0.1:29092"  # their broker's


def measure(workshop: Workshop) -> dict:
    """{"measured": whether in this call, "taken", "machine", "peers": rows}."""
    last = json.loads(LAST.read_text())
    folder = os.environ.get("FOREBAY_PEERS")
    if not folder:
        return last | {"measured": False}
    names = [peer["name"] for peer in last["peers"]]
    runs = _run_all(pathlib.Path(folder).resolve(), names, workshop.settings.peer_runs)
    rows = [peer | _typical(runs[peer["name"]]) for peer in last["peers"]]
    return {"measured": True, "peers": rows}


def _run_all(folder: pathlib.Path, names: list[str], count: int) -> dict[str, list[dict]]:
    work = pathlib.Path(os.environ.get("W", folder / "peers-work" / "streams"))
    if not (folder / "run.py").exists() or not (work / "bin" / "gen").exists():
        raise BenchFailed(
            f"FOREBAY_PEERS is {folder}, where no run.py is, or {work} lacks bin/gen: build the peers "
            "first, or unset FOREBAY_PEERS to show their last figures"
        )
    environment = os.environ | {"W": str(work), "LOCK": str(work / "lock")}

    def call(*command: object) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise BenchFailed(
                f"{command} in {folder} ended with {done.returncode}:\n{done.stderr[-3000:]}"
            )
        return done.stdout

    call("bash", "broker/broker.sh", "start")
    try:
        call(work / "bin" / "gen", "produce", ADDRESS, "transactions", EVENTS)
        printed = call("python3", "run.py", *names * count)
    finally:
        call("bash", "broker/broker.sh", "stop")
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    runs = {name: [line for line in lines if line["name"] == name] for name in names}
    for name, found in runs.items():
        if len(found) != count or any("ev_cpu_s" not in run for run in found):
            raise BenchFailed(f"{name} gave no figure: {found}")
    return runs


def _typical(runs: list[dict]) -> dict:
    return {
        "events_per_second": statistics.median(run["ev_s"] for run in runs),
        "events_per_cpu_second": statistics.median(run["ev_cpu_s"] for run in runs),
        "peak_megabytes": max(run["rss_mb"] for run in runs),
    }
