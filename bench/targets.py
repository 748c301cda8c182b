"""What the engine should reach, and whether it does: the table at the top of the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bench import engine

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


def _worker_rate(variant: str, goal: float) -> Callable[[dict], Verdict]:
    def find(results: dict) -> Verdict:
        row = _row(results.get("stream"), "variant", variant)
        if "events_per_cpu_second" not in row:
            return Verdict(row.get("no_figure", NOT_MEASURED))
        return _at_least(row["events_per_cpu_second"], goal, "{:,.0f} per CPU-second")

    return find


def _exactly_once_share(results: dict) -> Verdict:
    once = _row(results.get("stream"), "variant", "updates")
    least = _row(results.get("stream"), "variant", "updates-at-least-once")
    rates = ("events_per_cpu_second", "events_per_second")
    if not all(rate in row for row in (once, least) for rate in rates):
        return Verdict(NOT_MEASURED)
    by_cpu, by_clock = (once[rate] / least[rate] for rate in rates)
    return Verdict(
        f"{by_cpu:.0%} by CPU, {by_clock:.0%} by the clock", min(by_cpu, by_clock) >= 0.9
    )


def _freshness(results: dict) -> Verdict:
    row = _row(results.get("freshness"), "variant", "updates-table")
    if "p50_ms" not in row:
        return Verdict(row.get("no_figure", NOT_MEASURED))
    p50, p99 = row["p50_ms"], row["p99_ms"]
    return Verdict(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", p50 <= 5 and p99 <= 20)


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


def _workload_memory(results: dict) -> Verdict:
    runs = [run for row in results.get("stream", []) for run in row.get("runs", [])]
    peaks = [run["peak_megabytes"] for run in runs]
    return _at_most(max(peaks), 1000, "{:,.0f} MB at most") if peaks else Verdict(NOT_MEASURED)


TARGETS = (
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
        "whole worker, JSON, state only",
        "900,000 per CPU-second",
        _worker_rate("state", 900e3),
    ),
    Target("the same from protobuf", "1,200,000", _worker_rate("state-protobuf", 1.2e6)),
    Target("every update to Kafka (protobuf value)", "450,000", _worker_rate("updates", 450e3)),
    Target(
        "every update to Kafka and every change into Delta",
        "250,000",
        _worker_rate("updates-table", 250e3),
    ),
    Target("`emit: {every: 1s}`, both sinks", "600,000", _worker_rate("emit", 600e3)),
    Target("exactly once against at least once", "90 % of the rate", _exactly_once_share),
    Target(
        "freshness, produced to visible in a lookup, at 50,000 events/s",
        "p50 5 ms, p99 20 ms at most",
        _freshness,
    ),
    Target(
        "p50 of a view by another key later than by the topic's, at 10,000 events/s",
        "20 ms at most",
        _repartitioned_freshness,
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
    Target("memory of the whole workload", "1,000 MB at most", _workload_memory),
)
