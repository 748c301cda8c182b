"""HTTP/JSON as any client sees it: answers, errors, and bytes that are not HTTP."""

import concurrent.futures
import json
import random
import socket
import struct
import urllib.error
import urllib.request

import pytest

EVENT_TIME = "2013-01-01T05:00:00.000000Z"
EFFECTIVE_TIME = "2013-01-01T05:00:01.500000Z"


def request(server, method, path, body=None):
    """(status, headers, body) of one request on a connection of its own."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    url = f"http://127.0.0.1:{server.http_port}{path}"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, method=method), timeout=30
        ) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def post(server, path, body):
    status, headers, text = request(server, "POST", path, body)
    assert headers["Content-Type"] == "application/json"
    return status, json.loads(text)


def exchange(server, data, shut=True):
    """What comes back for raw bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as connection:
        try:
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
            return received
        except ConnectionError:
            return b""


def test_get_answers_each_feature_with_value_status_and_times(server):
    times = {"effective_time": EFFECTIVE_TIME, "event_time": EVENT_TIME}
    body = {"feature_service": "fraud", "entity": {"user_id": "u2", "merchant_id": 13}}
    assert post(server, "/v1/get", body) == (
        200,
        {
            "features": {
                "user_spend.spend_1h": {"value": 0.2, "status": "PRESENT"} | times,
                "user_spend.last_country": {"value": '"Å"\n', "status": "PRESENT"} | times,
                "merchant_sales.sales_24h": {"value": "-Infinity", "status": "PRESENT"} | times,
            }
        },
    )


def test_batch_get_answers_columns(server):
    body = {"features": ["user_spend.*"], "entities": [{"user_id": "u3"}, {"user_id": "nobody"}]}
    assert post(server, "/v1/batch-get", body) == (
        200,
        {
            "features": [
                f"user_spend.{name}"
                for name in
                ["count_1h", "spend_1h", "last_country", "last_seen", "is_new", "nothing"]
            ],
            "values": [
                [3, 0],
                [0.1 * 3, None],
                ["DE", None],
                ["2013-01-01T04:59:59.999997Z", None],
                [False, None],
                [None, None],
            ],
            "statuses": [["PRESENT", "NOT_FOUND"]] * 5 + [["NULL_VALUE", "NOT_FOUND"]],
            "effective_times": [[EFFECTIVE_TIME, None]] * 6,
            "event_times": [[EVENT_TIME, None]] * 6,
        },
    )


def test_numbers_and_bytes_keep_every_bit(server):
    body = {"features": ["merchant_sales.*"], "entity": {"merchant_id": 1}}
    _, headers, text = request(server, "POST", "/v1/get", body)
    assert b'"value":1e+22' in text
    assert json.loads(text)["features"]["merchant_sales.signature"]["value"] == "AP8="
    body = {"features": ["day_totals.total"], "entity": {"day": EVENT_TIME, "holiday": True}}
    assert post(server, "/v1/get", body)[1]["features"]["day_totals.total"]["value"] == 2**63 - 1


def test_lists_are_arrays_of_their_elements(server):
    body = {"features": ["recent.*"], "entity": {"user_id": "u1"}}
    features = post(server, "/v1/get", body)[1]["features"]
    assert {name: cell["value"] for name, cell in features.items()} == {
        "recent.flags": [True, False],
        "recent.counts": [-1, 2**63 - 1],
        "recent.amounts": [0.1, "Infinity"],
        "recent.countries": ["DE", ""],
        "recent.payloads": ["AP8="],
        "recent.times": [EVENT_TIME, "1970-01-01T00:00:00.000000Z"],
    }
    body = {"features": ["recent.counts"], "entities": [{"user_id": "u1"}, {"user_id": "nobody"}]}
    answer = post(server, "/v1/batch-get", body)[1]
    assert answer["values"] == [[[-1, 2**63 - 1], None]]
    assert answer["statuses"] == [["PRESENT", "NOT_FOUND"]]


@pytest.mark.parametrize("at", ["2013-01-01T07:00:00+01:00", 1_357_020_000_000_000])
def test_at_decides_about_max_age(server, at):
    body = {"features": ["merchant_sales.sales_24h"], "entity": {"merchant_id": 1}, "at": at}
    cell = {"effective_time": EFFECTIVE_TIME, "event_time": EVENT_TIME}
    assert post(server, "/v1/get", body)[1]["features"] == {
        "merchant_sales.sales_24h": {"value": 1e22, "status": "PRESENT"} | cell
    }
    body["at"] = "2013-01-01T06:00:00.000001Z"
    assert post(server, "/v1/get", body)[1]["features"] == {
        "merchant_sales.sales_24h": {"value": None, "status": "OUTSIDE_MAX_AGE"} | cell
    }


USER = {"features": ["user_spend.spend_1h"]}


