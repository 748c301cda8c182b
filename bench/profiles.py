"""One more run of a stage's program under perf, for where its time goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from bench import engine, perf_profile, stream, training_set
from bench.variants import DEFAULTS
from bench.workshop import BenchFailed, Workshop


@dataclasses.dataclass(frozen=True)
class Profile:
    stage: str
    command: Callable[[Workshop], list]
    parts: dict[str, str]


TASK = {
    "engine: finalize, the features of a step": r"forebay::Finalizer|forebay::FinalizeWindow",
    "engine: append a step to the change columns": r"forebay::Change(Builder|Rows)",
    "engine: the newest step of each key": r"forebay::(NewestSteps|StepOutlet)|Task::GiveNewest",
    "engine: expressions and keys, by column": r"forebay::EventColumns|forebay::KeyColumn",
    "engine: hot map": r"forebay::HotMap|Task::LoadMissing",
    "engine: timers": r"forebay::Timers",
    "engine: tiles": r"forebay::KeyState",
    "engine: the rest": r"forebay::Task::(Apply|Expire|WriteDue|AddStep|BeginOutput|Cut\b)",
}
WORKER = TASK | {
    "state: encode what changed": r"forebay::Task::CutState|forebay::HotMap::Cut|forebay::KeyState::Encode",
    "state: RocksDB": r"rocksdb::|forebay::RocksDbStateStore|forebay::Task::Commit",
    "decode": (
        r"forebay::(EventDecoder|JsonObjectReader|JsonScanner|JsonLayout|ProtobufReader|ProtobufPlan"
        r"|WireScanner|ColumnBuilder|Gate::)"
    ),
    "update topic: encode records": (
        r"forebay::(UpdateRecordEncoder|UpdatePart|AppendJson|JsonObjectWriter|ProtobufMessageWriter)"
    ),
    "update topic: compress (librdkafka's thread)": r"LZ4F_compress|rd_kafka_lz4_compress",
    "update topic: hand over to librdkafka, transactions": (
        r"forebay::(UpdateSink|UpdateWriter|ExactlyOnceSink|AtLeastOnceSink|OrderedPublisher"
        r"|TransactionalProducer|Producer)\b"
    ),
    "Kafka: librdkafka writes and reads requests": (
        r"rd_kafka_msgset|rd_kafka_transport_(send|recv)|rd_kafka_(send|recv)\b|rd_kafka_buf_|sendmsg|recvmsg"
    ),
    "Kafka: librdkafka looks for work": r"rd_kafka_broker_(ops_io_|producer_|consumer_)?serve|\b__poll\b",
    "Kafka: the rest of librdkafka's threads": r"^thread rdk:",
    "Kafka: hand over fetched records": r"forebay::Kafka(Consumer|Source)",
    "change log": r"forebay::ChangeLog|forebay::OfflineSink::(Append|Commit)",
    "offline table: Parquet and Delta": r"forebay::(OfflineSink|TableFlush|DeltaTable|WriteDataFile)",
}
TRAINING_SET = {
    "write the training set": r"parquet::.*Writ|forebay::FileEncoder|forebay::HashedOutput",
    "labels: read, index": r"forebay::(ReadLabels|LabelIndex::(LabelIndex|Build))",
    "read keys and times, find rows": r"forebay::PointInTimeJoin::(FindInPart|FindRows|AddFiles)",
    "read values at the rows found": r"forebay::PointInTimeJoin::(Take|LeaveOut|Values)",
}


def measure(workshop: Workshop, stages: Iterable[str]) -> dict[str, list[dict]]:
    """By the name of a part of the page."""
    if not perf_profile.available():
        raise BenchFailed("perf is not installed or may not sample here: leave --profile out")
    return {
        f"{profile.stage}-profile": _measure(workshop, profile)
        for profile in PROFILES
        if profile.stage in stages
    }


def _measure(workshop: Workshop, profile: Profile) -> list[dict]:
    script = perf_profile.sample(profile.command(workshop), workshop.folder / "perf.data")
    return perf_profile.summarize(script, profile.parts)


def _stream_command(workshop: Workshop) -> list:
    topic = stream.source_topic(workshop, DEFAULTS, workshop.settings.events)
    return stream.command(workshop.make_project(DEFAULTS, topic.name))


PROFILES = (
    Profile("engine", engine.command, TASK),
    Profile("stream", _stream_command, WORKER),
    Profile("training-set", training_set.command, TRAINING_SET),
)
