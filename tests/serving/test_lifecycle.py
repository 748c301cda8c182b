"""Readiness, ports that are taken, stopping; and the Python client."""

import datetime
import threading
import time
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from clients.python.forebay_client import Client, FeatureValue, ForebayError
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


def test_the_python_client_reads_features(server):
    client = Client(f"http://127.0.0.1:{server.http_port}/")
    times = ("2013-01-01T05:00:01.500000Z", "2013-01-01T05:00:00.000000Z")
    entity = {"user_id": "u3", "merchant_id": 4}
    assert client.get(feature_service="fraud", entity=entity) == {
        "user_spend.spend_1h": FeatureValue(0.1 * 3, "PRESENT", *times),
        "user_spend.last_country": FeatureValue("DE", "PRESENT", *times),
        "merchant_sales.sales_24h": FeatureValue(1e22, "PRESENT", *times),
    }
    at = datetime.datetime(2013, 1, 1, 8, tzinfo=datetime.timezone.utc)
    columns = client.batch_get(
        features=["merchant_sales.sales_24h"],
        entities=[{"merchant_id": 4}, {"merchant_id": -1}],
        at=at,
    )
    assert columns == {
        "merchant_sales.sales_24h": [
            FeatureValue(None, "OUTSIDE_MAX_AGE", *times),
            FeatureValue(None, "NOT_FOUND", None, None),
        ]
    }
    day = datetime.datetime(2013, 1, 1, 5, tzinfo=datetime.timezone.utc)
    answer = client.get(features=["day_totals.total"], entity={"day": day, "holiday": True})
    assert answer["day_totals.total"].value == 2**63 - 1


def test_the_python_client_raises_what_the_worker_says(server):
    client = Client(f"http://127.0.0.1:{server.http_port}")
    with pytest.raises(ForebayError, match="unknown feature service 'frad'") as error:
        client.get(feature_service="frad", entity={})
    assert (error.value.code, error.value.status) == ("NOT_FOUND", 404)
    with pytest.raises(ValueError, match="is no URL"):
        Client("localhost:8080")


def test_the_python_client_outlives_a_restart_of_the_worker():
    first = Server()
    client = Client(f"http://127.0.0.1:{first.http_port}")
    request = {"features": ["user_spend.count_1h"], "entity": {"user_id": "u5"}}
    assert client.get(**request)["user_spend.count_1h"].value == 5
    assert first.stop() == 0
    with pytest.raises(OSError):
        client.get(**request)
    second = Server(str(first.http_port))
    assert client.get(**request)["user_spend.count_1h"].value == 5
    assert second.stop() == 0
