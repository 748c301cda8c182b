"""docs/benchmarks.md: the measured parts are written anew, everything between them is kept.

A measured part stands between two lines, and what it is of is named in the first:

    <!-- measured: stream -->
    <!-- end -->
"""

from __future__ import annotations

import pathlib
import re

PART = re.compile(r"(<!-- measured: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rewrite(page: pathlib.Path, results: dict) -> None:
    """Leaves the parts that `results` lacks as they are."""

    def part(found: re.Match) -> str:
        name = found.group(2)
        if name not in results:
            return found.group(0)
        return f"{found.group(1)}\n{RENDERERS[name](results[name])}\n{found.group(3)}"

    page.write_text(PART.sub(part, page.read_text()))


def table(head: list[str], rows: list[list[str]]) -> str:
    """The first column is text, the others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def machine(facts: dict[str, str]) -> str:
    return "| | |\n|---|---|\n" + "".join(f"| {name} | {text} |\n" for name, text in facts.items())


def engine(result: dict) -> str:
    per_event = result["cpu_seconds"] / result["events"] * 1e6
    head = ["", "events", "keys", "change records", "events/CPU-s", "µs/event"]
    row = ["one thread", _count(result["events"]), _count(result["keys"])]
    row += [_count(result["changes"]), _round(result["events_per_cpu_second"]), f"{per_event:.2f}"]
    return table(head, [row])


def stream(results: list[dict]) -> str:
    head = ["delivery", "events", "runs", "events/s", "events/CPU-s", "range", "change records"]
    head += ["worker CPU-s", "broker CPU-s", "peak MB", "foreign cores"]
    return table(head, [_stream_row(result) for result in results])


def _stream_row(result: dict) -> list[str]:
    rates = [run["events"] / run["cpu_seconds"] for run in result["runs"]]
    return [
        result["delivery"],
        _count(result["events"]),
        str(len(result["runs"])),
        _round(result["events_per_second"]),
        _round(result["events_per_cpu_second"]),
        f"{_round(min(rates))}-{_round(max(rates))}",
        _count(result["changes"]),
        f"{result['cpu_seconds']:.1f}",
        f"{result['broker_cpu_seconds']:.1f}",
        _count(result["peak_megabytes"]),
        f"{result['foreign_cores']:.2f}",
    ]


def lookup(results: list[dict]) -> str:
    head = ["", "state", "p50 µs", "p99 µs", "p999 µs", "requests/s", "requests/CPU-s"]
    return table(head, [_lookup_row(row) for row in results])


def _lookup_row(row: dict) -> list[str]:
    per_cpu_second = row.get("per_cpu_second")
    return [
        row["what"],
        row["state"],
        *(f"{row[name]:,.1f}" for name in ("p50_us", "p99_us", "p999_us")),
        _round(row["per_second"]),
        _round(per_cpu_second) if per_cpu_second else "",
    ]


def training_set(result: dict) -> str:
    head = ["", "features", "rows of the table", "files", "rows/s", "rows/CPU-s", "peak MB"]
    head += ["foreign cores"]
    row = [f"{_count(result['labels'])} labels", str(result["features"])]
    row += [_count(result["table_rows"]), _count(result["table_files"])]
    row += [_round(result["labels_per_second"]), _round(result["labels_per_cpu_second"])]
    row += [_count(result["peak_megabytes"]), f"{result['foreign_cores']:.2f}"]
    return table(head, [row])


def profile(parts: list[dict]) -> str:
    """Shares of a worker's CPU time, largest first."""
    rows = [[part["part"], f"{part['share']:.1%}"] for part in parts]
    return table(["where", "share of CPU time"], rows)


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _round(rate: float) -> str:
    """Three digits: the others are noise."""
    digits = len(str(int(rate)))
    return f"{round(rate, 3 - digits):,.0f}"


RENDERERS = {
    "machine": machine,
    "engine": engine,
    "engine-profile": profile,
    "stream": stream,
    "stream-profile": profile,
    "lookup": lookup,
    "training-set": training_set,
    "training-set-profile": profile,
}
