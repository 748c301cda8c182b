"""Tasks that `forebay training-set`, `backfill` and `compact` have divided their work into, run by Spark.

`--tasks 64 --engine spark` does it all. By hand:

    lines = subprocess.run(["forebay", "training-set", ..., "--tasks", "64", "--print"], ...).stdout
    run_on_spark(spark, lines.splitlines())
    subprocess.run(["forebay", "training-set", "--finish", folder], check=True)

Every executor needs the program, the project's folder, and what tasks read and write under the same
paths, as on a shared file system.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any


class TaskFailed(Exception):
    """What `forebay task` said."""


def run_task(task: str, program: str = "forebay") -> str:
    """Runs one, here; returns what it printed."""
    done = subprocess.run([program, "task", "-"], input=task, capture_output=True, text=True)
    if done.returncode != 0:
        raise TaskFailed(done.stderr.strip())
    return done.stdout


def run_on_spark(spark: Any, tasks: Sequence[str], program: str = "forebay") -> list[str]:
    """Runs each as a task of Spark, which repeats those that die; that changes nothing. `spark`: a
    SparkSession. Returns what they printed, in their order."""
    # A function of its own, so that executors need no package but the standard library.
    def run(task: str) -> str:
        import subprocess

        done = subprocess.run([program, "task", "-"], input=task, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    lines = spark.sparkContext.parallelize(list(tasks), max(len(tasks), 1))
    return [str(line) for line in lines.map(run).collect()]


def main(program: str) -> int:
    """Runs the tasks on stdin, a line each, in a session that Spark's own settings describe
    (spark-defaults.conf, PYSPARK_SUBMIT_ARGS); what `--engine spark` starts."""
    tasks = [line for line in sys.stdin.read().splitlines() if line]
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        print("--engine spark needs PySpark: pip install pyspark", file=sys.stderr)
        return 1
    spark = SparkSession.builder.appName("forebay").getOrCreate()
    try:
        for printed in run_on_spark(spark, tasks, program):
            print(printed, end="")
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
