"""The same events through a JSON and a protobuf topic: the same features, changes and dead letters."""

import base64
import dataclasses
import json
import time

import polars as pl
import pytest
from confluent_kafka import Producer
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from tests.offline.conftest import delta_in_duckdb  # noqa: F401
from tests.oracle.model import Feature, Updates, View, Window, definitions
from tests.oracle.oracle import parse_time
from tests.system import runs
from tests.system.archive import archive_path, read_archive
from tests.system.broker import Broker
from tests.system.project import Project, forebay
from tests.system.scenario import Message, produce
from tests.system.scenarios import transactions
from tests.system.topics import dead_letters, updates
from tests.system.view_outcome import time_of
from tests.system.worker import Worker

PROTO = """
syntax = "proto3";
package shop.v1;
import "shop/channel.proto";

message Transaction {
  optional sint64 quantity = 1;
  optional string user_id = 2;
  optional int32 merchant_id = 3;
  repeated string tags = 4;
  optional double amount = 5;
  optional bool online = 6;
  Channel channel = 7;
  optional fixed64 event_time = 2000;
  optional string country = 8;
}
"""
CHANNEL_PROTO = """
syntax = "proto3";
package shop.v1;
enum Channel { POS = 0; WEB = 1; }
"""

# What a repartition topic feeds depends on how its source's partitions are mixed, but not this.
MERCHANTS = View(
    "merchant_totals",
    "merchant",
    ("merchant_id",),
    (
        Feature("n", "count(*)", "count", lambda row: 1, (Window.lifetime(),)),
        Feature("largest", "max(amount)", "max", lambda row: row["amount"], (Window.lifetime(),)),
    ),
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


def write_protos(folder):
    """What a project with this source has: the proto beside the definitions, its import elsewhere."""
    (folder / "features").mkdir(parents=True)
    (folder / "shop").mkdir()
    (folder / "features" / "transaction.proto").write_text(PROTO)
    (folder / "shop" / "channel.proto").write_text(CHANNEL_PROTO)


def message_class(folder, file="transaction.proto", message="shop.v1.Transaction"):
    out = folder / "out.binpb"
    arguments = ["protoc", f"-I{folder}", "--include_imports", f"--descriptor_set_out={out}"]
    assert protoc.main([*arguments, str(folder / "features" / file)]) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(message))


def in_protobuf(messages: list[Message], transaction) -> list[Message]:
    """Message by message, each good or bad for the same reason."""
    encoded = []
    whole = {}
    for number, message in enumerate(messages):
        if message.bad == "undecodable":
            value = transaction(**whole).SerializeToString() + b"\xff"
        else:
            whole = {k: v for k, v in json.loads(message.value).items() if v is not None}
            unused = {"tags": ["a", "b"], "channel": "WEB"} if number % 3 == 0 else {}
            value = transaction(**whole, **unused).SerializeToString()
        encoded.append(dataclasses.replace(message, value=value))
    return encoded


def test_the_same_events_in_both_formats_give_the_same(tmp_path, broker):
    scenario = transactions.scenario(project="formats", count=5_000)
    each = Updates(every="change")
    views = [dataclasses.replace(view, updates=each) for view in scenario.direct_views]
    views.append(MERCHANTS)
    both = definitions(scenario.source, views)
    both["sources"].append(
        both["sources"][0]
        | {
            "name": "encoded",
            "topic": "formats-encoded",
            "format": "protobuf",
            "proto": "transaction.proto",
        }
    )
    both["feature_views"] += [
        view | {"name": f"encoded_{view['name']}", "source": "encoded"}
        for view in both["feature_views"]
    ]
    folder = tmp_path / "project"
    write_protos(folder)
    transaction = message_class(folder)
    project = Project(folder, "formats", both, broker.address, **runs.INTERVALS)
    for topic, messages in [
        (scenario.source.topic, scenario.messages),
        ("formats-encoded", in_protobuf(scenario.messages, transaction)),
    ]:
        broker.create_topic(topic, scenario.partitions)
        produce(broker.address, topic, messages)
    Worker(project).run_until_idle()

    for view in scenario.direct_views:
        plain = updates(broker.address, project.update_topic(view.name))
        encoded = updates(broker.address, project.update_topic(f"encoded_{view.name}"))
        assert len(plain) > 500
        assert [without_view(u) for u in encoded] == [without_view(u) for u in plain]
    letters = dead_letters(broker.address, project.dead_letter_topic)
    of_plain = rejected(letters, scenario.source.topic)
    assert {reason for _, _, reason, _ in of_plain} > {"undecodable", "bad_event_time", "future"}
    assert rejected(letters, "formats-encoded") == of_plain
    with Worker(project) as worker:
        for view in views:
            newest = updates(broker.address, project.update_topic(view.name))
            keys = {u.key: {k: u.row[k] for k in view.keys} for u in newest if u.row}
            features = [f"{view.name}.{column}" for column in view.columns]
            plain = worker.batch_get(features, list(keys.values()))
            encoded = worker.batch_get([f"encoded_{f}" for f in features], list(keys.values()))
            assert len(keys) > 10
            assert encoded["values"] == plain["values"]
            assert encoded["statuses"] == plain["statuses"]


