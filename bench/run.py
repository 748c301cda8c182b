"""`./dev bench [STAGE...]`: measures, and writes docs/benchmarks.md.

Nothing here judges a figure. Results go to build/bench-results.json; those of stages that were not
measured this time stay.
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

from bench import engine, lookup, machine, page, profiles, stream, training_set  # noqa: E402
from bench.measured_process import ProcessFailed  # noqa: E402
from bench.workshop import BenchFailed, Settings, Workshop  # noqa: E402
from tests.system.broker import VERSION as KAFKA_VERSION  # noqa: E402

STAGES = {
    "engine": engine.measure,
    "stream": stream.measure,
    "lookup": lookup.measure,
    "training-set": training_set.measure,
}


def main() -> int:
    options = _parse()
    names = [field.name for field in dataclasses.fields(Settings)]
    settings = Settings(**{name: getattr(options, name) for name in names})
    results = {"machine": machine.describe(_version(), KAFKA_VERSION)}
    results["settings"] = dataclasses.asdict(settings)
    try:
        with Workshop(options.work, settings) as workshop:
            for stage in options.stages or STAGES:
                print(f"==> {stage}", flush=True)
                results[stage] = STAGES[stage](workshop)
                print(json.dumps(results[stage], indent=2), flush=True)
            if settings.profile:
                results |= profiles.measure(workshop, options.stages or STAGES)
    except (BenchFailed, ProcessFailed) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    _write(options, results)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"{', '.join(STAGES)}: all")
    for field in dataclasses.fields(Settings):
        flag = f"--{field.name.replace('_', '-')}"
        if field.type == "bool":
            parser.add_argument(flag, action="store_true", help="say where the time goes, by perf")
        else:
            kind = {"int": int, "float": float}[field.type]
            parser.add_argument(flag, type=kind, default=field.default, help=f"default {field.default:,}")
    build = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build")).resolve()
    paths = {
        "results": (build / "bench-results.json", "the figures"),
        "page": (ROOT / "docs" / "benchmarks.md", "the page whose figures are renewed"),
        "work": (build / "bench-work", "for topics, state and tables: emptied, and removed at the end"),
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
    options.results.write_text(json.dumps(before | results, indent=2) + "\n")
    page.rewrite(options.page, results)
    print(f"Written: {options.results}, {options.page}")


def _version() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"
    except FileNotFoundError:
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
