"""Other stream engines on the same events and features, where FOREBAY_PEERS names a folder with their
runner.

The folder has `run.py NAME`, which prints a line of JSON for a run, `broker/broker.sh
start|stop`, and, in $W (default: peers-work/streams below it), what those were built to: `bin/gen`,
`cls-*` and `lib-*`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess

from bench.variants import DEFAULTS_NO_TABLE, STATE, UPDATES, Variant
from bench.workshop import BenchFailed

EVENTS = 5_000_000  # their runner's own number
ADDRESS = "127.0.0.1:29092"  # their broker's
FLINK_HEAP = "Flink 2.2.1, tuned, heap state"


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str  # the runner's
    engine: str
    output: str
    counterpart: Variant  # what gives nearly the same

    @property
    def title(self) -> str:
        return f"{self.engine}, {self.output}"


ALL = (
    Peer("flink-heap-json-eo", FLINK_HEAP, "Kafka, JSON, exactly once", DEFAULTS_NO_TABLE),
    Peer("flink-heap-kafka", FLINK_HEAP, "Kafka, 184 bytes, at least once", UPDATES),
    Peer(
        "ks-eos-kafka",
        "Kafka Streams 4.3.1, tuned, RocksDB, commits every 10 s",
        "Kafka, 184 bytes, exactly once",
        UPDATES,
    ),
    Peer("flink-heap-state", FLINK_HEAP, "none", STATE),
    Peer("flink-rocksdb-state", "Flink 2.2.1, tuned, RocksDB", "none", STATE),
    Peer("ks-alos-state", "Kafka Streams 4.3.1, tuned, RocksDB", "none", STATE),
)


def folder() -> pathlib.Path | None:
    """Where they are, if they are to be run."""
    named = os.environ.get("FOREBAY_PEERS")
    return pathlib.Path(named).resolve() if named else None


class Runner:
    """Has their broker with the events. A context manager."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._work = pathlib.Path(os.environ.get("W", folder / "peers-work" / "streams"))
        if not (folder / "run.py").exists() or not (self._work / "bin" / "gen").exists():
            raise BenchFailed(
                f"FOREBAY_PEERS is {folder}, where no run.py is, or {self._work} lacks bin/gen: build "
                "the peers first, or unset FOREBAY_PEERS"
            )

    def __enter__(self) -> "Runner":
        self._call("bash", "broker/broker.sh", "start")
        try:
            self._call(self._work / "bin" / "gen", "produce", ADDRESS, "transactions", EVENTS)
        except BenchFailed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self._call("bash", "broker/broker.sh", "stop")

    def run(self, name: str) -> dict:
        """The figures of one run."""
        printed = self._call("python3", "run.py", name)
        runs = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        if len(runs) != 1 or "ev_cpu_s" not in runs[0]:
            raise BenchFailed(f"{name} gave no figure: {runs}")
        return {
            "events_per_second": runs[0]["ev_s"],
            "events_per_cpu_second": runs[0]["ev_cpu_s"],
            "peak_megabytes": runs[0]["rss_mb"],
        }

    def _call(self, *command: object) -> str:
        environment = os.environ | {"W": str(self._work), "LOCK": str(self._work / "lock")}
        done = subprocess.run(
            list(map(str, command)),
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise BenchFailed(
                f"{command} in {self._folder} ended with {done.returncode}:\n{done.stderr[-3000:]}"
            )
        return done.stdout