def without_view(update):
    """An update as it is for both: the header of the view's version is the same."""
    return (update.key, update.value, update.source, update.effective_time)


def rejected(letters, topic: str) -> list[tuple]:
    return sorted(
        (d.partition, d.rejected.offset, d.rejected.reason, d.rejected.view.removeprefix("encoded_"))
        for d in letters
        if d.topic == topic
    )


KINDS_PROTO = """
syntax = "proto3";
message Kinds {
  optional bool flag = 1;
  optional int64 whole = 2;
  optional double real = 3;
  optional string text = 4;
  optional bytes raw = 5;
  optional string said = 6;
  optional int64 s = 7;
  optional int64 ms = 8;
  optional int64 us = 9;
  optional int64 ns = 10;
}
"""
KINDS = {
    "flag": "bool",
    "whole": "int64",
    "real": "double",
    "text": "string",
    "raw": "bytes",
    "said": "timestamp",
    "s": "timestamp_s",
    "ms": "timestamp_ms",
    "us": "timestamp_us",
    "ns": "timestamp_ns",
}


def test_an_archive_holds_columns_of_every_type_though_no_view_reads_them(
    tmp_path, broker, delta_in_duckdb
):
    """Of a topic in JSON by a key that is a double, and of one in protobuf by none."""
    now = int(time.time())
    whole = {
        "flag": True,
        "whole": -(2**63),
        "real": 0.1,
        "text": "日本",
        "raw": b"\x00\xff",
        "said": "2026-03-01T12:00:00.123456Z",
        "s": now,
        "ms": -1,
        "us": 1_700_000_000_000_001,
        "ns": 1_700_000_000_000_001_999,
    }
    events = [(b"a", whole), (None, {"s": now - 86_400}), (b"", whole | {"flag": None, "s": now + 1})]
    source = {"schema": KINDS, "event_time": "s", "archive": "on"}
    encoded = source | {"format": "protobuf", "proto": "kinds.proto"}
    project_definitions = {
        "sources": [
            source | {"name": "plain", "topic": "plain-kinds", "key": ["real"]},
            encoded | {"name": "encoded", "topic": "encoded-kinds", "key": "none"},
        ]
    }
    folder = tmp_path / "project"
    (folder / "features").mkdir(parents=True)
    (folder / "features" / "kinds.proto").write_text(KINDS_PROTO)
    kinds = message_class(folder, "kinds.proto", "Kinds")
    project = Project(folder, "kinds", project_definitions, broker.address)
    producer = Producer({"bootstrap.servers": broker.address})
    for topic in ("plain-kinds", "encoded-kinds"):
        broker.create_topic(topic, 1)
        for key, fields in events:
            there = {name: value for name, value in fields.items() if value is not None}
            value = kinds(**there).SerializeToString()
            if topic == "plain-kinds":
                raw = {"raw": base64.b64encode(fields["raw"]).decode()} if "raw" in fields else {}
                value = json.dumps(fields | raw).encode()
            producer.produce(topic, value, key, timestamp=now * 1000 + 7)
    producer.produce("plain-kinds", b"{", timestamp=now * 1000 + 7)
    assert producer.flush(30) == 0
    done = forebay("validate", folder)
    assert "2 sources (2 archived)" in done.stdout, done.stdout + done.stderr
    Worker(project).run_until_idle()

    want = [archived_kinds(offset, now, key, fields) for offset, (key, fields) in enumerate(events)]
    for source in ("plain", "encoded"):
        archive = read_archive(project, source)
        assert archive.drop("_key_hash").to_dicts() == want
        assert archive["_key_hash"][1] == 0 and archive["_key_hash"].n_unique() == 3
        path = archive_path(project, source)
        by_duckdb = delta_in_duckdb.sql(f"FROM delta_scan('{path}') ORDER BY _source_offset")
        assert pl.from_arrow(by_duckdb.to_arrow_table()).select(archive.columns).equals(archive)


def archived_kinds(offset: int, now: int, key: bytes | None, fields: dict) -> dict:
    scale = {"s": 1_000_000, "ms": 1_000, "us": 1}
    row = {name: fields.get(name) for name in KINDS}
    for name in KINDS:
        if row[name] is not None and "timestamp" in KINDS[name]:
            value = row[name]
            row[name] = time_of(
                parse_time(value)
                if name == "said"
                else value // 1000
                if name == "ns"
                else value * scale[name]
            )
    timestamp = time_of(now * 1_000_000 + 7_000)
    return row | {
        "_event_time": row["s"],
        "_known_time": timestamp,
        "_timestamp": timestamp,
        "_key": key,
        "_source_partition": 0,
        "_source_offset": offset,
        "date": row["s"].date(),
    }
