"""The servers under test: build/tests/serving/serving_test_server, over a fixed table in memory."""

import json
import os
import pathlib
import resource
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Server:
    """A running serving_test_server."""

    # `files`: how many files it may open, soft and hard.
    def __init__(
        self,
        *arguments: str,
        not_ready_file: pathlib.Path | None = None,
        files: tuple[int, int] | None = None,
    ):
        build = ROOT / os.environ.get("FOREBAY_BUILD", "build")
        environment = os.environ | {"FOREBAY_TEST_NOT_READY": str(not_ready_file or "")}
        self.process = subprocess.Popen(
            [build / "tests/serving/serving_test_server", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            preexec_fn=files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, files)),
        )
        line = self.process.stdout.readline()
        if not line:
            self.error = self.process.communicate()[1].decode()
            return
        ports = json.loads(line)
        self.http_port, self.grpc_port = ports["http_port"], ports["grpc_port"]

    def stop(self) -> int:
        self.process.stdin.close()
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def server():
    started = Server()
    yield started
    assert started.stop() == 0
