"""The steps of one key, read from a large compacted table by `forebay history`."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess

from bench import measured_process
from bench.variants import VIEW
from bench.workshop import ROOT, BenchFailed, Workshop, binary

KEYS = 1_000_000
DATES = 30
READS = re.compile(
    r"(?P<files>\d+) data files? opened, .*, (?P<pages>\d+) pages?, (?P<requests>\d+) requests?, "
    r"(?P<bytes>\d+) bytes; (?P<ms>[\d.]+) ms"
)


def measure(workshop: Workshop) -> dict:
    project = workshop.folder / "history"
    shutil.copytree(ROOT / "bench" / "transactions", project)
    rows = workshop.settings.history_rows
    command = [binary("bench/history_table"), "--project", project, "--rows", rows]
    measured_process.run([*command, "--dates", DATES, "--keys", KEYS], workshop.log)
    table = project / "warehouse" / "offline"
    reads = [_read(project, f"u{i * 7919}") for i in range(2 * workshop.settings.runs + 1)]
    reads = reads[1:]  # the first finds the log and footers cold
    result = {
        "table_rows": rows,
        "table_bytes": sum(file.stat().st_size for file in table.rglob("*.parquet")),
        "dates": DATES,
        **{name: statistics.median(read[name] for read in reads) for name in reads[0]},
    }
    shutil.rmtree(project)
    return {"history": result}


def _read(project, key: str) -> dict[str, float]:
    """Twice, as it is to be warm."""
    command = [binary("cli/forebay"), "history", VIEW, key, "--project", project]
    command += ["--format", "json", "--reads"]
    for _ in range(2):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    found = READS.search(done.stderr)
    if done.returncode != 0 or found is None:
        raise BenchFailed(f"{command}: {done.stderr}")
    return {"steps": done.stdout.count("\n")} | {k: float(v) for k, v in found.groupdict().items()}
