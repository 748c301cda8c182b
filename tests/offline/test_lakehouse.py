"""A table through everything that is done to tables, and kills: nothing is lost, nothing is there
twice, but for keys that are erased, which are nowhere; and every version within the retention that
no erasure took a file from reads as it did when it was committed.

The rows of a table are numbered, and flushed in order: so a version is known by their numbers.
"""

import io
import json
import pathlib
import random
import subprocess
import threading
import time

import boto3
import deltalake
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable
from tests.object_store.s3_server import KEY_ID, REGION, SECRET, S3Server
from tests.offline import lake
from tests.offline.driver import BUILD, DRIVER, run
from tests.offline.shop import forebay

OF_VERSION = ["_source_offset", "int64_lifetime", "string_lifetime", "list_double_lifetime"]
WRITE_POINTS = ["flush.files_written", "flush.committed", "flush.segments_deleted"]
COMPACT_POINTS = ["compaction.merged", "compaction.committed"]
VACUUM_POINTS = ["vacuum.removed", "vacuum.removed:4", "vacuum.log_removed", "vacuum.log_removed:3"]
TIER_POINTS = ["tier.merged", "tier.committed"]
ERASE_POINTS = ["erase.rewritten", "erase.removed", "erase.removed:3"]
COLD = "offline: {cold: cold}\n"
BUCKET = "lake"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Lake:
    """A table, what was flushed into it, and which rows each of its versions has to have."""

    def __init__(self, folder: pathlib.Path, environment: pytest.MonkeyPatch, settings: str = COLD):
        self.folder = folder
        self.environment = environment
        self.written = 0  # rows: in the change log, or handed to it by a process that was killed
        self.flushed = 0
        self.gone: frozenset[int] = frozenset()  # rows that were erased
        self.erasing: frozenset[int] = frozenset()  # that an erasure is at, or was killed at
        # Rows by version, as far back as retention and erasures go.
        self.versions: dict[int, list[int]] = {}
        self.killed = False  # the last process that was to be
        self.retention_ms: int | None = None  # while a vacuum is at work
        lake.make_project(folder, settings)

    # ---- what is done; `point`: where the process is killed, and started again then ----

    def write(self, rows: int, point: str = "") -> None:
        """Appends rows and flushes them in one or two commits."""
        first, half = self.written, rows // 2
        commands = [lake.commit(self.folder, first, half), {"flush": True}] if half else []
        commands += [lake.commit(self.folder, first + half, rows - half), {"flush": True}]
        text = "".join(json.dumps(command) + "\n" for command in commands)
        self.written += rows
        self.killed_once(point, lambda: run("write", self.folder, text=text))
        done = run("write", self.folder, text=text)
        assert done.returncode == 0, done.stderr
        self.flushed = self.written
        self.look()

    def command(self, *words: str, point: str = "") -> None:
        command = [BUILD / "cli" / "forebay", *words, "--project", self.folder]
        self.killed_once(
            point, lambda: subprocess.run(command, capture_output=True, text=True, check=False)
        )
        forebay(self.folder, *words)
        self.look()

    def vacuum(self, retention_ms: int, point: str = "") -> None:
        self.retention_ms, self.times_before = retention_ms, self.times()
        retention = f"{retention_ms}ms" if retention_ms else "0"
        self.command("vacuum", "--retention", retention, point=point)
        self.retention_ms = None

    def erase(self, number: int, point: str = "") -> None:
        words = lake.key_words(number)
        self.erasing = frozenset(range(number, self.written, 10)) - self.gone
        self.command("erase", "kind", *words, "--tables-only", point=point)
        self.gone |= self.erasing
        self.erasing = frozenset()
        self.check_nowhere(number)
        forebay(self.folder, "erase", "kind", *words, "--tables-only", "--check")

    def killed_once(self, point: str, process) -> None:
        self.killed = False
        if not point:
            return
        self.environment.setenv("FOREBAY_CRASH_AT", point)
        done = process()
        self.environment.delenv("FOREBAY_CRASH_AT")
        assert done.returncode in (0, -9), done.stderr
        self.killed = done.returncode == -9
        self.look()

    # ---- what is there ----

    def newest(self) -> list[int]:
        return self.versions[max(self.versions)]

    def times(self) -> dict[int, int]:
        """Of the commits, in milliseconds."""
        table = deltalake.DeltaTable(lake.uri(self.folder))
        return {commit["version"]: commit["timestamp"] for commit in table.history()}

    def forget(self) -> None:
        """Versions that a vacuum may have taken: it looked at its clock before we look at ours."""
        retained_ms = now_ms() - self.retention_ms
        for version in list(self.versions):
            if self.times_before.get(version + 1, retained_ms + 1) <= retained_ms:
                del self.versions[version]

    def forget_erased(self) -> None:
        """Versions that lack a file, as it held rows that are erased."""
        for version, rows in list(self.versions.items()):
            if not self.erasing.isdisjoint(rows) and not self.is_whole(version):
                del self.versions[version]

    def is_whole(self, version: int) -> bool:
        try:
            self.read(version)
        except FileNotFoundError:
            return False
        return True

    def look(self) -> None:
        """Compares every version with what it was, and what is new with what may be there."""
        if self.retention_ms is not None:
            self.forget()
        if not deltalake.DeltaTable.is_deltatable(lake.uri(self.folder)):
            return
        newest = deltalake.DeltaTable(lake.uri(self.folder)).version()
        before = set(self.newest()) if self.versions else set()
        self.forget_erased()
        for version in range(self.seen + 1, newest + 1):
            if self.erasing and not self.is_whole(version):
                continue  # of an erasure whose files were erased again
            rows = [row[0] for row in self.read(version)]
            gone = self.gone if self.erasing.isdisjoint(before - set(rows)) else self.gone | self.erasing
            assert rows == [row for row in range(max(rows, default=-1) + 1) if row not in gone]
            assert before - gone <= set(rows) <= set(range(self.written)), f"version {version}"
            self.versions[version] = rows
            before = set(rows)
        self.seen = newest
        for version, rows in self.versions.items():
            assert self.read(version) == self.of_version(rows), f"version {version}"
        assert set(range(self.flushed)) - self.gone - self.erasing <= before
        count = max(before, default=-1) + 1
        gone = frozenset(range(count)) - before
        assert gone <= self.gone | self.erasing
        whole = lake.expected(count, gone) if count else []
        for read in (lake.by_delta_rs, lake.by_polars):
            assert lake.exact_rows(read(self.folder)) == whole, read.__name__

    seen = -1  # the newest version that was looked at

    def read(self, version: int) -> list[tuple]:
        table = deltalake.DeltaTable(lake.uri(self.folder), version=version)
        return lake.exact_rows(table.to_pyarrow_table(columns=OF_VERSION), OF_VERSION)

    @staticmethod
    def of_version(numbers: list[int]) -> list[tuple]:
        if not numbers:
            return []
        every = lake.exact_rows(lake.rows(0, numbers[-1] + 1), OF_VERSION)
        return [every[number] for number in numbers]

    def travel(self, version: int) -> None:
        """forebay reads a version, by its number and by its time, as it was."""
        numbers = self.versions[version]
        served = lake.rows(0, numbers[-1] + 1) if numbers else None
        key = version % 10
        wanted = [served["int64_lifetime"][i].as_py() for i in numbers if i % 10 == key]
        as_of = self.times()[version] * 1000
        for option in (["--version", version], ["--as-of", as_of]):
            found = lake.steps(self.folder, key, *option)
            assert [step["int64_lifetime"] for step in found] == wanted, f"{option}"

    def check(self) -> None:
        lake.check(self.folder, self.written, gone=self.gone)

    def check_nowhere(self, number: int) -> None:
        """No file that is left has the key, in its rows or its bytes."""
        key = lake.key_of(number)["key_string"]
        for path, content in self.every_file():
            assert key.encode() not in content, path
            if path.suffix == ".parquet" and path.parent.name != "_delta_log":
                rows = pq.ParquetFile(io.BytesIO(content)).read(["key_string"])
                assert key not in rows["key_string"].to_pylist(), path

    def every_file(self):
        """Of the table and the cold location, each with its bytes."""
        for place in (self.folder / lake.TABLE, self.folder / "cold"):
            for path in place.rglob("*"):
                if path.is_file():
                    yield path, path.read_bytes()


