"""A real broker for a test in another language: serve_broker.py FOLDER

Prints "ready ADDRESS" (or "missing REASON" and ends), then obeys one command a line: kill, stop,
restart, pause, resume; prints "done" after each. Stops the broker when the commands
end, and removes the folder.
"""

import pathlib
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from broker import Broker, BrokerError  # noqa: E402


def main(folder: str) -> None:
    # Whoever ends the test may signal its whole group: what ends us is that our input closes.
    # (Not SIG_IGN, which the broker would inherit.)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
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
        shutil.rmtree(folder, ignore_errors=True)


main(sys.argv[1])
