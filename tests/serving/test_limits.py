"""Requests that once stopped serving: health answers meanwhile, and a worker stops when told to."""

import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.serving.conftest import ROOT, Server

TIMEOUT = 30  # of what is not to wait at all


@pytest.fixture(scope="module", autouse=True)
def files_for_clients():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def get(port: int, page: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=TIMEOUT) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def get_in_the_end(port: int, page: str) -> tuple[int, bytes]:
    """As a client does whose connection may be the one that makes room for another's."""
    for _ in range(20):
        with contextlib.suppress(ConnectionError):
            return get(port, page)
    raise AssertionError(f"{page}: twenty connections were closed without an answer")


def is_alive(port: int) -> bool:
    return get(port, "/healthz") == (200, b'{"status":"alive"}')


def head_of(length: int, path: str = "/v1/batch-get") -> bytes:
    return b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (path.encode(), length)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)


def status_of(connection: socket.socket) -> int:
    """Of the next answer; 0: the server has closed."""
    with contextlib.suppress(ConnectionError):
        if line := connection.makefile("rb").readline():
            return int(line.split()[1])
    return 0


def post(port: int, body: bytes) -> int:
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head_of(len(body)) + body)
        return status_of(connection)


MEGABYTE = 1 << 20
FEATURES = b'{"features": ["user_spend.spend_1h"], "entities": '