class LakeInBucket(Lake):
    """Of what is in a bucket, moto's, all is the table or cold."""

    def every_file(self):
        bucket = boto3.resource("s3").Bucket(BUCKET)
        for entry in bucket.objects.all():
            yield pathlib.PurePosixPath(entry.key), entry.get()["Body"].read()


@pytest.fixture
def table(tmp_path, monkeypatch) -> Lake:
    return Lake(tmp_path, monkeypatch)


@pytest.fixture
def s3(monkeypatch):
    """A server with a bucket, and how all processes of the test find it."""
    with S3Server() as server:
        server.make_bucket(BUCKET)
        for name, value in (server.environment() | {"AWS_ALLOW_HTTP": "true"}).items():
            monkeypatch.setenv(name, value)
        yield server


def write_and_compact_with_kills(table: Lake) -> None:
    for point in WRITE_POINTS:
        table.write(14, point)
        assert table.killed, point
    for point in COMPACT_POINTS:
        table.write(40)
        table.command("compact", point=point)
        assert table.killed, point


def test_killed_at_each_point_once(table):
    """Each command is killed there, and then does what it would have done."""
    write_and_compact_with_kills(table)
    for point in VACUUM_POINTS:
        for _ in range(3):
            table.write(30)
            table.command("compact")
        table.write(10)
        table.travel(max(table.versions) - 2)
        table.vacuum(0, point)
        assert table.killed, point
    for point in TIER_POINTS:
        table.write(60)
        table.command("tier", "--older-than", "1d", point=point)
        assert table.killed, point
        table.travel(max(table.versions) - 1)
    for number, point in enumerate(ERASE_POINTS):
        table.write(40)
        table.erase(number, point)
        assert table.killed, point
    assert len(table.newest()) == table.written - len(table.gone)
    table.check()


