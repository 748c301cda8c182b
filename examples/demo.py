"""`./dev demo`: see forebay work, in less than a minute.

A stream of card transactions goes into Kafka; a worker keeps features of users and merchants; the
demo asks for them while events arrive, follows the topic of updates, and joins a training set whose
rows it compares with what the lookups answered.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import itertools
import os
import pathlib
import random
import shutil
import signal
import sys
import threading
import time

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from examples.card_stream import CardStream  # noqa: E402
from examples.console import Console  # noqa: E402
from examples.history import write_history  # noqa: E402
from examples.update_reader import UpdateReader  # noqa: E402
from tests.oracle.oracle import parse_time  # noqa: E402
from tests.system.broker import Broker  # noqa: E402
from tests.system.project import forebay, forebay_binary  # noqa: E402
from tests.system.worker import HttpError, Worker, WorkerError  # noqa: E402

RATE = 2_000  # transactions a second
SECONDS = 20
PARTITIONS = 4
DAYS, EVENTS_A_DAY = 30, 10_000  # of a history in files
VIEW = "user_spend"
BUCKET = "forebay-demo"
WATCHED = "u7"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class DemoFailed(Exception):
    """Something did not work; the message says what."""


class DemoProject:
    """A copy of examples/transactions, with ports that are free."""

    def __init__(self, folder: pathlib.Path, brokers: str | None, warehouse: str | None):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "examples" / "transactions", folder)
        self.folder = folder
        config = folder / "forebay.yaml"
        text = config.read_text()
        text = text.replace("http_port: 8080", "http_port: 0").replace(
            "grpc_port: 8081", "grpc_port: 0"
        )
        # So that an erasure is on the disk soon.
        text = text.replace("flush_interval: 2s", "state_interval: 1s\nflush_interval: 2s")
        if brokers:
            text = text.replace("localhost:9092", brokers)
        if warehouse:
            text = text.replace("warehouse: ./warehouse", f"warehouse: {warehouse}")
        config.write_text(text)
        self.warehouse = warehouse or str(folder / "warehouse")
        self.storage_options: dict[str, str] | None = None  # for readers of tables in a bucket

    def set_brokers(self, brokers: str) -> None:
        """For commands: the address of a broker inside the worker is known when that is ready."""
        config = self.folder / "forebay.yaml"
        config.write_text(config.read_text().replace("localhost:9092", brokers))

    def table(self, view: str) -> str:
        return f"{self.warehouse}/offline/{view}/v1"

    def open_table(self, view: str) -> DeltaTable:
        return DeltaTable(self.table(view), storage_options=self.storage_options)

    def shown(self) -> str:
        return os.path.relpath(self.folder)


class Answers:
    """What lookups answered, and from when on each answer held."""

    def __init__(self):
        self.rows: list[dict] = []
        self.features: list[str] = []

    def add(self, users: list[str], answer: dict) -> None:
        self.features = answer["features"]
        for i, user in enumerate(users):
            if answer["statuses"][0][i] == "NOT_FOUND":
                continue
            since = parse_time(answer["effective_times"][0][i])
            values = [column[i] for column in answer["values"]]
            self.rows.append({"user_id": user, "since": since, "values": values})

    def labels(self) -> pl.DataFrame:
        times = [EPOCH + datetime.timedelta(microseconds=row["since"]) for row in self.rows]
        users = [row["user_id"] for row in self.rows]
        schema = {"user_id": pl.String, "asked_for": pl.Datetime("us", "UTC")}
        return pl.DataFrame({"user_id": users, "asked_for": times}, schema=schema)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--kafka", action="store_true", help="on a real Kafka broker (needs Java)")
    parser.add_argument("--stay", action="store_true", help="keep streaming and serving afterwards")
    parser.add_argument("--s3", action="store_true", help="with the tables in an S3 bucket")
    parser.add_argument(
        "--batch", action="store_true", help="with a month in Parquet files before the topic (needs Java)"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    try:
        Demo(console, options).run()
        return 0
    except (DemoFailed, WorkerError) as error:
        console.failure(str(error))
        return 1
    except KeyboardInterrupt:
        console.line("\nStopped.")
        return 130


class Demo:
    def __init__(self, console: Console, options: argparse.Namespace):
        self.console = console
        self.kafka = options.kafka or options.batch  # a backfill asks the topic for its partitions
        self.batch = options.batch
        self.stay = options.stay
        self.s3 = options.s3
        self.folder = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build")) / "demo"
        self.answers = Answers()
        self.began = time.monotonic()

    def run(self) -> None:
        self.console.title("forebay: card transactions in, features out")
        with contextlib.ExitStack() as stack:
            worker = self.start(stack)
            if self.batch:
                self.show_hand_over(worker)
            stream = CardStream(self.brokers, "transactions", RATE)
            updates = UpdateReader(self.brokers, "shop.user_spend.v1")
            stack.callback(updates.stop)
            self.watch(worker, stream, updates)
            self.show_updates(updates)
            self.show_training_set(updates)
            self.show_compaction()
            self.show_models(worker)
            if not self.batch:  # who is in files is erased there
                self.show_erasure(worker)
            self.summary(worker, stream, updates)
            if self.stay:
                self.keep_serving(worker)

    # ---- steps ----

    def start(self, stack: contextlib.ExitStack) -> Worker:
        before = time.monotonic()
        brokers = None
        if self.kafka:
            self.console.step("Starting Kafka, and a worker")
            shutil.rmtree(self.folder.with_name("demo-kafka"), ignore_errors=True)
            broker = stack.enter_context(Broker(self.folder.with_name("demo-kafka")))
            broker.create_topic("transactions", PARTITIONS)
            brokers = broker.address
        else:
            self.console.step("Starting a worker, with a broker inside (no Java needed)")
        self.project = DemoProject(self.folder, brokers, f"s3://{BUCKET}/shop" if self.s3 else None)
        if self.s3:
            self.start_s3(stack)
        if self.batch:
            self.backfill()
        embedded = [] if self.kafka else ["--broker", "embedded"]
        worker = Worker(self.project, *embedded)
        stack.callback(worker.kill)
        worker.start()
        self.brokers = worker.ready["brokers"]
        self.console.fact("ready after", f"{time.monotonic() - before:.1f} s")
        self.console.fact("project", f"{self.project.shown()}, a copy of examples/transactions")
        self.console.fact("lookups", f"http://127.0.0.1:{worker.ready['http_port']}")
        self.console.fact("Kafka", self.brokers)
        return worker

    def backfill(self) -> None:
        self.console.step(f"{DAYS} days of transactions are in Parquet files: their features first")
        self.until = write_history(self.project.folder, DAYS, EVENTS_A_DAY)
        before = time.monotonic()
        done = forebay("backfill", "--project", self.project.folder)
        if done.returncode != 0:
            raise DemoFailed(f"forebay backfill failed:\n{done.stderr}")
        took = time.monotonic() - before
        self.console.fact("backfilled", f"{DAYS * EVENTS_A_DAY:,} transactions in {took:.1f} s")
        self.console.step("A worker takes the state over, and goes on with the topic")

    def show_hand_over(self, worker: Worker) -> None:
        """The sums of every user's last week are those of the files."""
        at = int(self.until.timestamp() * 1e6) + 1
        rows = pl.read_parquet(self.project.folder / "history" / "*.parquet")
        hour = 3_600_000_000
        since = (at - 7 * 24 * hour) // hour * hour  # windows of 7 days move by the hour
        spent = (
            rows.filter(
                pl.col("amount") > 0, pl.col("event_time").dt.epoch("us") >= since
            )
            .group_by("user_id")
            .agg(pl.col("amount").sum())
        )
        users = spent["user_id"].to_list()
        answer = worker.batch_get(
            [f"{VIEW}.spend_7d"], [{"user_id": user} for user in users], at=at
        )
        pairs = list(zip(answer["values"][0], spent["amount"].to_list()))
        right = sum(found is not None and abs(found - sum) <= 1e-9 * sum for found, sum in pairs)
        text = f"{right:,} of {len(users):,} users' sums of 7 days are those of the files, by Polars"
        self.console.verdict(right == len(users) > 0, text)
        if right < len(users):
            raise DemoFailed("the state that was handed over has other sums than the files")

    def start_s3(self, stack: contextlib.ExitStack) -> None:
        """A server of its own, which worker, commands and readers find by the usual variables."""
        from tests.object_store.s3_server import S3Server  # which the tests alone need else

        server = stack.enter_context(S3Server())
        server.make_bucket(BUCKET)
        os.environ.update(server.environment())
        self.project.storage_options = server.storage_options()
        self.console.fact("S3", server.url)

    def watch(self, worker: Worker, stream: CardStream, updates: UpdateReader) -> None:
        """Prints a line a second while events arrive, and collects answers."""
        self.console.step(
            f"Sending {RATE:,} transactions a second for {SECONDS} seconds; asking for features meanwhile"
        )
        self.console.table_head(
            [
                "sent",
                "events/s",
                "lag",
                "update after",
                "lookup",
                f"{WATCHED}: 10m",
                "24h",
                "abroad",
                "last in",
            ]
        )
        updates.start()
        stream.start()
        meter = Meter(worker)
        rng = random.Random(2)
        for _ in range(SECONDS):
            until = time.monotonic() + 1
            while time.monotonic() < until:
                users = sorted({f"u{int(1000 * rng.random() ** 2)}" for _ in range(10)})
                self.answers.add(
                    users, worker.batch_get([f"{VIEW}.*"], [{"user_id": u} for u in users])
                )
                time.sleep(0.1)
            self.console.table_row(meter.row(stream, updates))
        stream.stop()
        self.wait_until(
            lambda: meter.consumed() >= stream.sent and meter.lag() == 0,
            "the worker does not catch up",
        )

    def show_updates(self, updates: UpdateReader) -> None:
        self.console.step("What a user's features are now is in a Kafka topic, shop.user_spend.v1")
        self.wait_until(updates.is_quiet, "updates keep coming")
        self.console.fact("updates read", f"{updates.count:,}, {len(updates.newest):,} users")
        row = updates.newest.get(WATCHED)
        if row is not None:
            shown = {
                name: row[name] for name in ("spend_10m", "payments_10m", "last_country_lifetime")
            }
            self.console.fact(
                f"newest of {WATCHED}", ", ".join(f"{k} {v}" for k, v in shown.items())
            )

    def show_training_set(self, updates: UpdateReader) -> None:
        self.console.step(
            "Every change is a row of a Delta table; a training set is joined from it"
        )
        self.wait_until(lambda: self.table_is_at(updates.newest), "the table lacks rows")
        self.changes = self.project.open_table(VIEW).count()
        place = self.project.table(VIEW)
        self.console.fact(
            "rows", f"{self.changes:,} in {place if self.s3 else os.path.relpath(place)}"
        )
        labels = self.project.folder / "labels.parquet"
        out = self.project.folder / "training_set.parquet"
        self.answers.labels().write_parquet(labels)
        before = time.monotonic()
        done = forebay(
            "training-set", "--project", self.project.folder, "--labels", labels, "--time", "asked_for",
            "--features", ",".join(self.answers.features), "--out", out,
        )  # fmt: skip
        if done.returncode != 0:
            raise DemoFailed(f"forebay training-set failed:\n{done.stderr}")
        took = time.monotonic() - before
        self.compare(pl.read_parquet(out), took)

    def compare(self, training_set: pl.DataFrame, took: float) -> None:
        columns = training_set.columns[2:]
        rows = training_set.select(columns).rows()
        wrong = [
            (answer, row)
            for answer, row in zip(self.answers.rows, rows)
            if list(row) != answer["values"]
        ]
        total = len(self.answers.rows)
        self.console.fact(
            "training set", f"{total:,} rows of {len(columns)} features in {took:.2f} s"
        )
        self.equal = total - len(wrong)
        text = (
            f"{self.equal:,} of {total:,} rows are what the lookups had answered, to the last bit"
        )
        self.console.verdict(not wrong and total > 0, text)
        if wrong:
            answer, row = wrong[0]
            raise DemoFailed(f"for {answer} the training set has {row}")

    def show_compaction(self) -> None:
        self.console.step("The table's small files become few large ones, and its past can still be read")
        before = self.project.open_table(VIEW)
        done = forebay("compact", "--project", self.project.folder, VIEW)
        if done.returncode != 0:
            raise DemoFailed(f"forebay compact failed:\n{done.stderr}")
        self.console.fact("forebay compact", done.stdout.split(": ", 1)[1].strip())
        then = pl.scan_delta(
            self.project.table(VIEW),
            version=before.version(),
            storage_options=self.project.storage_options,
        )
        rows = then.select(pl.len()).collect().item()
        self.console.fact(f"version {before.version()}", f"{rows:,} rows, from before, read by Polars")
        if rows != self.changes:
            raise DemoFailed(f"version {before.version()} has {rows} rows, and had {self.changes}")
        if self.project.open_table(VIEW).count() != rows:
            raise DemoFailed("the table has other rows than before it was compacted")

    def show_models(self, worker: Worker) -> None:
        """Two versions of a model that take other features, promoted in turn while it is looked up."""
        self.console.step("Two versions of a model, promoted in turn while lookups ask for it")
        self.command("model", "register", "fraud", "--service", "fraud", "--artifact", "s3://models/fraud/1")
        definitions = self.project.folder / "features" / "fraud.yaml"
        definitions.write_text(definitions.read_text().replace("      - user_spend.spend_24h\n", ""))
        self.command("apply", "--yes", project=())
        self.command("model", "register", "fraud", "--service", "fraud", "--artifact", "s3://models/fraud/2")
        self.command("model", "promote", "fraud@champion", "1")
        seen, asked, done = set(), [], threading.Event()
        entity = {"user_id": "u1", "merchant_id": "m1"}

        def ask() -> None:
            asking = Worker(self.project)
            asking.ready = worker.ready
            while not done.is_set():
                try:
                    answer = asking.post("/v1/get", {"model": "fraud@champion", "entity": entity})
                except HttpError:
                    continue  # the worker has not heard of the model yet
                model = answer["model"]
                seen.add((model["version"], model["artifact"], len(answer["features"])))
                asked.append(model["catalog_version"])

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        for version in itertools.cycle("21"):
            self.command("model", "promote", "fraud@champion", version)
            if (len(seen) > 1 and len(set(asked)) > 3) or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        done.set()
        for thread in threads:
            thread.join()
        want = {(1, "s3://models/fraud/1", 12), (2, "s3://models/fraud/2", 11)}
        self.console.fact("promotions seen", f"{len(set(asked)) - 1}, by {len(asked):,} lookups")
        self.console.verdict(
            seen == want, "each answer was all of one version: its artifact, its features and no others"
        )
        if seen != want:
            raise DemoFailed(f"answers of a model were mixed: {sorted(seen)}")

    def command(self, *arguments: str, project: tuple[str, ...] = ("--project",)) -> None:
        done = forebay(*arguments, *project, self.project.folder)
        if done.returncode != 0:
            raise DemoFailed(f"forebay {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")

    def show_erasure(self, worker: Worker) -> None:
        self.console.step(f"One user asks to be forgotten: {WATCHED}")
        self.project.set_brokers(self.brokers)
        before = self.users_rows()
        done = forebay("erase", "--project", self.project.folder, "user", WATCHED)
        if done.returncode != 0:
            raise DemoFailed(f"forebay erase failed:\n{done.stdout}{done.stderr}")
        said = next(line for line in done.stderr.splitlines() if line.startswith(VIEW))
        self.console.fact("forebay erase", said.split(": ", 1)[1])
        cells = worker.get([f"{VIEW}.*"], {"user_id": WATCHED}).values()
        self.console.fact("a lookup says", ", ".join(sorted({cell["status"] for cell in cells})))
        after = self.users_rows()
        erased = before.pop(WATCHED, 0)
        self.console.verdict(
            after == before and erased > 0,
            f"{erased:,} rows of the user are in no file any more, {sum(after.values()):,} of others are",
        )
        if after != before or erased == 0:
            raise DemoFailed("the table has other rows than it should after the erasure")

    def users_rows(self) -> dict[str, int]:
        """How many rows each user has in the table."""
        table = pl.from_arrow(self.project.open_table(VIEW).to_pyarrow_table())
        return dict(table.group_by("user_id").len().rows())

    def summary(self, worker: Worker, stream: CardStream, updates: UpdateReader) -> None:
        dead = sum_of(worker.metrics(), "forebay_dead_lettered_records_total", "transactions")
        if dead != stream.broken:
            raise DemoFailed(f"{stream.broken} broken records were sent, {dead:.0f} dead-lettered")
        seconds = time.monotonic() - self.began
        self.console.step("What you saw")
        for text in (
            f"{stream.sent:,} transactions went into Kafka. One engine kept 17 features of users and "
            "merchants over sliding windows, in memory and on disk.",
            f"{len(self.answers.rows):,} lookups were answered while they arrived, each with what was known at that moment.",
            f"{self.changes:,} changes of users' features went, row by row, to an open Delta table; {updates.count:,} "
            "records in a Kafka topic said what was newest.",
            "A training set joined from the table held exactly what serving had answered. That is the point.",
            f"{stream.broken} broken records were kept, with the reason, in shop.dead-letter: nothing is dropped.",
            f"{DAYS * EVENTS_A_DAY:,} transactions in files came first, computed by the same engine; each counts once."
            if self.batch
            else "One user was erased: from memory, disk, the newest records of topics, and from the table with its past.",
        ):
            self.console.bullet(text)
        self.console.line(f"\nAll that in {seconds:.0f} seconds.")
        self.next_steps()

    def next_steps(self) -> None:
        binary = os.path.relpath(forebay_binary())
        folder = self.project.shown()
        self.console.step("What to try next")
        self.console.command(
            "docs/tutorial.md", "your first hour: define, run and read features of your own"
        )
        if not self.stay:
            self.console.command(
                "./dev demo --stay", "the same, and it keeps serving, so that you can ask yourself"
            )
        if not self.kafka:
            self.console.command(
                "./dev demo --kafka", "the same on a real Kafka broker, exactly once"
            )
        if not self.batch:
            self.console.command("./dev demo --batch", "with a month in Parquet files before the topic")
        if not self.s3:
            self.console.command("./dev demo --s3", "the same with the tables in an S3 bucket")
        self.console.command(
            f"{binary} validate {folder}", "check definitions; break one in features/ and see"
        )
        self.console.command(f"{binary} dump state --project {folder}", "what is in the state folder")

    def keep_serving(self, worker: Worker) -> None:
        port = worker.ready["http_port"]
        binary = os.path.relpath(forebay_binary())
        self.console.step("Still streaming and serving; stop with Ctrl-C")
        body = '{"feature_service": "fraud", "entity": {"user_id": "u7", "merchant_id": "m3"}}'
        self.console.command(f"curl -s http://127.0.0.1:{port}/v1/get -d '{body}'", "a lookup")
        self.console.command(f"curl -s http://127.0.0.1:{port}/metrics", "metrics")
        self.console.command(
            f"grpcurl -plaintext 127.0.0.1:{worker.ready['grpc_port']} list", "the gRPC services"
        )
        self.console.command(
            f"{binary} get user_spend u7 --project {self.project.shown()} --port {port}",
            "from the shell",
        )
        stream = CardStream(self.brokers, "transactions", RATE, seed=3)
        stream.start()
        while worker.running:
            time.sleep(0.2)
        raise DemoFailed(f"the worker ended with {worker.exit_code}:\n{worker.log_tail()}")

    # ---- small things ----

    def table_is_at(self, newest: dict[str, dict]) -> bool:
        """Whether the newest row of each user says what the newest update does."""
        try:
            table = pl.from_arrow(self.project.open_table(VIEW).to_pyarrow_table())
        except TableNotFoundError:
            return False
        rows = table.sort("_effective_time").group_by("user_id").last()
        found = {row["user_id"]: row["_source_offset"] for row in rows.iter_rows(named=True)}
        return found == {user: row["_source_offset"] for user, row in newest.items()}

    @staticmethod
    def wait_until(condition, complaint: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise DemoFailed(f"{complaint}, even after {seconds:.0f} s")
            time.sleep(0.1)


class Meter:
    """The figures of one line: how many events a second, how far behind, how soon seen."""

    def __init__(self, worker: Worker):
        self._worker = worker
        self._applied = 0.0
        self._time = time.monotonic()

    def lag(self) -> float:
        return sum_of(self._worker.metrics(), "forebay_lag_records")

    def consumed(self) -> float:
        return sum_of(self._worker.metrics(), "forebay_consumed_records_total", "transactions")

    def row(self, stream: CardStream, updates: UpdateReader) -> list[str]:
        metrics = self._worker.metrics()
        consumed = sum_of(metrics, "forebay_consumed_records_total", "transactions")
        now = time.monotonic()
        rate = (consumed - self._applied) / (now - self._time)
        self._applied, self._time = consumed, now
        began = time.perf_counter()
        cells = self._worker.get([f"{VIEW}.*"], {"user_id": WATCHED})
        took = time.perf_counter() - began
        value = {name.partition(".")[2]: cell["value"] for name, cell in cells.items()}
        freshness = updates.take_median_age()
        return [
            f"{stream.sent:,}",
            f"{rate:,.0f}",
            f"{sum_of(metrics, 'forebay_lag_records'):,.0f}",
            "-" if freshness is None else f"{freshness * 1000:.0f} ms",
            f"{took * 1000:.1f} ms",
            money(value["spend_10m"]),
            money(value["spend_24h"]),
            str(value["foreign_24h"]),
            str(value["last_country_lifetime"] or "-"),
        ]


def sum_of(metrics: dict[str, float], name: str, topic: str | None = None) -> float:
    """Over all partitions, of one topic or of all."""
    wanted = name if topic is None else f'{name}{{topic="{topic}"'
    return sum(value for label, value in metrics.items() if label.startswith(wanted))


def money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


if __name__ == "__main__":
    sys.exit(main())
