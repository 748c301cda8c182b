"""Readiness, ports that are taken, stopping."""

import threading
import time
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.serving.conftest import Server


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def readyz(server):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/readyz") as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_readiness_follows_the_worker_through_both_doors(tmp_path):
    file = tmp_path / "not_ready"
    file.touch()
    server = Server(not_ready_file=file)
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        seen = []

        def watch():
            request = health_pb2.HealthCheckRequest(service="forebay.v1.FeatureServing")
            try:
                for update in health.Watch(request, timeout=60):
                    seen.append(update.status)
            except grpc.RpcError as error:
                seen.append(error.details())

        watcher = threading.Thread(target=watch)
        watcher.start()
        wait_until(lambda: seen == [2])  # NOT_SERVING
        message = b'{"error":{"code":"UNAVAILABLE","message":"2 of 8 partitions are being restored"}}'
        assert readyz(server) == (503, message)
        file.unlink()
        assert readyz(server) == (200, b'{"status":"ready"}')
        wait_until(lambda: seen == [2, 1])  # SERVING
        assert server.stop() == 0
        watcher.join()
        assert seen == [2, 1, 2, "the server is stopping"]


@pytest.mark.parametrize("door", ["http", "grpc"])
def test_a_port_that_is_taken_is_an_error_that_names_what_to_change(door):
    first = Server()
    port = first.http_port if door == "http" else first.grpc_port
    arguments = [str(port)] if door == "http" else ["0", str(port)]
    second = Server(*arguments)
    assert second.error == (
        f"FAILED_PRECONDITION: cannot listen on 127.0.0.1 port {port}: the port is taken: stop what "
        f"listens there, or set serving.{door}_port in forebay.yaml to a free port\n"
    )
    assert second.process.returncode == 1
    assert first.stop() == 0


def test_a_port_is_free_again_right_after_a_stop():
    first = Server()
    urllib.request.urlopen(f"http://127.0.0.1:{first.http_port}/healthz").close()
    assert first.stop() == 0
    second = Server(str(first.http_port), str(first.grpc_port))
    assert (second.http_port, second.grpc_port) == (first.http_port, first.grpc_port)
    assert second.stop() == 0
