"""A real S3 server (moto's) that checks who asks, counts requests and fails when it is told to.

    with S3Server() as server:
        server.make_bucket("data")
        server.fail("slow_down", method="PUT", path="_delta_log", count=2)
        server.requests()          # [["PUT", "/data/x"], ...] since the last call

As a program (with the folder of `tls`, or without) it prints its URL and serves until its input ends. It is told what to do over HTTP:
POST /_test with {"do": "fail" | "mend" | "bucket" | "requests" | "access", ...}.

Faults, each of `count` requests (-1: until mended) whose method and path match, or of a share of
these (`chance`):
    slow_down   503, nothing is done          hang     answers after `seconds`
    error       500, nothing is done          reset    the connection breaks, nothing is done
    done_error  done, then 500                done_reset  done, then the connection breaks
    cut         half of the answer's body, then the connection breaks
    expired     400 ExpiredToken              moved    301, to another region
    unconditional  If-None-Match is not heeded, as by stores that do not know it
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

KEY_ID = "test-key"
SECRET = "test-secret"
REGION = "us-east-1"


class S3Server:
    """The server as another process; stopped at the end of the `with`.

    `tls`: a folder that gets ca.pem, the certificate by which the server shows itself over https."""

    def __init__(self, tls: os.PathLike | None = None):
        self._process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__), *([tls] if tls else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the S3 server did not start")
        self._context = ssl.create_default_context(cafile=f"{tls}/ca.pem") if tls else None

    def __enter__(self) -> S3Server:
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _do(self, what: str, **arguments):
        body = json.dumps({"do": what, **arguments}).encode()
        with urllib.request.urlopen(f"{self.url}/_test", body, context=self._context) as answer:
            return json.load(answer)

    def make_bucket(self, name: str) -> None:
        self._do("bucket", name=name)

    def fail(self, fault: str, method: str = "", path: str = "", count: int = 1, **more) -> None:
        self._do("fail", fault=fault, method=method, path=path, count=count, **more)

    def mend(self) -> None:
        """No faults from now on."""
        self._do("mend")

    def requests(self) -> list[list[str]]:
        """Methods and paths of those that came since this was asked last."""
        return self._do("requests")

    def allow(self, key_id: str, secret: str, denied: str = "^$") -> None:
        """Lets one more ask, but for what ("PUT /bucket/key") matches `denied`."""
        self._do("access", key_id=key_id, secret=secret, denied=denied)

    def environment(self, key_id: str = KEY_ID, secret: str = SECRET) -> dict[str, str]:
        """Variables for programs that use it."""
        return {
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def storage_options(self) -> dict[str, str]:
        """For delta-rs and Polars."""
        return {
            "aws_access_key_id": KEY_ID,
            "aws_secret_access_key": SECRET,
            "aws_region": REGION,
            "aws_endpoint_url": self.url,
            "aws_allow_http": "true",
            "aws_conditional_put": "etag",
        }


# ---- the process ----


class Broken(Exception):
    """The connection was broken on purpose."""


class Front:
    """What stands before moto."""

    def __init__(self, moto):
        self.moto = moto
        self.lock = threading.Lock()
        self.conditional = threading.Lock()  # so that it is certain that one writer wins
        self.faults: list[dict] = []
        self.random = random.Random(1)
        self.log: list[list[str]] = []
        self.access = {KEY_ID: {"secret": SECRET, "denied": "^$"}}

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/_test":
            return self.obey(environ, start_response)
        if environ["PATH_INFO"].startswith("/_agent/"):
            return give_credentials(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = Again(body)
        method, path = environ["REQUEST_METHOD"], environ["RAW_URI"]
        with self.lock:
            self.log.append([method, path])
            fault = self.take_fault(method, path)
        refusal = self.refuse(environ, body)
        if refusal:
            return answer(start_response, *refusal)
        return self.serve(environ, start_response, fault)

    def take_fault(self, method: str, path: str) -> dict | None:
        for fault in self.faults:
            if not fault["count"] or fault["method"] not in ("", method):
                continue
            if re.search(fault["path"], path) and self.random.random() < fault.get("chance", 1):
                fault["count"] -= 1
                return fault
        return None

    def serve(self, environ, start_response, fault):
        kind = fault["fault"] if fault else ""
        if kind == "slow_down":
            return answer(start_response, 503, "SlowDown", "Please reduce your request rate.")
        if kind == "error":
            return answer(start_response, 500, "InternalError", "We had an internal error.")
        if kind == "expired":
            return answer(start_response, 400, "ExpiredToken", "The provided token has expired.")
        if kind == "moved":
            return answer(
                start_response, 301, "PermanentRedirect", "Elsewhere.", "<Region>eu-west-9</Region>"
            )
        if kind == "hang":
            time.sleep(fault["seconds"])
        if kind == "reset":
            break_connection(environ)
        if kind == "unconditional":
            environ.pop("HTTP_IF_NONE_MATCH", None)
        status, headers, body = self.ask_moto(environ)
        if kind == "done_error":
            return answer(start_response, 500, "InternalError", "We had an internal error.")
        if kind == "done_reset":
            break_connection(environ)
        if kind == "cut":
            start_response(status, headers)
            return cut(environ, body)
        start_response(status, headers)
        return [body]

    def ask_moto(self, environ):
        seen = {}

        def start(status, headers, _=None):
            seen.update(status=status, headers=headers)

        if "HTTP_IF_NONE_MATCH" in environ:
            with self.conditional:
                body = b"".join(self.moto(environ, start))
        else:
            body = b"".join(self.moto(environ, start))
        return seen["status"], seen["headers"], body

    def refuse(self, environ, body: bytes):
        """Status, code and message if the request is not allowed."""
        stated = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
        if re.fullmatch("[0-9a-f]{64}", stated) and stated != hashlib.sha256(body).hexdigest():
            return 400, "XAmzContentSHA256Mismatch", "The body is not what was signed."
        if not stated:
            return 400, "MissingContentSHA256", "x-amz-content-sha256 is missing."
        match = re.match(
            "AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]+/([^/]+)/s3/aws4_request, *"
            "SignedHeaders=([^,]+), *Signature=([0-9a-f]+)",
            environ.get("HTTP_AUTHORIZATION", ""),
        )
        if not match:
            return 403, "AccessDenied", "The request is not signed."
        key_id, region, names, signature = match.groups()
        who = self.access.get(key_id)
        if who is None:
            return 403, "InvalidAccessKeyId", "The key id is not known."
        if region != REGION:
            return 400, "AuthorizationHeaderMalformed", "Wrong region.", f"<Region>{REGION}</Region>"
        if sign(environ, key_id, who["secret"], region, names) != signature:
            return 403, "SignatureDoesNotMatch", "The signature does not match."
        if re.search(who["denied"], f"{environ['REQUEST_METHOD']} {environ['RAW_URI']}"):
            return 403, "AccessDenied", "Access Denied"
        return None

    def obey(self, environ, start_response):
        told = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        what = told.pop("do")
        result = None
        with self.lock:
            if what == "fail":
                self.faults.append(told)
            elif what == "mend":
                self.faults.clear()
            elif what == "requests":
                result, self.log = self.log, []
            elif what == "access":
                self.access[told.pop("key_id")] = told
            elif what == "bucket":
                self.make_bucket(told["name"], environ)
        return answer_json(start_response, result)

    def make_bucket(self, name: str, environ) -> None:
        create = dict(
            environ,
            REQUEST_METHOD="PUT",
            PATH_INFO=f"/{name}",
            RAW_URI=f"/{name}",
            REQUEST_URI=f"/{name}",
            CONTENT_LENGTH="0",
        )
        create["wsgi.input"] = Again(b"")
        create.pop("CONTENT_TYPE", None)
        b"".join(self.moto(create, lambda *_: None))


class Again:
    """A body that was read, to be read by moto; at its end there is no more, whatever is asked for."""

    def __init__(self, body: bytes):
        self.body, self.at = body, 0

    def read(self, size: int = -1) -> bytes:
        end = len(self.body) if size < 0 else self.at + size
        part = self.body[self.at : end]
        self.at += len(part)
        return part

    def readline(self, *_) -> bytes:
        return self.read()


def sign(environ, key_id: str, secret: str, region: str, names: str) -> str:
    """The signature as AWS's own library makes it, of what the request says it has signed."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    headers = {}
    for name in names.split(";"):
        variable = name.upper().replace("-", "_")
        headers[name] = environ.get(f"HTTP_{variable}", environ.get(variable, ""))
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}",
        headers=headers,
    )
    request.context["timestamp"] = environ["HTTP_X_AMZ_DATE"]
    auth = S3SigV4Auth(Credentials(key_id, secret), "s3", region)
    canonical = auth.canonical_request(request)
    return auth.signature(auth.string_to_sign(request, canonical), request)


