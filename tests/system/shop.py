"""A project with a topic of orders, whose definitions change while tests look at it."""

from __future__ import annotations

import json
import pathlib
import time

from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.scenario import Message, produce
from tests.system.worker import Worker

START_MS = 1_709_164_800_000
SOURCE = {
    "name": "orders",
    "key": ["user_id"],
    "schema": {"user_id": "string", "item": "string", "amount": "double", "at": "timestamp_ms"},
    "event_time": "at",
    "known_time": "event_time",
}



def view(version: int = 1, value: str = "sum(amount)", **more) -> dict:
    feature = {"name": "paid", "value": value, "windows": ["lifetime"]}
    return {
        "name": "spend", "version": version, "source": "orders", "entity": "user", "features": [feature], **more,
    }  # fmt: skip


class Shop:
    """A project whose topic has ten orders of each of three users: 1, 2, ... 10."""

    def __init__(self, folder: pathlib.Path, broker: Broker, name: str):
        self.topic = f"{name}.orders"
        broker.create_topic(self.topic, 2)
        produce(broker.address, self.topic, [order(user, n) for n in range(10) for user in "abc"])
        self.project = Project(folder, name, {}, broker.address, catalog_interval="20ms", flush_interval="500ms")
        self.define([view()])

    @classmethod
    def beside(cls, shop: "Shop", worker_id: str) -> "Shop":
        """The same project with another worker_id and state folder."""
        other = cls.__new__(cls)
        other.topic = shop.topic
        config = shop.project.config | {"worker_id": worker_id}
        folder = shop.project.folder / worker_id
        other.project = Project(folder, shop.project.name, {}, shop.project.config["kafka"]["bootstrap.servers"],
                                **config | {"state": str(folder / "state")})  # fmt: skip
        other.define([view()])
        return other

    def define(self, views: list[dict], service: list[str] = ("spend.paid_lifetime",)) -> None:
        definitions = {
            "sources": [SOURCE | {"topic": self.topic}],
            "entities": [
                {"name": "user", "keys": {"user_id": "string"}},
                {"name": "item", "keys": {"item": "string"}},
            ],
            "feature_views": views,
        }
        if service:
            definitions["feature_services"] = [{"name": "checkout", "features": list(service)}]
        self.project.write_definitions(definitions)

    def run(self, *arguments, code: int = 0) -> str:
        """Of a command, what it says."""
        done = forebay(*arguments, *(["-p"] if arguments[0] in ("model", "catalog", "lineage") else []),
                       self.project.folder)  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def apply(self, *arguments) -> str:
        return self.run("apply", "--yes", *arguments)

    def commits(self, builds: bool = False) -> list[dict]:
        """Without what workers say of the views that they bring up, unless `builds`."""
        files = sorted((self.project.warehouse / "_catalog" / self.project.name).glob("[0-9]*[0-9].json"))
        commits = [json.loads(file.read_text().splitlines()[0]) for file in files]
        return [commit for commit in commits if builds or commit["command"] != "bring up"]


def order(user: str, n: int) -> Message:
    at = START_MS + n * 1000
    value = {"user_id": user, "item": f"item{n}", "amount": n + 1.0, "at": at}
    return Message(user, json.dumps(value).encode(), at)


def paid(worker: Worker, **question) -> float:
    answer = worker.post("/v1/get", {"entity": {"user_id": "a"}, **question})
    (cell,) = answer["features"].values()
    return cell["value"]


def wait_until(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.01)
