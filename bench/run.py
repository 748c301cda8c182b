"""`./dev bench [STAGE...]`: measures, and writes docs/benchmarks.md.

Results go to build/bench-results.json; those of stages that were not measured this time stay. A worker
that gives wrong values gives no figure, and the command then ends with 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # for `bench` and `tests`

from bench import (  # noqa: E402
    backfill,
    catalog,
    engine,
    freshness,
    lakehouse,
    lookup,
    machine,
    page,
    profiles,
    scaling,
    scores,
    stream,
    training_set,
)
from bench.measured_process import ProcessFailed  # noqa: E402
from bench.workshop import BenchFailed, Settings, Workshop  # noqa: E402
from tests.system.broker import VERSION as KAFKA_VERSION  # noqa: E402
from tests.system.worker import WorkerError  # noqa: E402

# Each gives results by name.
STAGES = {
    "engine": engine.measure,
    "backfill": backfill.measure,
    "stream": stream.measure,
    "freshness": freshness.measure,
    "scaling": scaling.measure,
    "lookup": lookup.measure,
    "training-set": training_set.measure,
    "scores": scores.measure,
    "lakehouse": lakehouse.measure,
    "catalog": catalog.measure,
}


def main() -> int:
    options = _parse()
    names = [field.name for field in dataclasses.fields(Settings)]
    settings = Settings(**{name: getattr(options, name) for name in names})
    results = {"machine": machine.describe(_version(), KAFKA_VERSION)}
    results["settings"] = dataclasses.asdict(settings)
    with Workshop(options.work, settings) as workshop:
        failures = _measure(workshop, options, results)
    _write(options, results)
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _measure(workshop: Workshop, options: argparse.Namespace, results: dict) -> list[str]:
    """Adds to `results`, as far as it comes; what went wrong."""
    stages = options.stages or list(STAGES)
    failures = []
    for stage in stages:
        print(f"==> {stage}", flush=True)
        try:
            found = STAGES[stage](workshop)
        except (BenchFailed, ProcessFailed, WorkerError) as error:
            failures.append(f"{stage}: {error}")
            continue
        print(json.dumps(found, indent=2), flush=True)
        results |= found
        failures += _missing_figures(found)
    if workshop.settings.profile:
        try:
            results |= profiles.measure(workshop, stages)
        except (BenchFailed, ProcessFailed) as error:
            failures.append(f"profile: {error}")
    return failures


def _missing_figures(results: dict) -> list[str]:
    rows = [(name, row) for name, found in results.items() if isinstance(found, list) for row in found]
    return [
        f"{name}: {row['title']}: {row['no_figure']}: {row['reason']}"
        for name, row in rows
        if "no_figure" in row
    ]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"{', '.join(STAGES)}: all")
    for field in dataclasses.fields(Settings):
        flag = f"--{field.name.replace('_', '-')}"
        text = field.metadata["text"]
        if field.type == "bool":
            parser.add_argument(flag, action="store_true", help=text)
        else:
            kind = {"int": int, "float": float, "str": str}[field.type]
            default = f"; default {field.default:,}" if field.default else ""
            parser.add_argument(flag, type=kind, default=field.default, help=f"{text}{default}")
    build = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build")).resolve()
    paths = {
        "results": (build / "bench-results.json", "the figures"),
        "page": (ROOT / "docs" / "benchmarks.md", "the page whose figures are renewed"),
        "work": (
            build / "bench-work",
            "for topics, state and tables: emptied, and removed at the end",
        ),
    }
    for name, (default, text) in paths.items():
        parser.add_argument(f"--{name}", type=pathlib.Path, default=default, help=text)
    options = parser.parse_args()
    unknown = set(options.stages) - set(STAGES)
    if unknown:
        parser.error(f"unknown stage {', '.join(sorted(unknown))}: the stages are {list(STAGES)}")
    return options


def _write(options: argparse.Namespace, results: dict) -> None:
    before = json.loads(options.results.read_text()) if options.results.exists() else {}
    known = before | results
    options.results.write_text(json.dumps(known, indent=2) + "\n")
    page.rewrite(options.page, known, set(results))
    print(f"Written: {options.results}, {options.page}")


def _version() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"
    except FileNotFoundError:
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
