"""A `forebay run` process of a project, started, killed and asked by a test.

with Worker(project) as worker:                  # waits until /readyz says 200
    worker.get(["spend.n_1h"], {"user_id": "u1"})
    worker.kill(); worker.start()                # same state
Worker(project).run_until_idle()                 # to the end of the topics
"""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import signal
import subprocess
import time

from tests.system.project import Project, forebay_binary


class WorkerError(Exception):
    """The worker did not do what was asked; the message has the end of its log."""


class HttpError(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, body: str):
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        self.body = body


class Worker:
    """One process at a time. `log` collects the standard error of all of them. Not thread-safe."""

    def __init__(self, project: Project, *arguments: str, log: os.PathLike | None = None):
        self.project = project
        self.log = pathlib.Path(log or project.folder / "worker.log")
        self.ready: dict = {}  # the line that the worker prints when it is ready
        self._arguments = arguments
        self._stdout = self.log.with_suffix(".out")
        self._process: subprocess.Popen | None = None
        self._connection: http.client.HTTPConnection | None = None

    # ---- life ----

    def spawn(self, *more: str) -> "Worker":
        """Starts the process and does not wait for it."""
        assert not self.running
        self._stdout.write_bytes(b"")
        with open(self._stdout, "ab") as out, open(self.log, "ab") as err:
            self._process = subprocess.Popen(
                [str(forebay_binary()), "run", str(self.project.folder), *self._arguments, *more],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self

    def start(self, seconds: float = 60) -> "Worker":
        self.spawn()
        self.wait_until_ready(seconds)
        return self

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            line, newline, _ = self._stdout.read_text().partition("\n")
            if newline:
                break
            if not self.running:
                raise WorkerError(f"ended with {self.exit_code}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise WorkerError(f"not ready within {seconds} s:\n{self.log_tail()}")
            time.sleep(0.01)
        self.ready = json.loads(line)
        while not self.is_ready():
            if time.monotonic() > deadline:
                self.kill()
                raise WorkerError(f"/readyz does not say 200:\n{self.log_tail()}")
            time.sleep(0.01)

    def run_until_idle(self, seconds: float = 300) -> None:
        """Consumes to the end of the topics, flushes and ends."""
        self.spawn("--until-idle")
        self.wait(seconds)
        if self.exit_code != 0:
            raise WorkerError(f"ended with {self.exit_code}:\n{self.log_tail()}")

    def wait(self, seconds: float = 60) -> int:
        """Until it ends by itself; the exit code."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise WorkerError(f"still running after {seconds} s:\n{self.log_tail()}") from None

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM: everything is flushed and committed. The exit code."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """SIGKILL."""
        if self.running:
            self._process.kill()
            self._process.wait()
        self._connection = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """REQUIRES: it was spawned."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def log_tail(self, characters: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-characters:]

    def wait_for_log(self, text: str, seconds: float = 60, since: int = 0) -> None:
        """Until the log says `text` after its character `since`."""
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text(errors="replace")[since:]:
            if time.monotonic() > deadline:
                raise WorkerError(f"did not log {text!r} within {seconds} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def __enter__(self) -> "Worker":
        return self.start()

    def __exit__(self, kind, *exception) -> None:
        if kind is None and self.running:
            code = self.stop()
            assert code == 0, f"SIGTERM ended the worker with {code}:\n{self.log_tail()}"
        else:
            self.kill()

    # ---- reading ----

    def get(self, features: str | list[str], entity: dict, **more) -> dict:
        """POST /v1/get; the answer's "features"."""
        body = self._selection(features) | {"entity": entity} | more
        return self.post("/v1/get", body)["features"]

    def batch_get(self, features: str | list[str], entities: list[dict], **more) -> dict:
        """POST /v1/batch-get; `features` is a list of features or the name of a service."""
        return self.post("/v1/batch-get", self._selection(features) | {"entities": entities} | more)

    def metrics(self) -> dict[str, float]:
        """/metrics, by name with labels."""
        lines = self.request("GET", "/metrics").splitlines()
        pairs = (line.rpartition(" ") for line in lines if line and line[0] != "#")
        return {name: float(value) for name, _, value in pairs}

    def wait_for_metric(self, name: str, value: float, seconds: float = 60) -> dict[str, float]:
        """Until the sum of all samples of a metric reaches `value`; all metrics of that moment."""
        deadline = time.monotonic() + seconds
        while True:
            metrics = self.metrics()
            total = sum(v for label, v in metrics.items() if label.partition("{")[0] == name)
            if total >= value:
                return metrics
            if time.monotonic() > deadline:
                raise WorkerError(
                    f"{name} is {total}, not {value}, after {seconds} s:\n{self.log_tail()}"
                )
            time.sleep(0.02)

    def is_ready(self) -> bool:
        try:
            self.request("GET", "/readyz")
            return True
        except (HttpError, OSError):
            return False

    def post(self, path: str, body: dict) -> dict:
        return json.loads(self.request("POST", path, json.dumps(body)))

    def request(self, method: str, path: str, body: str | None = None) -> str:
        """The text of a 200 answer. Raises HttpError, or OSError where nobody answers."""
        if self._connection is None:
            port = self.ready["http_port"]
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except (http.client.HTTPException, OSError) as error:
            self._connection = None
            raise OSError(f"{method} {path}: {error!r}") from error
        if answer.status != 200:
            raise HttpError(answer.status, text)
        return text

    @staticmethod
    def _selection(features: str | list[str]) -> dict:
        name = "feature_service" if isinstance(features, str) else "features"
        return {name: features}