def random_step(table: Lake, rng: random.Random) -> None:
    """One thing that is done to a table; one in three is killed on its way."""

    def sometimes(points: list[str]) -> str:
        return rng.choice(points) if rng.random() < 1 / 3 else ""

    kind = rng.choice(["write", "write", "write", "compact", "vacuum", "tier", "erase", "travel", "check"])
    if kind == "write" or not table.versions:
        table.write(rng.choice([1, 7, 30, 90]), sometimes(WRITE_POINTS))
    elif kind == "compact":
        table.command("compact", point=sometimes(COMPACT_POINTS))
    elif kind == "vacuum":
        since = now_ms() - table.times()[rng.choice(list(table.versions))]
        table.vacuum(rng.choice([0, since, 10**9]), sometimes(VACUUM_POINTS))
    elif kind == "tier":
        table.command("tier", "--older-than", "1d", point=sometimes(TIER_POINTS))
    elif kind == "erase":
        table.erase(rng.randrange(10), sometimes(ERASE_POINTS))
    elif kind == "travel":
        table.travel(rng.choice(list(table.versions)))
    else:
        table.check()


def run_random(table: Lake, seed: int, steps: int) -> None:
    rng = random.Random(seed)
    for _ in range(steps):
        random_step(table, rng)
    table.check()


def test_in_random_order(table):
    run_random(table, seed=1, steps=12)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 22))
def test_in_random_order_for_long(table, seed):
    run_random(table, seed, steps=120)


@pytest.mark.long
@pytest.mark.parametrize("round", range(20))
def test_killed_at_each_point_for_long(table, round):
    table.write(1 + 17 * round)
    test_killed_at_each_point_once(table)


# ---- in a bucket ----