SHAPES = {
    "empty objects": FEATURES + b"[" + b"{}," * (MEGABYTE // 3) + b"{}]}",
    "open objects": FEATURES + b'[{"user_id":' * (MEGABYTE // 12),
    "open arrays": b"[" * MEGABYTE,
    "open arrays of features": b'{"features": ' + b"[" * MEGABYTE,
    "a number without end": FEATURES + b'[{"user_id": ' + b"1" * MEGABYTE,
    "a long number": FEATURES + b'[{"user_id": ' + b"1" * MEGABYTE + b"}]}",
    "a long fraction": FEATURES + b'[{"user_id": 0.' + b"1" * MEGABYTE + b"}]}",
    "a long string": FEATURES + b'[{"user_id": "' + b"\\u0000" * (MEGABYTE // 6) + b'" }, 1]}',
    "a long name": FEATURES + b'[{"' + b"x" * MEGABYTE + b'": 1}]}',
    "one key many times": FEATURES + b"[{" + b'"user_id":1,' * (MEGABYTE // 12) + b'"x":1}]}',
    "many keys": FEATURES + b"[{" + b",".join(b'"k%d":1' % i for i in range(80_000)) + b"}]}",
    "one field many times": b"{" + b'"at":1,' * (MEGABYTE // 7) + b'"at":1}',
    "many features": b'{"features": [' + b'"",' * (MEGABYTE // 3) + b'""]}',
    "an unknown field": b'{"x": ' + b"[{}," * (MEGABYTE // 4),
    "spaces": b" " * MEGABYTE,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_json_holds_up_the_server(server, shape):
    statuses = []
    senders = [
        threading.Thread(target=lambda: statuses.append(post(server.http_port, SHAPES[shape])))
        for _ in range(4)
    ]
    for sender in senders:
        sender.start()
    assert is_alive(server.http_port)
    for sender in senders:
        sender.join()
    assert statuses == [400] * 4


def test_uploads_that_stall_reserve_nothing(server):
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stalled = stack.enter_context(connect(server.http_port))
            stalled.sendall(head_of(16 * MEGABYTE) + b"{")
        assert is_alive(server.http_port)
        assert post(server.http_port, b" " * MEGABYTE) == 400


def test_uploads_that_stall_at_their_end_make_room_for_others(server):
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stalled = stack.enter_context(connect(server.http_port))
            with contextlib.suppress(ConnectionError):
                stalled.sendall(head_of(16 * MEGABYTE) + b" " * (16 * MEGABYTE - 1))
        assert is_alive(server.http_port)
        # Busy until the oldest has taken a second.
        while (status := post(server.http_port, b" " * MEGABYTE)) != 400:
            assert status == 503
        small = json.dumps({"features": ["user_spend.spend_1h"], "entities": [{"user_id": "u1"}]})
        assert post(server.http_port, small.encode()) == 200


@pytest.mark.parametrize("sent", [b"", b"POST /v1/get HTTP/1.1\r\nX-Slow: "])
def test_connections_without_a_request_make_room_for_others(server, sent):
    with contextlib.ExitStack() as stack:
        for _ in range(300):  # it takes 200
            stack.enter_context(connect(server.http_port)).sendall(sent)
        assert is_alive(server.http_port)


def grpc_health(port: int) -> int:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        return health.Check(request, timeout=TIMEOUT, wait_for_ready=True).status


def test_more_connections_than_files_leave_both_doors_open():
    few = Server(files=(64, 256))
    with contextlib.ExitStack() as stack:
        for port in (few.http_port, few.grpc_port):
            for _ in range(300):
                stack.enter_context(connect(port))
        assert is_alive(few.http_port)
        metrics = get(few.http_port, "/metrics")[1].decode()
        (count,) = re.findall("^forebay_http_connections (.*)$", metrics, re.MULTILINE)
        assert 64 <= float(count) < 128  # with those that are being closed
    assert grpc_health(few.grpc_port) == health_pb2.HealthCheckResponse.SERVING
    assert is_alive(few.http_port)
    assert few.stop() == 0


def peak_megabytes(process: subprocess.Popen) -> int:
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


@pytest.mark.parametrize(
    "method, unit, message",
    [
        ("BatchGet", b"\x1a\x00", "at most 10000 are allowed"),  # an empty entity
        ("BatchGet", b"\x12\x00", "more than 10000 features"),
        ("Get", b"\x12\x00", "more than 10000 features"),
        ("Get", b"\x1a\x00", "more than 100 key columns"),
        ("Get", b"\x1a\x06\x0a\x00\x12\x02\x3a\x00", "more than 100 key columns"),  # of lists
    ],
)
def test_a_grpc_request_is_counted_before_it_is_taken_apart(method, unit, message):
    server = Server()
    body = unit * ((4 * MEGABYTE - 8) // len(unit))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary(f"/forebay.v1.FeatureServing/{method}")
        assert grpc_health(server.grpc_port) == health_pb2.HealthCheckResponse.SERVING
        before = peak_megabytes(server.process)
        calls = [call.future(body, timeout=TIMEOUT) for _ in range(4)]
        assert grpc_health(server.grpc_port) == health_pb2.HealthCheckResponse.SERVING
        for answer in calls:
            assert answer.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert message in answer.details()
        assert peak_megabytes(server.process) - before < 100  # 4 times 4 MB, some times copied
    assert server.stop() == 0


PROJECT = """project: shop
state: {folder}/state
warehouse: {folder}/warehouse
serving: {{http_port: 0, grpc_port: 0}}
"""
FEATURES_YAML = """sources:
  - name: transactions
    topic: transactions
    format: json
    key: [user_id]
    schema: {user_id: string, amount: double, at: timestamp_ms}
    event_time: at
entities:
  - {name: user, keys: {user_id: string}}
feature_views:
  - name: user_spend
    version: 1
    source: transactions
    entity: user
    features:
      - {name: spend, value: sum(amount), windows: [1h]}
"""


def test_a_worker_under_all_of_this_serves_and_ends_when_told_to(tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "forebay.yaml").write_text(PROJECT.format(folder=tmp_path))
    (tmp_path / "features/a.yaml").write_text(FEATURES_YAML)
    build = ROOT / os.environ.get("FOREBAY_BUILD", "build")
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(
            [build / "cli/forebay", "run", tmp_path, "--broker", "embedded"],
            stdout=subprocess.PIPE,
            stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 1024)),
        )
    ports = json.loads(worker.stdout.readline())
    port = ports["http_port"]
    ended = threading.Event()

    def attack(body):
        while not ended.is_set():
            with contextlib.suppress(OSError):
                post(port, body)

    attackers = [
        threading.Thread(target=attack, args=[SHAPES[shape]])
        for shape in ("empty objects", "empty objects", "open arrays", "many keys")
    ]
    with contextlib.ExitStack() as stack:
        try:
            for door in (port, ports["grpc_port"]):
                for i in range(600):
                    connection = stack.enter_context(connect(door))
                    if i % 2:
                        connection.sendall(head_of(16 * MEGABYTE) + b"{")
            for attacker in attackers:
                attacker.start()
            for page in ("/healthz", "/readyz", "/metrics"):
                assert get_in_the_end(port, page)[0] == 200
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=TIMEOUT) == 0
        finally:
            ended.set()
            worker.kill()
            worker.wait()
    for attacker in attackers:
        attacker.join()
    worker.stdout.close()
    assert "only 1024 files may be open" in (tmp_path / "log").read_text()
