"""The digest of a run's change records and lookups (README.md defines it), and what it must be."""

from __future__ import annotations

import dataclasses
import functools
import json
import operator
import pathlib
import subprocess
from collections.abc import Callable
from types import SimpleNamespace

import polars as pl
from confluent_kafka import Message
from deltalake import DeltaTable
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from bench import measured_process
from bench.variants import VIEW, Variant
from bench.workshop import (
    PARTITIONS,
    BenchFailed,
    Topic,
    Workshop,
    binary,
    stream_options,
    update_topic,
)
from tests.oracle.model import duration
from tests.system import topics
from tests.system.worker import Worker

WINDOWS = ("10m", "1h", "24h", "7d_hop_1d")
ABROAD = {"foreign_1h": 11, "foreign_24h": 13}
COLUMNS = [
    f"{name}_{window}"
    for window in WINDOWS
    for name in ("payments", "spend", "smallest", "largest")
]
COLUMNS += ABROAD
ROW_DIGESTS = ("event_rows", "expire_rows", "delete_rows", "event_digest", "digest")
NEWEST_DIGESTS = ("newest_rows", "newest_digest")
LOOKUP_BATCH = 10_000
ReadValues = Callable[[list[bytes]], pl.DataFrame]  # of an update topic's records


@dataclasses.dataclass(frozen=True)
class Reference:
    """What a right run gives."""

    rows: dict  # as of_rows() gives it
    newest: dict  # as of_newest() gives it
    lookups: dict  # as of_lookups() gives it
    keys: pathlib.Path  # a file of the users' ids, one a line


class References:
    """By reference_digest.cc; each is computed once."""

    def __init__(self, workshop: Workshop):
        self._workshop = workshop
        self._known: dict[tuple, Reference] = {}

    def get(self, topic: Topic, emit: str | None, method: str) -> Reference:
        """`method`: rows (brute force) or tiles (quick)."""
        which = (dataclasses.replace(topic, format="json"), emit, method)
        if which not in self._known:
            keys = self._workshop.folder / f"keys-{len(self._known)}"
            self._known[which] = self._compute(topic, emit, method, keys)
        return self._known[which]

    def _compute(
        self, topic: Topic, emit: str | None, method: str, keys: pathlib.Path
    ) -> Reference:
        command = [binary("bench/reference_digest"), *stream_options(topic)]
        command += ["--method", method, "--keys", keys, "--partitions", PARTITIONS]
        if emit is not None:
            command += ["--emit-us", duration(emit)]
        found = json.loads(measured_process.run(command, self._workshop.log).output)

        def only(*names: str) -> dict:
            return {name: found[name] for name in names}

        return Reference(only(*ROW_DIGESTS), only(*NEWEST_DIGESTS), only("lookup_digest"), keys)


class WrongDigest(Exception):
    """A run did not give the right values: its figures do not count."""


def check_all(address: str, project: pathlib.Path, variant: Variant, right: Reference) -> None:
    """Compares all that a run left behind. Raises WrongDigest."""
    check(project, variant, right)
    if variant.updates is None:
        return
    messages = topics.read_topic(address, update_topic(project))
    read_values = functools.partial(READERS[variant.updates], project=project)
    if variant.every_change:
        _compare("the update topic", of_updates(messages, read_values), right.rows)
    else:
        _compare("the update topic", of_newest(messages, read_values), right.newest)


def check(project: pathlib.Path, variant: Variant, right: Reference) -> None:
    """The same without the update topic, which takes long to read when it is large."""
    if variant.history:
        _compare("the Delta table", of_table(project), right.rows)
    _compare("a lookup of every key", of_lookups(project, right.keys), right.lookups)


def table_of(project: pathlib.Path) -> DeltaTable:
    return DeltaTable(str(project / "warehouse" / "offline" / VIEW / "v1"))


def of_table(project: pathlib.Path) -> dict:
    return of_rows(pl.scan_delta(table_of(project)))


