"""One more run of a stage's program under perf, for where its time goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench import engine, perf_profile, stream, training_set
from bench.workshop import BenchFailed, Workshop

TASK = {
    "engine: finalize, the features of a step": r"forebay::Finalizer|forebay::FinalizeWindow",
    "engine: append a step to the change columns": r"forebay::ChangeBuilder|Task::AppendChange",
    "engine: expressions and keys, by column": r"forebay::EventColumns|forebay::KeyColumn",
    "engine: hot map": r"forebay::HotMap|Task::LoadMissing",
    "engine: timers": r"forebay::Timers",
    "engine: tiles": r"forebay::KeyState",
    "engine: the rest": r"forebay::Task::(Apply|Expire|WriteDueSteps|TakeOutput|FinishChanges)",
}
WORKER = TASK | {
    "state: encode what changed": r"forebay::Task::Cut|forebay::KeyState::Encode",
    "state: RocksDB": r"rocksdb::|forebay::RocksDbStateStore|forebay::Task::Commit",
    "decode": r"forebay::(EventDecoder|Json|Protobuf|WireScanner|ColumnBuilder|Gate::)",
    "update topic: encode records": r"forebay::UpdateRecordEncoder|forebay::AppendJson",
    "update topic: compress (librdkafka's thread)": r"LZ4F_compress|rd_kafka_lz4_compress",
    "update topic: hand over to librdkafka, transactions": (
        r"forebay::(UpdateSink|UpdateWriter|ExactlyOnceSink|AtLeastOnceSink|OrderedPublisher"
        r"|TransactionalProducer|Producer)\b"
    ),
    "Kafka: the rest of librdkafka's threads": r"^thread rdk:",
    "Kafka: hand over fetched records": r"forebay::Kafka(Consumer|Source)",
    "change log": r"forebay::ChangeLog|forebay::OfflineSink::(Append|Commit)",
    "offline table: Parquet and Delta": r"forebay::(OfflineSink|TableFlush|DeltaTable|WriteDataFile)",
}
TRAINING_SET = {
    "read the table's Parquet": r"parquet::arrow::FileReader|forebay::DataFileReader|parquet::.*Read",
    "write the training set": r"parquet::.*Writ",
    "sort and join": r"forebay::",
}


def measure(workshop: Workshop, stages: Iterable[str]) -> dict[str, list[dict]]:
    """By the name of a part of the page."""
    if not perf_profile.available():
        raise BenchFailed("perf is not installed or may not sample here: leave --profile out")
    profiles: dict[str, tuple[Callable[[Workshop], list], dict[str, str]]] = {
        "engine": (engine.command, TASK),
        "stream": (lambda shop: stream.command(shop.make_project("profiled")), WORKER),
        "training-set": (training_set.command, TRAINING_SET),
    }
    data = workshop.folder / "perf.data"
    return {
        f"{stage}-profile": perf_profile.shares(command(workshop), data, parts)
        for stage, (command, parts) in profiles.items()
        if stage in stages
    }
