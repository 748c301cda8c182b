"""Where a command's CPU time goes, by the parts of forebay, from samples of its stacks by perf.

A sample belongs to the part that its innermost recognized frame belongs to: what the allocator does
for the decoder is the decoder's. If no frame is, the name of the thread decides.
"""

from __future__ import annotations

import collections
import pathlib
import re
import shutil
import subprocess

from bench.workshop import BenchFailed

# Whole stacks are copied, as the libraries have no frame pointers: few samples, large ones.
SAMPLING = ["-e", "cpu-clock", "-F", "199", "--call-graph", "dwarf,16384"]


def available() -> bool:
    """Whether perf is there and this machine lets it sample."""
    if shutil.which("perf") is None:
        return False
    command = ["perf", "record", "-o", "/dev/null", *SAMPLING, "--", "true"]
    return subprocess.run(command, capture_output=True).returncode == 0


def sample(command: list, data: pathlib.Path) -> str:
    """Runs `command` under perf: what `perf script -F comm,ip,sym` prints of it."""
    record = ["perf", "record", "-q", *SAMPLING, "-o", data, "--", *command]
    done = subprocess.run(list(map(str, record)), capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchFailed(f"{command} under perf ended with {done.returncode}:\n{done.stderr}")
    script = subprocess.run(
        ["perf", "script", "-i", str(data), "--no-inline", "-F", "comm,ip,sym"],
        capture_output=True,
        text=True,
        errors="replace",
    )
    data.unlink()
    return script.stdout


def summarize(script: str, parts: dict[str, str]) -> list[dict]:
    """The shares of all samples by part, largest first; those of no part are "other". `script`: of
    sample(). `parts`: a regular expression of function names by part."""
    patterns = {part: re.compile(pattern) for part, pattern in parts.items()}
    counts = collections.Counter()
    for sample in script.split("\n\n"):
        thread, *frames = sample.strip().splitlines() or [""]
        if frames:
            counts[_part_of(thread, frames, patterns)] += 1
    total = sum(counts.values())
    return [{"part": part, "share": count / total} for part, count in counts.most_common()]


def _part_of(thread: str, frames: list[str], patterns: dict[str, re.Pattern]) -> str:
    for line in [*frames, f"thread {thread.strip()}"]:
        for part, pattern in patterns.items():
            if pattern.search(line):
                return part
    return "other"