def of_rows(rows: pl.LazyFrame) -> dict:
    """Of change records with the columns of the offline table."""
    digested = rows.select(pl.col("_op"), digest=_row_digest())
    groups = (
        digested.group_by("_op").agg(pl.len(), pl.col("digest").sum()).collect(engine="streaming")
    )
    by_op = {op: (count, digest) for op, count, digest in groups.iter_rows()}
    counts = {f"{op}_rows": by_op.get(op, (0, 0))[0] for op in ("event", "expire", "delete")}
    return counts | {
        "event_digest": by_op.get("event", (0, 0))[1],
        "digest": sum(digest for _, digest in by_op.values()),
    }


def of_updates(messages: list[Message], read_values: ReadValues) -> dict:
    """Of an update topic with a record for each step."""
    values = [message.value() for message in messages if message.value() is not None]
    return of_rows(read_values(values).lazy()) | {"delete_rows": len(messages) - len(values)}


def of_newest(messages: list[Message], read_values: ReadValues) -> dict:
    """Of what an update topic says last of each key."""
    newest = {message.key(): message.value() for message in messages}
    values = [value for value in newest.values() if value is not None]
    digest = read_values(values).select(_row_digest().sum()).item()
    return {"newest_rows": len(values), "newest_digest": digest}


def of_lookups(project: pathlib.Path, keys: pathlib.Path) -> dict:
    """Of all features of all `keys`, answered by a worker that starts on the state of the run."""
    users = keys.read_text().splitlines()
    total = 0
    with Worker(SimpleNamespace(folder=project)) as worker:
        for first in range(0, len(users), LOOKUP_BATCH):
            entities = [{"user_id": user} for user in users[first : first + LOOKUP_BATCH]]
            answer = worker.batch_get([f"{VIEW}.{column}" for column in COLUMNS], entities)
            frame = pl.DataFrame(dict(zip(COLUMNS, answer["values"])), schema=_SCHEMA)
            total += frame.select(_row_digest().sum()).item()
    return {"lookup_digest": total}


def _compare(where: str, found: dict, expected: dict) -> None:
    if found != expected:
        raise WrongDigest(f"{where} gives {found}; right is {expected}")


def _json_rows(values: list[bytes], project: pathlib.Path) -> pl.DataFrame:
    return pl.read_ndjson(b"\n".join(values), schema=_SCHEMA | {"_op": pl.String})


def _protobuf_rows(values: list[bytes], project: pathlib.Path) -> pl.DataFrame:
    message = _update_message(project)
    parsed = [message.FromString(value) for value in values]
    columns = {column: [getattr(row, column) for row in parsed] for column in COLUMNS}
    return pl.DataFrame(
        columns | {"_op": [row.op for row in parsed]}, schema=_SCHEMA | {"_op": pl.String}
    )


def _update_message(project: pathlib.Path) -> type:
    """The class of the update topic's values, by the .proto file that forebay prints for readers."""
    command = [binary("cli/forebay"), "proto", VIEW, project]
    printed = subprocess.run(command, capture_output=True, text=True)
    if printed.returncode != 0:
        raise BenchFailed(f"no .proto file of the updates: {printed.stderr}")
    (project / "update.proto").write_text(printed.stdout)
    compiled = project / "update.binpb"
    arguments = ["protoc", f"-I{project}", f"-o{compiled}", "update.proto"]
    if protoc.main(arguments) != 0:
        raise WrongDigest(f"protoc refuses what forebay prints:\n{printed.stdout}")
    files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())
    messages = message_factory.GetMessages(files.file, descriptor_pool.DescriptorPool())
    (message,) = messages.values()
    return message


READERS = {"json": _json_rows, "protobuf": _protobuf_rows}


def _row_digest() -> pl.Expr:
    terms = [weight * pl.col(column).fill_null(0) for column, weight in ABROAD.items()]
    for weight, window in enumerate(WINDOWS, 1):
        terms += [
            weight * pl.col(f"payments_{window}").fill_null(0),
            3 * weight * _cents(f"spend_{window}"),
            5 * weight * _cents(f"smallest_{window}"),
            7 * weight * _cents(f"largest_{window}"),
        ]
    return functools.reduce(operator.add, terms)


def _cents(column: str) -> pl.Expr:
    return (pl.col(column) * 100 + 0.5).floor().fill_null(0).cast(pl.Int64)


_SCHEMA = {
    column: pl.Int64 if column.startswith(("payments", "foreign")) else pl.Float64
    for column in COLUMNS
}
