"""A real Kafka broker for tests and the demo: one KRaft node on the loopback interface.

    with Broker(folder) as broker:             # formats the folder, starts, waits until it answers
        producer = Producer({"bootstrap.servers": broker.address})
        broker.kill(); broker.restart()        # the same port and data

The jars come from FOREBAY_KAFKA_JARS, else from where `./dev setup` puts them.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

VERSION = "4.1.0"
SMALL_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms128m", "-Xmx512m")
_HERE = pathlib.Path(__file__).resolve().parent

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
log.retention.ms=-1
num.partitions=4
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.max.timeout.ms=3600000
group.initial.rebalance.delay.ms=0
controlled.shutdown.enable=false
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


class BrokerError(Exception):
    """The broker did not start; the message has the end of its log."""


def jars_folder() -> pathlib.Path:
    given = os.environ.get("FOREBAY_KAFKA_JARS")
    if given:
        return pathlib.Path(given)
    cache = os.environ.get("FOREBAY_CACHE")
    if not cache:
        home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        cache = pathlib.Path(home) / "forebay"
    return pathlib.Path(cache) / f"kafka-{VERSION}"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Broker:
    """One node. `properties` are added to its server.properties; `java` are options of its JVM. Not
    thread-safe."""

    def __init__(
        self,
        folder: os.PathLike | str,
        properties: dict[str, str] | None = None,
        java: Sequence[str] = SMALL_JVM,
    ):
        self.folder = pathlib.Path(folder).resolve()
        self.port, self._controller_port = free_ports(2)
        self._extra = properties or {}
        self._java_options = java
        self._process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        """For bootstrap.servers."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its process. REQUIRES: it was started and not stopped since."""
        return self._process.pid

    def start(self) -> "Broker":
        """Formats an empty folder and starts; returns when the broker answers."""
        if shutil.which("java") is None or not jars_folder().is_dir():
            raise BrokerError(f"no java or no jars in {jars_folder()}: run ./dev setup")
        if not (self.folder / "data").exists():
            self._format()
        return self.restart()

    def restart(self) -> "Broker":
        """Starts a broker that is down, on its old port and data."""
        assert not self.running
        with open(self.folder / "out.log", "ab") as out:
            self._process = subprocess.Popen(
                self._java(*self._java_options, "kafka.Kafka", str(self._properties_file)),
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the test, which then stops the broker
            )
        self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """Ends it in an orderly way; nothing to do when it is down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: the broker is gone in the middle of whatever it did."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: the broker hangs with its connections open. `resume()` ends that. After longer than
        broker.session.timeout.ms it finds itself fenced, and for a moment there is no broker."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Returns when it answers again."""
        self._process.send_signal(signal.SIGCONT)
        self._wait_until_it_answers()

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Creates it and waits until clients see it. Config names with `_` for `.`."""
        settings = {key.replace("_", "."): value for key, value in config.items()}
        admin = self.admin()
        admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(30)
        deadline = time.monotonic() + 30
        while len(admin.list_topics(name, timeout=10).topics[name].partitions) < partitions:
            if time.monotonic() > deadline:
                raise BrokerError(f"topic {name} was created but is not visible")

    def __enter__(self) -> "Broker":
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *exception) -> None:
        self.stop()

    # ---- inside ----

    @property
    def _properties_file(self) -> pathlib.Path:
        return self.folder / "server.properties"

    def _java(self, *arguments: str) -> list[str]:
        return [
            "java",
            f"-Dlog4j2.configurationFile={_HERE / 'kafka' / 'log4j2.xml'}",
            f"-Dbroker.log={self.folder / 'broker.log'}",
            "-cp",
            f"{jars_folder()}/*",
            *arguments,
        ]

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = _PROPERTIES.format(
            port=self.port, controller_port=self._controller_port, folder=self.folder
        )
        text += "".join(f"{key}={value}\n" for key, value in self._extra.items())
        self._properties_file.write_text(text)
        command = self._java(
            *SMALL_JVM,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "-c",
            str(self._properties_file),
        )
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise BrokerError(f"the storage tool failed:\n{done.stdout}{done.stderr}")

    def _wait_until_it_answers(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BrokerError(f"the broker ended with {self._process.returncode}:{self._log()}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                # A new client each time: one that was told of no broker may not find it again.
                if self.admin().list_topics(timeout=2).brokers:
                    return
            except (OSError, KafkaException):
                pass
            time.sleep(0.1)
        self.kill()
        raise BrokerError(f"the broker did not answer within {seconds} s:{self._log()}")

    def _log(self) -> str:
        texts = [
            path.read_text(errors="replace")[-2000:]
            for path in (self.folder / "out.log", self.folder / "broker.log")
            if path.exists()
        ]
        return "\n" + "\n".join(texts)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
