"""A real broker for a test in another language: serve_broker.py FOLDER

Prints "ready ADDRESS" (or "missing REASON" and ends), then obeys one command a line: kill, stop,
restart, pause, resume; prints "done" after each. Stops the broker when the commands end.
"""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from broker import Broker, BrokerError  # noqa: E402


def main(folder: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the test is interrupted, then closes our input
    # Compaction is not what these tests look at; groups must notice dead members soon.
    broker = Broker(folder, {"group.min.session.timeout.ms": "1000"})
    try:
        broker.start()
    except BrokerError as error:
        print("missing", str(error).replace("\n", " "), flush=True)
        return
    try:
        print("ready", broker.address, flush=True)
        for line in sys.stdin:
            getattr(broker, line.strip())()
            print("done", flush=True)
    finally:
        broker.kill()


main(sys.argv[1])