@pytest.mark.parametrize(
    "path, body, status, code, message",
    [
        ("get", b"", 400, "INVALID_ARGUMENT", "the body is empty"),
        ("get", b'{"at": \n nope}', 400, "INVALID_ARGUMENT", "at line 2, column 3"),
        ("get", [], 400, "INVALID_ARGUMENT", "the body must be an object, not an array"),
        ("get", USER, 400, "INVALID_ARGUMENT", '"entity" is missing'),
        ("get", USER | {"entity": {}}, 400, "INVALID_ARGUMENT", "user_id is missing"),
        ("get", USER | {"entity": {"user_id": 2}}, 400, "INVALID_ARGUMENT", "the integer 2"),
        ("get", USER | {"entity": {"user_id": "u", "x": 1}}, 400, "INVALID_ARGUMENT", '"x" is no'),
        ("get", USER | {"entity": {"user_id": "u"}, "at": "x"}, 400, "INVALID_ARGUMENT", "at: "),
        ("get", {"feature_service": "frad", "entity": {}}, 404, "NOT_FOUND", "mean 'fraud'?"),
        ("get", {"features": ["user.x"], "entity": {}}, 404, "NOT_FOUND", "'user'"),
        ("get", USER | {"entity": {}, "min_position": {}}, 501, "UNIMPLEMENTED", "min_position"),
        ("get", {"features": ["broken.x"], "entity": {"user_id": "u"}}, 503, "UNAVAILABLE", "3"),
        ("batch-get", USER | {"entities": [{}] * 10_001}, 400, "INVALID_ARGUMENT", "10000"),
        ("batch-get", USER | {"entities": [{"user_id": "u"}, {}]}, 400, "INVALID_ARGUMENT",
         "entity 1: user_id is missing"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong(server, path, body, status, code, message):
    answered, error = post(server, f"/v1/{path}", body)
    assert (answered, error["error"]["code"]) == (status, code)
    assert message in error["error"]["message"]


def test_other_methods_and_pages_are_refused(server):
    status, headers, body = request(server, "GET", "/v1/get")
    assert (status, headers["Allow"]) == (405, "POST")
    assert json.loads(body)["error"]["message"] == "GET /v1/get is not allowed; allowed: POST"
    assert request(server, "DELETE", "/metrics")[0] == 405
    assert request(server, "GET", "/v1/gets")[0] == 404
    assert request(server, "HEAD", "/healthz")[::2] == (200, b"")


def test_a_body_above_16_mb_is_refused_and_one_below_is_read(server):
    status, body = post(server, "/v1/get", b" " * (16 * 2**20 + 1))
    assert (status, body["error"]["code"]) == (413, "RESOURCE_EXHAUSTED")
    status, body = post(server, "/v1/get", b" " * (16 * 2**20 - 2) + b"{}")
    assert (status, body["error"]["message"]) == (400, '"entity" is missing')


def test_ten_thousand_entities_are_answered(server):
    entities = [{"user_id": f"u{i}"} for i in range(10_000)]
    _, answer = post(server, "/v1/batch-get", {"features": ["user_spend.*"], "entities": entities})
    assert answer["values"][0] == list(range(10_000))


def test_concurrent_clients_get_their_own_answers(server):
    def ask(i):
        body = {"features": ["user_spend.count_1h"], "entity": {"user_id": f"u{i}"}}
        return post(server, "/v1/get", body)[1]["features"]["user_spend.count_1h"]["value"]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(1, 500))) == list(range(1, 500))


def test_chunked_bodies_and_http_1_0_are_served(server):
    body = json.dumps(USER | {"entity": {"user_id": "u2"}}).encode()
    chunked = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\n\r\n"
    head = b"POST /v1/get HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b'"value":0.2' in exchange(server, head + chunked)
    old = b"POST /v1/get HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert b'"value":0.2' in exchange(server, old + body, shut=False)  # it closes by itself


@pytest.mark.parametrize(
    "data, status",
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),  # TLS
        (b"hello\r\n\r\n", b"400"),
        (b"POST /v1/get HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST /v1/get HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /v1/get HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST /v1/get HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_what_is_not_http_is_answered_and_closed(server, data, status):
    answer = exchange(server, data, shut=False)
    assert answer.startswith(b"HTTP/1.1 " + status + b" "), answer
    assert b'{"error":{"code":' in answer


def test_damaged_requests_leave_the_server_alive(server):
    chance = random.Random(11)
    body = json.dumps(USER | {"entity": {"user_id": "u2"}}).encode()
    seed = b"POST /v1/get HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for _ in range(500):
        data = bytearray(seed * chance.randint(1, 3))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            if chance.random() < 0.5:
                data[at] = chance.randrange(256)
            else:
                del data[at : at + chance.randint(1, 20)]
        exchange(server, bytes(data))
    assert post(server, "/v1/get", USER | {"entity": {"user_id": "u2"}})[0] == 200


def test_clients_that_idle_crawl_or_reset_do_not_hold_up_others(server):
    open_connections = []
    for i in range(60):
        connection = socket.create_connection(("127.0.0.1", server.http_port))
        if i % 3 == 1:
            connection.sendall(b"POST /v1/get HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{")
        if i % 3 == 2:
            connection.sendall(b"POST /v1/get HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{")
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
        open_connections.append(connection)
    for _ in range(20):
        assert post(server, "/v1/get", USER | {"entity": {"user_id": "u2"}})[0] == 200
    for connection in open_connections:
        connection.close()


def test_metrics_are_prometheus_text_and_count_requests(server):
    def count():
        _, headers, text = request(server, "GET", "/metrics")
        assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
        samples = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
        assert samples['forebay_consumed_records_total{topic="transactions",partition="0"}'] == 12e6
        assert samples["forebay_ready"] == 1
        labels = 'door="http",method="get"'
        found = samples[f'forebay_requests_total{{{labels},code="NOT_FOUND"}}']
        assert samples[f'forebay_lookup_seconds_bucket{{{labels},le="+Inf"}}'] >= found
        return found

    unknown = {"feature_service": "frad", "entity": {}}
    post(server, "/v1/get", unknown)
    before = count()
    post(server, "/v1/get", unknown)
    assert count() == before + 1
