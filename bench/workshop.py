"""What the stages share: the settings, a broker with the events, and project folders."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil

from bench import measured_process
from tests.system.broker import Broker

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOPIC = "transactions"


class BenchFailed(Exception):
    """A stage could not measure; the message says why."""


@dataclasses.dataclass
class Settings:
    events: int = 1_000_000
    users: int = 1_000_000
    zipf: float = 1.05
    partitions: int = 4
    runs: int = 3
    keys: int = 100_000  # with state, for the engine alone and lookups in process
    lookups: int = 1_000_000  # in process
    load_seconds: float = 10  # of lookups over the network, each
    labels: int = 1_000_000
    profile: bool = False


class Workshop:
    """Owns the folder `folder`, and the broker once a stage asked for it. A context manager."""

    def __init__(self, folder: pathlib.Path, settings: Settings):
        self.folder = folder
        self.settings = settings
        self.kept_project: pathlib.Path | None = None  # of the last whole run, exactly once
        self._broker: Broker | None = None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *exception) -> None:
        if self._broker is not None:
            self._broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self) -> pathlib.Path:
        return self.folder / "log"

    def broker(self) -> Broker:
        """Started, with the events in its topic."""
        if self._broker is None:
            self._broker = Broker(self.folder / "broker")
            self._broker.start()
            s = self.settings
            self.produce(TOPIC, s.events, s.users, s.zipf)
        return self._broker

    def produce(self, topic: str, events: int, users: int, zipf: float) -> None:
        command = [binary("bench/produce_transactions"), "--brokers", self.broker().address]
        command += ["--topic", topic, "--partitions", self.settings.partitions]
        command += ["--events", events, "--users", users, "--zipf", zipf]
        measured_process.run(command, self.log)

    def make_project(self, name: str, topic: str = TOPIC, **config) -> pathlib.Path:
        """A copy of bench/transactions that reads `topic`. Its name is that of its consumer group
        and the first part of that of its topics."""
        folder = self.folder / name
        features = pathlib.Path("transactions", "features")
        shutil.copytree(ROOT / "bench" / features, folder / "features")
        for path in (folder / "features").iterdir():
            path.write_text(path.read_text().replace("topic: transactions", f"topic: {topic}"))
        entries = {
            "project": name,
            "kafka": {"bootstrap.servers": self.broker().address},
            "serving": {"address": "127.0.0.1", "http_port": 0, "grpc_port": 0},
        }
        (folder / "forebay.yaml").write_text(json.dumps(entries | config))
        return folder


def binary(path: str) -> pathlib.Path:
    """A program of the build folder."""
    found = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build")).resolve() / path
    if not found.exists():
        raise BenchFailed(f"{found} is not built: run ./dev build")
    return found
