"""A lively stream of card transactions, produced to a topic at a steady rate.

    stream = CardStream("localhost:9092", "transactions", rate=2000)
    stream.start(); ...; stream.stop()

A few users pay often and most seldom, a few merchants are large; one transaction in a hundred
reaches Kafka half a minute after it happened, one in fifty is a refund, and now and then a stolen
card goes on a spree abroad. One in five hundred is broken: those go to the dead-letter topic.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import threading
import time

from confluent_kafka import Producer

COUNTRIES = ["US"] * 12 + ["CA", "MX", "DE", "FR", "JP"]
BROKEN = [b'{"transaction_id": "t0", "user_id": ', b'{"user_id": "u1", "amount": "a lot"}']


class CardStream(threading.Thread):
    """Produces until stopped. `sent` and `users` may be read at any time."""

    def __init__(self, brokers: str, topic: str, rate: int, users: int = 1000, seed: int = 1):
        super().__init__(daemon=True)
        self.sent = 0
        self.broken = 0
        self.failed = 0
        self._topic = topic
        self._rate = rate
        self._users = users
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._stopping = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",  # as Kafka's own clients do
                "linger.ms": 50,
                "acks": "all",
                "log_level": 3,
            }
        )

    def stop(self) -> None:
        """Returns when everything sent is in Kafka."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        started = time.monotonic()
        while not self._stopping.wait(0.01):
            due = int((time.monotonic() - started) * self._rate)
            while self.sent < due:
                self._send()
            self._producer.poll(0)
        self._producer.flush(10)
        del self._producer  # a client that is left would complain when its broker goes

    def pick_user(self) -> str:
        """One who pays often is picked often."""
        return f"u{int(self._users * self._random.random() ** 2)}"

    def _send(self) -> None:
        user = self.pick_user()
        if self._random.random() < 0.002:
            value = self._random.choice(BROKEN)
            self.broken += 1
        else:
            value = json.dumps(self._transaction(user)).encode()
        try:
            self._producer.produce(self._topic, value, user, on_delivery=self._delivered)
        except BufferError:  # the broker is slower than we are
            self._producer.poll(0.1)
            return
        self.sent += 1

    def _transaction(self, user: str) -> dict:
        rng = self._random
        amount = round(rng.lognormvariate(3, 1), 2)
        country = rng.choice(COUNTRIES)
        if user.endswith("13"):  # the stolen cards
            amount, country = round(amount * 5, 2), "RO"
        late = rng.uniform(0, 30) if rng.random() < 0.01 else rng.uniform(0, 0.05)
        return {
            "transaction_id": f"t{next(self._numbers)}",
            "user_id": user,
            "merchant_id": f"m{int(200 * rng.random() ** 2)}",
            "amount": -amount if rng.random() < 0.02 else amount,
            "country": country,
            "event_time": int((time.time() - late) * 1000),
        }

    def _delivered(self, error, message) -> None:
        if error is not None:
            self.failed += 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Send card transactions to Kafka until Ctrl-C.")
    parser.add_argument("--brokers", default="localhost:9092")
    parser.add_argument("--topic", default="transactions")
    parser.add_argument("--rate", type=int, default=100, help="transactions a second")
    options = parser.parse_args()
    stream = CardStream(options.brokers, options.topic, options.rate)
    stream.start()
    try:
        while True:
            time.sleep(1)
            print(f"\r{stream.sent:,} sent, {stream.failed:,} failed ", end="", flush=True)
    except KeyboardInterrupt:
        stream.stop()
        print()


if __name__ == "__main__":
    main()