def test_in_a_bucket_that_fails_now_and_then(s3, tmp_path, monkeypatch):
    """The same life of a table on S3. Who reads it besides does not follow it to a cold location."""
    settings = f"warehouse: s3://{BUCKET}/warehouse\noffline: {{cold: s3://{BUCKET}/cold}}\n"
    table = LakeInBucket(tmp_path, monkeypatch, settings)
    for fault in ("slow_down", "reset", "done_reset", "done_error"):
        for method in ("PUT", "DELETE"):
            s3.fail(fault, method=method, count=-1, chance=0.05)
    write_and_compact_with_kills(table)
    table.travel(max(table.versions) - 2)
    table.write(90)
    table.command("compact")
    table.vacuum(0, "vacuum.removed")
    assert table.killed
    table.check()
    said = json.loads(forebay(table.folder, "tables", "--format", "json").stdout)
    assert said["rows"] == table.written
    metadata = forebay(table.folder, "iceberg", "kinds").stdout.split()[-1]
    access = {"s3.endpoint": s3.url, "s3.access-key-id": KEY_ID, "s3.secret-access-key": SECRET}
    by_pyiceberg = StaticTable.from_metadata(metadata, access | {"s3.region": REGION}).scan().to_arrow()
    assert lake.exact_rows(by_pyiceberg) == lake.expected(table.written)
    table.erase(3, "erase.rewritten")
    assert table.killed
    table.check()
    served = lake.training_set(table.folder, table.written)
    for command in (["tier", "--older-than", "1d"], ["vacuum", "--retention", "0"]):
        forebay(table.folder, *command)
        assert lake.training_set(table.folder, table.written) == served, command
    forebay(table.folder, "erase", "kind", *lake.key_words(4), "--tables-only")
    table.check_nowhere(4)
    # What is left in the cold location goes, too, in its time.
    monkeypatch.setenv("FOREBAY_CRASH_AT", "erase.rewritten")
    forebay(table.folder, "erase", "kind", *lake.key_words(5), "--tables-only", code=-9)
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    forebay(table.folder, "vacuum", "--retention", "0")
    table.check_nowhere(5)


# ---- readers at every moment ----


def read_on(read, folder: pathlib.Path, stop: threading.Event, failures: list) -> int:
    """Reads until told to stop; each time there are the first rows, and no fewer than before."""
    reads = before = 0
    while not failures and (reads == 0 or not stop.is_set()):
        offsets = sorted(read(folder).column("_source_offset").to_pylist())
        if offsets != list(range(len(offsets))) or len(offsets) < before:
            failures.append(f"{read.__name__}: {len(offsets)} rows after {before}: {offsets}")
        before = len(offsets)
        reads += 1
    return reads


def test_readers_while_it_is_written_to_and_compacted(table, spark, delta_in_duckdb):
    def by_duckdb(folder):
        return delta_in_duckdb.sql(f"FROM delta_scan('{folder / lake.TABLE}')").to_arrow_table()

    def by_spark(folder):
        return spark.read.format("delta").load(str(folder / lake.TABLE)).toArrow()

    table.write(30)
    commands = []
    for first in range(30, 630, 20):
        commands += [lake.commit(table.folder, first, 20), {"flush": True}]
    stop, failures = threading.Event(), []

    def upkeep():
        while not stop.is_set():
            for command in (["compact"], ["tier", "--older-than", "1d"], ["vacuum"]):
                forebay(table.folder, *command)

    def follow(read):
        try:
            read_on(read, table.folder, stop, failures)
        except Exception as error:  # a thread's would be lost
            failures.append(f"{read.__name__}: {error!r}")

    readers = (lake.by_delta_rs, lake.by_polars, by_duckdb, by_spark)
    threads = [threading.Thread(target=follow, args=(read,)) for read in readers]
    threads.append(threading.Thread(target=upkeep))
    for thread in threads:
        thread.start()
    writer = subprocess.run(
        [DRIVER, "write", table.folder],
        input="".join(json.dumps(command) + "\n" for command in commands),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    stop.set()
    for thread in threads:
        thread.join()
    assert writer.returncode == 0, writer.stderr
    assert not failures, failures
    table.written = table.flushed = 630
    table.look()
    for read in readers:
        assert lake.exact_rows(read(table.folder)) == lake.expected(630), read.__name__


# ---- leases ----


def test_a_training_set_keeps_what_it_reads_from_a_vacuum(table):
    """One that was killed has not given its lease back: as if it still read."""
    table.write(40)
    leased = max(table.versions)
    table.environment.setenv("FOREBAY_CRASH_AT", "training_set.leased")
    forebay(table.folder, *lake.training_set_command(table.folder, 40), code=-9)
    table.environment.delenv("FOREBAY_CRASH_AT")
    forebay(table.folder, "compact")
    assert "kept for readers" in forebay(table.folder, "vacuum", "--retention", "0").stdout
    assert table.read(leased) == table.of_version(list(range(40)))
    leases = list((table.folder / lake.TABLE / "_forebay" / "leases").iterdir())
    assert len(leases) == 1
    leases[0].unlink()
    assert lake.training_set(table.folder, 40) == lake.expected_training_set(40)
    assert not list(leases[0].parent.iterdir())
    assert "kept for readers" not in forebay(table.folder, "vacuum", "--retention", "0").stdout
