"""The same events through a JSON and a protobuf topic: the same features, changes and dead letters."""

import dataclasses
import json

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from tests.oracle.model import Feature, Updates, View, Window, definitions
from tests.system import runs
from tests.system.broker import Broker
from tests.system.project import Project
from tests.system.scenario import Message, produce
from tests.system.scenarios import transactions
from tests.system.topics import dead_letters, updates
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


def message_class(folder):
    out = folder / "transaction.binpb"
    arguments = ["protoc", f"-I{folder}", "--include_imports", f"--descriptor_set_out={out}"]
    assert protoc.main([*arguments, str(folder / "features" / "transaction.proto")]) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.v1.Transaction"))


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
