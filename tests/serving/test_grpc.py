"""gRPC as a client without our .proto sees it: everything found through reflection."""

import concurrent.futures
import math
import socket

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICE = "forebay.v1.FeatureServing"
EVENT_TIME = 1_357_016_400_000_000
EFFECTIVE_TIME = EVENT_TIME + 1_500_000


class Stub:
    """Calls by method name and JSON form of the request."""

    def __init__(self, port: int):
        options = [("grpc.max_receive_message_length", 64 << 20)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self.services = ProtoReflectionDescriptorDatabase(self.channel)
        self.service = DescriptorPool(self.services).FindServiceByName(SERVICE)

    def call(self, method: str, request: dict):
        description = self.service.FindMethodByName(method)
        message = json_format.ParseDict(request, GetMessageClass(description.input_type)())
        response = GetMessageClass(description.output_type)
        function = self.channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return function(message, timeout=30)

    def health(self, service: str = "") -> str:
        stub = health_pb2_grpc.HealthStub(self.channel)
        response = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)


@pytest.fixture(scope="module")
def stub(server):
    made = Stub(server.grpc_port)
    yield made
    made.channel.close()


def user(name: str) -> dict:
    return {"user_id": {"stringValue": name}}


def test_reflection_lists_and_describes_the_services(stub):
    health = "grpc.health.v1.Health"
    assert {SERVICE, health} <= set(stub.services.get_services())
    methods = DescriptorPool(stub.services).FindServiceByName(health).methods_by_name
    assert set(methods) == {"Check", "Watch"}


def test_health_is_known_for_the_server_and_the_service_only(stub):
    assert (stub.health(), stub.health(SERVICE)) == ("SERVING", "SERVING")
    with pytest.raises(grpc.RpcError) as error:
        stub.health("shop.Carts")
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert error.value.details() == (
        f'no service "shop.Carts": ask for "{SERVICE}", or "" for the server'
    )


def test_get_answers_typed_values_in_the_order_asked_for(stub):
    entity = user("u3") | {"merchant_id": {"int64Value": "13"}}
    answer = stub.call(
        "Get", {"features": ["merchant_sales.sales_24h", "user_spend.*"], "entity": entity}
    )
    cells = [
        (f.name, f.value.WhichOneof("kind"), f.status, f.effective_time, f.event_time)
        for f in answer.features
    ]
    times = (EFFECTIVE_TIME, EVENT_TIME)
    assert cells == [
        ("merchant_sales.sales_24h", "double_value", 1, *times),
        ("user_spend.count_1h", "int64_value", 1, *times),
        ("user_spend.spend_1h", "double_value", 1, *times),
        ("user_spend.last_country", "string_value", 1, *times),
        ("user_spend.last_seen", "timestamp_value", 1, *times),
        ("user_spend.is_new", "bool_value", 1, *times),
        ("user_spend.nothing", None, 3, *times),
    ]
    assert answer.features[0].value.double_value == -math.inf
    assert answer.features[2].value.double_value == 0.1 * 3


def test_lists_hold_typed_values(stub):
    answer = stub.call("Get", {"features": ["recent.*"], "entity": user("u1")})
    lists = {
        f.name: [(v.WhichOneof("kind"), getattr(v, v.WhichOneof("kind"))) for v in f.value.list_value.values]
        for f in answer.features
    }
    assert lists == {
        "recent.flags": [("bool_value", True), ("bool_value", False)],
        "recent.counts": [("int64_value", -1), ("int64_value", 2**63 - 1)],
        "recent.amounts": [("double_value", 0.1), ("double_value", math.inf)],
        "recent.countries": [("string_value", "DE"), ("string_value", "")],
        "recent.payloads": [("bytes_value", b"\0\xff")],
        "recent.times": [("timestamp_value", EVENT_TIME), ("timestamp_value", 0)],
    }
    absent = stub.call("Get", {"features": ["recent.counts"], "entity": user("nobody")})
    assert absent.features[0].value.WhichOneof("kind") is None


def test_a_list_is_no_key(stub):
    with pytest.raises(grpc.RpcError) as error:
        stub.call("Get", {"features": ["recent.*"], "entity": {"user_id": {"listValue": {}}}})
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "must be of type string, not a list" in error.value.details()


def test_a_key_that_is_not_there_has_defaults_and_no_times(stub):
    answer = stub.call("Get", {"features": ["user_spend.count_1h"], "entity": user("nobody")})
    assert json_format.MessageToDict(answer) == {
        "features": [
            {"name": "user_spend.count_1h", "value": {"int64Value": "0"}, "status": "NOT_FOUND"}
        ]
    }


