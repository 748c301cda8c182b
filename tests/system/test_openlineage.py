"""OpenLineage events of runs: to a file and over HTTP, read with the classes that OpenLineage makes of its JSON schemas."""

from __future__ import annotations

import enum
import http.server
import importlib
import inspect
import json
import pathlib
import pkgutil
import threading
import time
import types
import typing
import uuid

import attr
import openlineage.client.generated as generated
import polars as pl
import pytest
from openlineage.client.generated import base

from tests.system.broker import Broker
from tests.system.project import forebay
from tests.system.shop import START_MS, Shop, view
from tests.system.worker import Worker

MODULES = [importlib.import_module(f"{generated.__name__}.{one.name}") for one in pkgutil.iter_modules(generated.__path__)]  # fmt: skip
FACETS = {
    kind._get_schema(): kind
    for module in MODULES
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, base.BaseFacet)
}


def check(value, kind) -> None:
    """Whether a value of JSON is of a type of the generated classes: no field that these lack, none missing."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        kinds = [one for one in typing.get_args(kind) if one is not type(None)]
        assert len(kinds) == 1, kind
        assert value is not None
        check(value, kinds[0])
    elif origin is list:
        assert isinstance(value, list)
        for one in value:
            check(one, typing.get_args(kind)[0])
    elif origin is dict:
        assert isinstance(value, dict)
        for one in value.values():
            check(one, typing.get_args(kind)[1])
    elif inspect.isclass(kind) and issubclass(kind, base.BaseFacet):
        check_fields(value, FACETS[value["_schemaURL"]], kind)
    elif attr.has(kind):
        check_fields(value, kind, kind)
    elif inspect.isclass(kind) and issubclass(kind, enum.Enum):
        kind(value)
    elif kind is not typing.Any:
        assert type(value) is kind, f"{value!r} is no {kind}"


def check_fields(value: dict, kind: type, expected: type) -> None:
    assert issubclass(kind, expected)
    names = vars(typing) | vars(base) | vars(importlib.import_module(kind.__module__))
    hints = typing.get_type_hints(kind, names)
    fields = {field.name: field for field in attr.fields(kind)}
    assert set(value) <= set(fields), f"{kind.__name__} has no {set(value) - set(fields)}"
    for name, field in fields.items():
        if name in value:
            check(value[name], hints[name])
        else:
            assert field.default is not attr.NOTHING, f"{kind.__name__} lacks {name}"


def check_event(event: dict) -> None:
    check(event, base.RunEvent)
    assert event["schemaURL"] == base.RunEvent._get_schema()
    assert uuid.UUID(event["run"]["runId"]).version == 7
    base.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        run=base.Run(event["run"]["runId"]),
        job=base.Job(**event["job"]),
    )


def events_of(path: pathlib.Path) -> list[dict]:
    events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for event in events:
        check_event(event)
    return events


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        shop = Shop(tmp_path_factory.mktemp("shop"), broker, "told")
        shop.define([view(description="What was paid", where="amount > 0")])
        yield shop


def tell(shop, **where) -> None:
    shop.project.config["openlineage"] = where
    shop.project.write_config()


def test_the_check_finds_what_is_wrong():
    with pytest.raises(AssertionError, match="lacks job"):
        check({"eventTime": "x", "run": {"runId": str(uuid.uuid4())}}, base.RunEvent)
    facet = {"_producer": "urn:x", "_schemaURL": FACETS and next(url for url in FACETS if "ErrorMessage" in url)}
    with pytest.raises(AssertionError, match="lacks message"):
        check(facet, base.RunFacet)
    with pytest.raises(AssertionError, match="has no"):
        check({"namespace": "a", "name": "b", "x": 1}, base.Dataset)


def test_a_worker_a_training_set_and_a_compaction_tell_of_themselves(shop):
    folder = shop.project.folder
    told = folder / "told.jsonl"
    tell(shop, file="told.jsonl", every="100ms")
    with Worker(shop.project):
        while not any(event["eventType"] == "RUNNING" for event in events_of(told)):
            time.sleep(0.01)
    events = events_of(told)
    assert [events[0]["eventType"], events[-1]["eventType"]] == ["START", "COMPLETE"]
    assert {event["eventType"] for event in events[1:-1]} == {"RUNNING"}
    assert {event["job"]["name"] for event in events} == {"told.worker"}
    assert len({event["run"]["runId"] for event in events}) == 1
    end = events[-1]
    broker = shop.project.config["kafka"]["bootstrap.servers"].split(",")[0]
    (topic,) = end["inputs"]
    assert (topic["namespace"], topic["name"]) == (f"kafka://{broker}", shop.topic)
    table, updates = end["outputs"]
    assert (table["namespace"], table["name"]) == ("file", shop.project.table("spend"))
    assert updates["name"] == shop.project.update_topic("spend")
    assert [one["name"] for one in table["facets"]["schema"]["fields"]] == ["user_id", "paid_lifetime"]
    lineage = table["facets"]["columnLineage"]
    assert [one["field"] for one in lineage["fields"]["paid_lifetime"]["inputFields"]] == ["amount"]
    shaping = {(one["field"], one["transformations"][0]["subtype"]) for one in lineage["dataset"]}
    assert shaping == {("user_id", "GROUP_BY"), ("amount", "FILTER")}
    assert int(table["facets"]["version"]["datasetVersion"]) > 0

    told.unlink()
    labels = pl.DataFrame({"user_id": ["a", "b"], "ts": [START_MS + 3600_000] * 2})
    labels.with_columns(pl.from_epoch("ts", "ms").dt.replace_time_zone("UTC")).write_parquet(folder / "labels.parquet")
    set_of = ["training-set", "--project", folder, "--time", "ts", "--features", "checkout", "--out", folder / "set.parquet"]
    assert forebay(*set_of, "--labels", folder / "labels.parquet").returncode == 0
    start, end = events_of(told)
    assert (start["eventType"], end["eventType"], end["job"]["name"]) == ("START", "COMPLETE", "told.training_set.set")
    assert [one["name"] for one in end["inputs"]] == [str(folder / "labels.parquet"), shop.project.table("spend")]
    assert end["inputs"][1]["facets"]["version"]["datasetVersion"] == table["facets"]["version"]["datasetVersion"]
    (made,) = end["outputs"]
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 2

    told.unlink()
    assert forebay(*set_of, "--labels", folder / "nowhere.parquet").returncode == 1
    start, end = events_of(told)
    assert end["eventType"] == "FAIL"
    assert "nowhere.parquet" in end["run"]["facets"]["errorMessage"]["message"]

    told.unlink()
    assert forebay("compact", "--project", folder).returncode == 0
    assert [(event["eventType"], event["job"]["name"]) for event in events_of(told)] == [
        ("START", "told.compact"), ("COMPLETE", "told.compact"),
    ]  # fmt: skip


class Receiver(http.server.BaseHTTPRequestHandler):
    """Of events, as Marquez takes them; the first is to be sent again."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(503 if len(self.server.received) == 1 else 201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def test_events_are_posted_with_a_key_and_work_goes_on_where_nobody_takes_them(shop):
    folder = shop.project.folder
    (folder / "key").write_text("secret\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.received = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tell(shop, url=f"http://127.0.0.1:{server.server_port}", api_key_file="key", namespace="fraud")
        assert forebay("compact", "--project", folder).returncode == 0
        server.shutdown()
    assert {(path, key) for path, key, _ in server.received} == {("/api/v1/lineage", "Bearer secret")}
    events = [event for _, _, event in server.received]
    for event in events:
        check_event(event)
    assert [event["eventType"] for event in events] == ["START", "START", "COMPLETE"]
    assert events[-1]["job"]["namespace"] == "fraud"

    tell(shop, url=f"http://127.0.0.1:{server.server_port}", file="no/such/folder/file")
    done = forebay("compact", "--project", folder)
    assert done.returncode == 0
    assert done.stderr.count("OpenLineage events are dropped") == 1
