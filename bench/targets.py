"""What the engine should reach, and whether it does: the table at the top of the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bench import engine, freshness, training_set

NOT_MEASURED = "not measured"


@dataclasses.dataclass(frozen=True)
class Verdict:
    measured: str
    met: bool | None = None  # None: there is no figure


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    goal: str
    judge: Callable[[dict], Verdict]  # given all results


def verdicts(results: dict) -> list[tuple[Target, Verdict]]:
    return [(target, target.judge(results)) for target in TARGETS]


def _at_least(figure: float, goal: float, text: str) -> Verdict:
    return Verdict(text.format(figure), figure >= goal)


def _at_most(figure: float, goal: float, text: str) -> Verdict:
    return Verdict(text.format(figure), figure <= goal)


def _row(rows: list[dict] | None, name: str, value: str) -> dict:
    """Of a stage; {} where it was not measured."""
    return next((row for row in rows or [] if row.get(name) == value), {})


def _engine(case: str, member: str, judge: Callable[[dict], Verdict]) -> Callable[[dict], Verdict]:
    def find(results: dict) -> Verdict:
        row = _row(results.get("engine"), "case", case)
        return judge(row) if member in row else Verdict(NOT_MEASURED)

    return find


def _engine_rate(case: str, goal: float) -> Callable[[dict], Verdict]:
    return _engine(
        case,
        "events_per_cpu_second",
        lambda row: _at_least(row["events_per_cpu_second"], goal, "{:,.0f} per CPU-second"),
    )


def _backfill_rate(results: dict) -> Verdict:
    rate = results.get("backfill", {}).get("events_per_cpu_second")
    if rate is None:
        return Verdict(NOT_MEASURED)
    return _at_least(rate, 700e3, "{:,.0f} per CPU-second")


def _stream(variant: str, judge: Callable[[dict], Verdict]) -> Callable[[dict], Verdict]:
    def find(results: dict) -> Verdict:
        row = _row(results.get("stream"), "variant", variant)
        if "events_per_cpu_second" not in row:
            return Verdict(row.get("no_figure", NOT_MEASURED))
        return judge(row)

    return find


def _against(variant: str, peer: str, goal: float) -> Callable[[dict], Verdict]:
    """By CPU time, where the other engine ran in the same call."""

    def find(results: dict) -> Verdict:
        other = _row(results.get("peers"), "name", peer)
        if "events_per_cpu_second" not in other:
            return Verdict(other.get("no_figure", NOT_MEASURED))
        rate = other["events_per_cpu_second"]
        own = _stream(
            variant,
            lambda row: _at_least(row["events_per_cpu_second"] / rate, goal, "{:.2f} times"),
        )
        return own(results)

    return find


def _exactly_once_share(results: dict) -> Verdict:
    once = _row(results.get("stream"), "variant", "defaults")
    least = _row(results.get("stream"), "variant", "at-least-once")
    rates = ("events_per_cpu_second", "events_per_second")
    if not all(rate in row for row in (once, least) for rate in rates):
        return Verdict(NOT_MEASURED)
    by_cpu, by_clock = (once[rate] / least[rate] for rate in rates)
    return Verdict(
        f"{by_cpu:.0%} by CPU, {by_clock:.0%} by the clock", min(by_cpu, by_clock) >= 0.9
    )


def _freshness(results: dict) -> Verdict:
    by_lookup = [row for row in results.get("freshness", []) if row.get("seen_by") == freshness.LOOKUP]
    row = _row(by_lookup, "variant", "defaults")
    if "p50_ms" not in row:
        return Verdict(row.get("no_figure", NOT_MEASURED))
    p50, p99 = row["p50_ms"], row["p99_ms"]
    return Verdict(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", p50 <= 5 and p99 <= 50)


def _repartitioned_freshness(results: dict) -> Verdict:
    """Beside the same view in the topic of its key, at the same rate."""
    rows = results.get("freshness", [])
    repartitioned = _row(rows, "variant", "state-repartitioned")
    rate = repartitioned.get("asked_rate")
    direct = _row([row for row in rows if row.get("asked_rate") == rate], "variant", "state")
    if "p50_ms" not in repartitioned or "p50_ms" not in direct:
        return Verdict(repartitioned.get("no_figure", NOT_MEASURED))
    later = repartitioned["p50_ms"] - direct["p50_ms"]
    return Verdict(f"{later:.1f} ms", later <= 20)


def _three_views(results: dict) -> Verdict:
    def seconds(case: str) -> float | None:
        engines = _row(results.get("scores"), "case", case).get("engines", [])
        return _row(engines, "engine", "forebay").get("seconds")

    one, three = seconds("one view, int64 keys"), seconds("three views, int64 keys")
    return _at_most(three / one, 2, "{:.2f} times") if one and three else Verdict(NOT_MEASURED)


def _lookups_beside(results: dict) -> Verdict:
    rows = {row["training_set"]: row["p99_us"] for row in results.get("beside-training-set", [])}
    return _at_most(rows["on"] / rows["off"], 1.1, "{:.2f} times") if rows else Verdict(NOT_MEASURED)


def _training_set(case: str, judge: Callable[[float, dict], Verdict]) -> Callable[[dict], Verdict]:
    """`judge` gets the seconds of forebay and those of the others."""

    def find(results: dict) -> Verdict:
        cases = [*results.get("training-set", []), *results.get("scores", [])]
        engines = _row(cases, "case", case).get("engines", [])
        seconds = {engine["engine"]: engine["seconds"] for engine in engines}
        return judge(seconds.pop("forebay"), seconds) if "forebay" in seconds else Verdict(NOT_MEASURED)

    return find


def _training_set_goals(case: str) -> tuple[Target, Target]:
    return (
        Target(
            f"training set, {case}, against the faster of DuckDB and Polars",
            "3 times",
            _training_set(
                case,
                lambda own, others: _at_least(
                    min(others["DuckDB"], others["Polars"]) / own, 3, "{:.2f} times"
                ),
            ),
        ),
        Target(
            "the same, in the time of reading the needed columns alone with pyarrow",
            "1.5 times, at most",
            _training_set(
                case,
                lambda own, others: _at_most(own / others[training_set.FLOOR], 1.5, "{:.2f} times"),
            ),
        ),
    )


def _large_training_set(results: dict) -> Verdict:
    large = [case for case in results.get("training-set", []) if "memory" in case["case"]]
    if not large or large[0]["table_rows"] < 100_000_000:
        return Verdict(NOT_MEASURED)
    return _at_most(large[0]["engines"][0]["peak_megabytes"], 2048, "{:,.0f} MB")


def _catalog(member: str, goal: float, text: str) -> Callable[[dict], Verdict]:
    def find(results: dict) -> Verdict:
        result = results.get("catalog", {})
        if result.get("features", 0) < 10_000:
            return Verdict(NOT_MEASURED)
        return _at_most(result[member], goal, text)

    return find


TARGETS = (
    Target(
        "all defaults, against Flink that writes the same JSON exactly once, but no table",
        "1.5 times",
        _against("defaults", "flink-heap-json-eo", 1.5),
    ),
    Target(
        "the same without the table",
        "2.5 times",
        _against("defaults-no-table", "flink-heap-json-eo", 2.5),
    ),
    Target(
        "every change as protobuf to Kafka, against Flink's 184 bytes an event",
        "2 times",
        _against("updates", "flink-heap-kafka", 2),
    ),
    Target(
        "the same and into Delta, against the same",
        "1.3 times",
        _against("updates-table", "flink-heap-kafka", 1.3),
    ),
    Target(
        "state only, against Flink on the heap",
        "3.5 times",
        _against("state", "flink-heap-state", 3.5),
    ),
    Target(
        "state only, against Flink on RocksDB",
        "11 times",
        _against("state", "flink-rocksdb-state", 11),
    ),
    Target("exactly once against at least once, all defaults", "90 % of the rate", _exactly_once_share),
    Target(
        "freshness, produced to visible in a lookup, at 50,000 events/s, all defaults",
        "p50 5 ms, p99 50 ms at most",
        _freshness,
    ),
    Target(
        "p50 of a view by another key later than by the topic's, at 10,000 events/s",
        "20 ms at most",
        _repartitioned_freshness,
    ),
    Target(
        "peak memory, all defaults",
        "800 MB at most",
        _stream(
            "defaults",
            lambda row: _at_most(max(run["peak_megabytes"] for run in row["runs"]), 800, "{:,.0f} MB"),
        ),
    ),
    Target(
        "the broker's CPU time, all defaults",
        "3.9 µs an event at most",
        _stream("defaults", lambda row: _at_most(row["broker_us_per_event"], 3.9, "{:.1f} µs")),
    ),
    Target(
        "backfill from Parquet, state only",
        "700,000 events per CPU-second",
        _backfill_rate,
    ),
    Target(
        "engine alone, decoded batches in memory, 100,000 hot keys, one core",
        "3,000,000 events/s",
        _engine_rate("hot keys", 3e6),
    ),
    Target(
        "the same, 10 M keys, hot map a quarter of the state, RocksDB below",
        "250,000 events/s",
        _engine_rate("hot map a quarter of the state", 250e3),
    ),
    Target(
        "two task threads against one",
        "1.9 times the rate",
        _engine(
            "hot keys, two threads",
            "speedup",
            lambda row: _at_least(row["speedup"], 1.9, "{:.2f} times"),
        ),
    ),
    Target(
        "start on 10 M keys of state on disk",
        "10 s, at most",
        _engine(
            engine.START,
            "restart_seconds",
            lambda row: _at_most(row["restart_seconds"], 10, "{:.1f} s"),
        ),
    ),
    Target(
        "memory per key against what is stored of it, its non-empty tiles",
        "1.3 times, at most",
        _engine(
            "hot keys",
            "stored_bytes_per_key",
            lambda row: _at_most(
                row["hot_bytes_per_key"] / row["stored_bytes_per_key"], 1.3, "{:.2f} times"
            ),
        ),
    ),
    *_training_set_goals("22 features"),
    *_training_set_goals("one view, int64 keys"),
    Target("three views at once, against one", "2 times, at most", _three_views),
    Target(
        "p99 of lookups while training sets are made beside, against without",
        "1.1 times, at most",
        _lookups_beside,
    ),
    Target(
        "100 M rows joined with 10 M labels, peak memory",
        "2 GiB, at most",
        _large_training_set,
    ),
    Target(
        "`forebay plan` with a catalog of 10,000 features",
        "1 s at most",
        _catalog("unchanged_plan_seconds", 1, "{:.2f} s"),
    ),
    Target("a worker's start with it", "2 s at most", _catalog("start_seconds", 2, "{:.2f} s")),
    Target("a page of search in it", "50 ms at most", _catalog("search_milliseconds", 50, "{:.1f} ms")),
)