def test_batch_get_answers_columns_as_long_as_the_request(stub):
    entities = [{"keys": user("u1")}, {"keys": user("nobody")}]
    answer = stub.call("BatchGet", {"features": ["user_spend.spend_1h"], "entities": entities})
    (column,) = answer.features
    assert [v.WhichOneof("kind") for v in column.values] == ["double_value", None]
    assert (list(column.statuses), list(column.effective_times), list(column.event_times)) == (
        [1, 2],
        [EFFECTIVE_TIME, 0],
        [EVENT_TIME, 0],
    )


@pytest.mark.parametrize(
    "day", [{"timestampValue": str(EVENT_TIME)}, {"stringValue": "2013-01-01T06:00:00+01:00"}]
)
def test_timestamps_are_taken_as_microseconds_or_text(stub, day):
    entity = {"day": day, "holiday": {"boolValue": True}}
    answer = stub.call("Get", {"features": ["day_totals.total"], "entity": entity})
    assert answer.features[0].value.int64_value == 2**63 - 1


def test_at_decides_about_max_age(stub):
    request = {"features": ["merchant_sales.*"], "entity": {"merchant_id": {"int64Value": "1"}}}
    request["at"] = str(EVENT_TIME + 3_600_000_000)
    assert [f.status for f in stub.call("Get", request).features] == [1, 1]
    request["at"] = str(EVENT_TIME + 3_600_000_001)
    assert [f.status for f in stub.call("Get", request).features] == [4, 4]


@pytest.mark.parametrize(
    "method, request_, code, message",
    [
        ("Get", {}, "INVALID_ARGUMENT", "nothing is asked for"),
        ("Get", {"featureService": "frad"}, "NOT_FOUND", "did you mean 'fraud'?"),
        ("Get", {"features": ["user_spend.*"]}, "INVALID_ARGUMENT", "user_id is missing"),
        ("Get", {"features": ["user_spend.*"], "entity": {"user_id": {"int64Value": "1"}}},
         "INVALID_ARGUMENT", "must be of type string, not the integer 1"),
        ("Get", {"features": ["broken.x"], "entity": user("u")}, "UNAVAILABLE", "not running"),
        ("Get", {"featureService": "x" * 100_000}, "NOT_FOUND", "unknown feature service"),
        ("BatchGet", {"featureService": "fraud", "entities": [{}] * 10_001}, "INVALID_ARGUMENT",
         "at most 10000"),
    ],
)  # fmt: skip
def test_errors_have_the_codes_and_messages_of_http(stub, method, request_, code, message):
    with pytest.raises(grpc.RpcError) as error:
        stub.call(method, request_)
    assert error.value.code().name == code
    assert message in error.value.details()


def test_a_request_above_4_mb_is_refused(stub):
    with pytest.raises(grpc.RpcError) as error:
        stub.call("Get", {"featureService": "x" * (4 << 20)})
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_concurrent_clients_get_their_own_answers(server):
    stubs = [Stub(server.grpc_port) for _ in range(4)]

    def ask(i):
        request = {"features": ["user_spend.count_1h"], "entity": user(f"u{i}")}
        return stubs[i % 4].call("Get", request).features[0].value.int64_value

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(1, 500))) == list(range(1, 500))
    entities = [{"keys": user(f"u{i}")} for i in range(10_000)]
    answer = stubs[0].call("BatchGet", {"features": ["user_spend.*"], "entities": entities})
    assert [v.int64_value for v in answer.features[0].values] == list(range(10_000))
    for stub in stubs:
        stub.channel.close()


def test_bytes_that_are_not_grpc_leave_the_server_alive(server, stub):
    for data in [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff" * 9]:
        with socket.create_connection(("127.0.0.1", server.grpc_port), timeout=30) as connection:
            connection.sendall(data)
    # A frame of the right method whose message is no GetRequest.
    function = stub.channel.unary_unary(f"/{SERVICE}/Get")
    with pytest.raises(grpc.RpcError):
        function(b"\xff\xff\xff\xff", timeout=30)
    assert stub.health() == "SERVING"


def test_a_batch_of_none_answers_empty_columns(stub):
    answer = stub.call("BatchGet", {"features": ["user_spend.count_1h"]})
    assert json_format.MessageToDict(answer) == {"features": [{"name": "user_spend.count_1h"}]}
