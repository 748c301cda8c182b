"""A project folder for a test, and the `forebay` command run in it."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def forebay_binary() -> pathlib.Path:
    return (
        pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build")).resolve() / "cli" / "forebay"
    )


class Project:
    """A folder with forebay.yaml, features/, and, beside them, the state and the warehouse.

    `definitions` as oracle.model.definitions() gives them; both files are JSON, which YAML includes.
    """

    def __init__(self, folder: os.PathLike, name: str, definitions: dict, brokers: str, **config):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.state = self.folder / "state"
        self.warehouse = self.folder / "warehouse"
        self.storage_options: dict[str, str] | None = None  # for readers of tables in a bucket
        (self.folder / "features").mkdir(parents=True, exist_ok=True)
        self.config = {
            "project": name,
            "kafka": {"bootstrap.servers": brokers},
            "state": str(self.state),
            "warehouse": str(self.warehouse),
            "serving": {"address": "127.0.0.1", "http_port": 0, "grpc_port": 0},
        } | config
        self.write_config()
        self.write_definitions(definitions)

    def write_config(self) -> None:
        (self.folder / "forebay.yaml").write_text(json.dumps(self.config, indent=2))

    def write_definitions(self, definitions: dict) -> None:
        (self.folder / "features" / "features.yaml").write_text(json.dumps(definitions, indent=2))

    def apply(self) -> None:
        """Puts the definitions into the catalog, also where a worker would not by itself."""
        done = forebay("apply", "--yes", self.folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def table(self, view: str, version: int = 1) -> str:
        warehouse = self.config["warehouse"]
        root = warehouse if "://" in warehouse else str(self.warehouse)
        return f"{root}/offline/{view}/v{version}"

    def update_topic(self, view: str, version: int = 1) -> str:
        return f"{self.name}.{view}.v{version}"

    @property
    def dead_letter_topic(self) -> str:
        return f"{self.name}.dead-letter"


def forebay(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess:
    """Runs the command to its end; text in stdout and stderr."""
    command = [str(forebay_binary()), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