def answer(start_response, status: int, code: str, message: str, more: str = ""):
    body = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>".encode()
    start_response(
        f"{status} {code}",
        [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))],
    )
    return [body]


def give_credentials(environ, start_response):
    """As a machine's metadata service, a container's agent and AWS's STS do; tells them by the path."""
    path = environ["PATH_INFO"].removeprefix("/_agent")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
    keys = {"SecretAccessKey": "x", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
    role = "/latest/meta-data/iam/security-credentials/"
    if path == "/container":
        return answer_json(start_response, keys | {"AccessKeyId": "of-container"})
    if path == "/sts" and f"WebIdentityToken={urllib.parse.quote('token+/=', safe='')}" in body:
        text = (
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            "<AccessKeyId>of-token</AccessKeyId><SecretAccessKey>x</SecretAccessKey>"
            "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )
        return answer_text(start_response, text)
    if path == "/latest/api/token" and "HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS" in environ:
        return answer_text(start_response, "session")
    if environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN") == "session":
        if path == role:
            return answer_text(start_response, "etl")
        if path == f"{role}etl":
            return answer_json(start_response, keys | {"AccessKeyId": "of-role-etl"})
    return answer(start_response, 404, "NoSuchAgent", path)


def answer_text(start_response, text: str):
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text.encode()]


def answer_json(start_response, value):
    body = json.dumps(value).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def break_connection(environ) -> None:
    """Its peer sees a reset."""
    connection = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    os.close(connection.detach()) if connection.fileno() >= 0 else None
    raise Broken


def cut(environ, body: bytes):
    yield body[: len(body) // 2]
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise Broken


def make_certificate(folder: str) -> tuple[str, str]:
    """One that has signed itself, and its key."""
    certificate, key = f"{folder}/ca.pem", f"{folder}/key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=s3",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def serve(tls: str | None = None) -> None:
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_):
            pass

    logging.disable(logging.CRITICAL)
    front = Front(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        "127.0.0.1",
        0,
        front,
        threaded=True,
        request_handler=Handler,
        ssl_context=make_certificate(tls) if tls else None,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
