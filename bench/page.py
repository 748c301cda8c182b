"""docs/benchmarks.md: the measured parts are written anew, everything between them is kept.

A measured part stands between two lines, and what it is of is named in the first:

    <!-- measured: stream -->
    <!-- end -->
"""

from __future__ import annotations

import pathlib
import re

from bench import targets

PART = re.compile(r"(<!-- measured: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rewrite(page: pathlib.Path, results: dict, measured: set[str]) -> None:
    """`results`: all that are known; the parts of `measured`, and of those that combine several, are
    renewed, the others stay as they are."""

    def part(found: re.Match) -> str:
        name = found.group(2)
        if name in COMBINED:
            text = COMBINED[name](results)
        elif name in measured:
            text = RENDERERS[name](results[name])
        else:
            return found.group(0)
        return f"{found.group(1)}\n{text}\n{found.group(3)}"

    page.write_text(PART.sub(part, page.read_text()))


def table(head: list[str], rows: list[list[str]]) -> str:
    """The first column is text, the others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def machine(facts: dict[str, str]) -> str:
    return "| | |\n|---|---|\n" + "".join(f"| {name} | {text} |\n" for name, text in facts.items())


def goals(results: dict) -> str:
    words = {None: "", True: "met", False: "not met"}
    head = ["", "at least", "measured", "met"]
    rows = [
        [target.what, target.goal, verdict.measured, words[verdict.met]]
        for target, verdict in targets.verdicts(results)
    ]
    return table(head, rows)


def engine(rows: list[dict]) -> str:
    """A column for each member that a row has, and not as 0."""
    columns = [name for name in ENGINE_COLUMNS if any(row.get(name) for row in rows)]
    head = ["case", *(ENGINE_COLUMNS[name][0] for name in columns)]
    lines = [
        [
            row["case"],
            *(ENGINE_COLUMNS[name][1](row[name]) if row.get(name) else "" for name in columns),
        ]
        for row in rows
    ]
    return table(head, lines)


def stream(results: list[dict]) -> str:
    head = ["variant", "events/s", "events/CPU-s", "range", "runs", "records/event"]
    head += ["broker, µs/event", "peak MB", "foreign cores"]
    rows = [_stream_row(result) for result in results]
    return table(head, rows) + _catching_up(results) + _reasons(results)


def _stream_row(result: dict) -> list[str]:
    if "no_figure" in result:
        return [result["title"], result["no_figure"], *[""] * 7]
    rates = [run["events_per_cpu_second"] for run in result["runs"]]
    return [
        result["title"],
        _round(result["events_per_second"]),
        _round(result["events_per_cpu_second"]),
        f"{_round(min(rates))}-{_round(max(rates))}",
        str(len(result["runs"])),
        _decimals(result["records_per_event"]) if "records_per_event" in result else "",
        _decimals(result["broker_us_per_event"]),
        _count(max(run["peak_megabytes"] for run in result["runs"])),
        _decimals(result["foreign_cores"]),
    ]


def _catching_up(results: list[dict]) -> str:
    """How quickly a topic is gone through from its start, with all defaults."""
    rates = [row["events_per_second"] for row in results if row["variant"] == "defaults" and "runs" in row]
    return "".join(
        f"\nAll defaults, catching up: {rate * 60 / 10_000 / 3600:.2f} hours of a topic of 10,000 "
        "events/s a minute.\n"
        for rate in rates
    )


def freshness(results: list[dict]) -> str:
    head = ["", "seen by", "events/s", "events timed", "p50 ms", "p99 ms", "longest ms"]
    head += ["worker cores", "foreign cores"]
    return table(head, [_freshness_row(result) for result in results]) + _reasons(results)


def _freshness_row(row: dict) -> list[str]:
    if "no_figure" in row:
        return [row["title"], row["seen_by"], row["no_figure"], *[""] * 6]
    return [
        row["title"],
        row["seen_by"],
        _round(row["rate"]),
        _count(row["probes"]),
        *(f"{row[name]:.1f}" for name in ("p50_ms", "p99_ms", "max_ms")),
        *(f"{row[name]:.2f}" for name in ("worker_cores", "foreign_cores")),
    ]


def _reasons(results: list[dict]) -> str:
    """Why there are rows without figures, in a line; the results have all of it."""
    lines = [
        f"- {row['title']}: {row['no_figure']}: {row['reason'].splitlines()[0]}\n"
        for row in results
        if "no_figure" in row
    ]
    return "\n" + "".join(lines) if lines else ""


def peers(results: dict) -> str:
    """Other engines beside forebay's own figure for the same output."""
    others = results.get("peers")
    if not others:
        return "Not measured: FOREBAY_PEERS names no folder with them.\n"
    own = {row["variant"]: row for row in results["stream"] if "no_figure" not in row}
    head = ["", "output", "events/s", "events/CPU-s", "peak MB", "forebay, events/CPU-s", "times"]
    return table(head, [_peer_row(peer, own.get(peer["counterpart"])) for peer in others])


def _peer_row(peer: dict, own: dict | None) -> list[str]:
    if "no_figure" in peer:
        return [peer["engine"], peer["output"], peer["no_figure"], *[""] * 4]
    row = [peer["engine"], peer["output"], _round(peer["events_per_second"])]
    row += [_round(peer["events_per_cpu_second"]), _count(peer["peak_megabytes"])]
    if own is None:
        return [*row, "", ""]
    times = own["events_per_cpu_second"] / peer["events_per_cpu_second"]
    return [*row, _round(own["events_per_cpu_second"]), f"{times:.1f}"]


def scaling(results: list[dict]) -> str:
    rows = [
        [axis["axis"] if i == 0 else "", *_scaling_point(axis, point)]
        for axis in results
        for i, point in enumerate(axis["points"])
    ]
    return table(["", "", "ns/event", "of the first", "ns/event and unit"], rows)


def _scaling_point(axis: dict, point: dict) -> list[str]:
    cost = point["ns_per_event"]
    share = f"{cost / axis['points'][0]['ns_per_event']:.2f}"
    per_unit = f"{cost / point['units']:,.0f} per {axis['unit']}" if axis["unit"] else ""
    return [point["label"], _count(cost), share, per_unit]


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


def beside_training_set(results: list[dict]) -> str:
    head = ["training sets beside", "made", "p50 µs", "p99 µs", "requests/s"]
    rows = [
        [row["training_set"], _count(row["training_sets"])]
        + [f"{row[name]:,.1f}" for name in ("p50_us", "p99_us")]
        + [_round(row["per_second"])]
        for row in results
    ]
    return table(head, rows)


def training_set(cases: list[dict]) -> str:
    head = ["", "engine", "s", "CPU-s", "labels/s", "peak MB", "foreign cores"]
    rows = []
    for case in cases:
        title = f"{case['case']}: {_count(case['labels'])} labels, {_count(case['table_rows'])} rows"
        for engine in case["engines"]:
            row = [title, engine["engine"], f"{engine['seconds']:.2f}", f"{engine['cpu_seconds']:.2f}"]
            row += [_round(case["labels"] / engine["seconds"]), _count(engine["peak_megabytes"])]
            rows.append([*row, f"{engine['foreign_cores']:.2f}"])
            title = ""
    return table(head, rows)


def backfill(result: dict) -> str:
    head = ["", "files", "keys", "events/s", "events/CPU-s", "peak MB", "foreign cores"]
    row = [f"{_count(result['events'])} events", *(_count(result[n]) for n in ("files", "keys"))]
    row += [_round(result["events_per_second"]), _round(result["events_per_cpu_second"])]
    row += [_count(result["peak_megabytes"]), f"{result['foreign_cores']:.2f}"]
    return table(head, [row])


def lakehouse(stages: list[dict]) -> str:
    head = ["", "rows", "us of CPU a row", "rows/CPU-s", "bytes a row", "MB written/CPU-s"]
    rows = []
    for stage in stages:
        us = stage.get("process_cpu_ns", stage["cpu_ns"]) / 1e3
        cells = [stage["stage"], _count(stage["records"]), _decimals(us), _round(1e6 / us)]
        size = stage.get("bytes_per_record")
        cells += [f"{size:.1f}, of {stage['bytes_per_record_before']:.1f}" if size else ""]
        cells += [_count(stage["output_mb_per_cpu_second"]) if size else ""]
        rows.append(cells)
    return table(head, rows)


def beside_upkeep(results: list[dict]) -> str:
    head = ["upkeep", "p50 ms", "p99 ms", "rows compacted", "events/s"]
    rows = [
        [row["upkeep"], f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}", _count(row["compacted_rows"])]
        + [_round(row["events_per_second"])]
        for row in results
    ]
    return table(head, rows)


def history(result: dict) -> str:
    head = ["rows of the table", "GB", "dates", "steps", "files", "pages", "requests", "MB read", "ms"]
    row = [_count(result["table_rows"]), f"{result['table_bytes'] / 1e9:.1f}", str(result["dates"])]
    row += [_count(result[name]) for name in ("steps", "files", "pages", "requests")]
    row += [f"{result['bytes'] / 1e6:.1f}", f"{result['ms']:.1f}"]
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


def _decimals(number: float) -> str:
    return f"{number:,.2f}"


# Members of the engine's rows: the column's name, and how its cells are written.
ENGINE_COLUMNS = {
    "keys": ("keys", _count),
    "events": ("events", _count),
    "changes": ("change records", _count),
    "events_per_cpu_second": ("events/CPU-s", _round),
    "events_per_second": ("events/s", _round),
    "speedup": ("times one thread", _decimals),
    "hot_bytes_per_key": ("bytes/key in memory", _count),
    "stored_bytes_per_key": ("bytes/key stored", _count),
    "restart_seconds": ("start, s", _decimals),
}

def catalog(result: dict) -> str:
    rows = [
        ["`forebay plan`, nothing is there yet", f"{result['plan_seconds']:.2f} s"],
        ["`forebay plan`, nothing differs", f"{result['unchanged_plan_seconds']:.2f} s"],
        ["`forebay run`, start to ready", f"{result['start_seconds']:.2f} s"],
        ["a page of search over HTTP, the slowest of several", f"{result['search_milliseconds']:.1f} ms"],
        ["a page of a list", f"{result['list_milliseconds']:.1f} ms"],
        ["one view", f"{result['object_milliseconds']:.1f} ms"],
        ["lineage of a source of 100 views", f"{result['lineage_milliseconds']:.1f} ms"],
    ]
    return table([f"{result['features']:,} features in {result['views']:,} views", ""], rows)


RENDERERS = {
    "machine": machine,
    "engine": engine,
    "engine-profile": profile,
    "backfill": backfill,
    "stream": stream,
    "stream-profile": profile,
    "freshness": freshness,
    "scaling": scaling,
    "lookup": lookup,
    "beside-training-set": beside_training_set,
    "training-set": training_set,
    "scores": training_set,
    "lakehouse": lakehouse,
    "catalog": catalog,
    "beside-upkeep": beside_upkeep,
    "history": history,
    "training-set-profile": profile,
}
COMBINED = {"goals": goals, "peers": peers}
