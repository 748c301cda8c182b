"""A backfill in parts: `forebay backfill --tasks N --print`, `forebay task`, `forebay backfill --finish`."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import deltalake
import polars as pl
import pytest
from tests.offline.driver import BUILD, ROOT
from tests.offline.test_backfill import backfill, expected_steps, make_project, orders, steps, table, write_files

FOREBAY = BUILD / "cli" / "forebay"


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> pathlib.Path:
    write_files(tmp_path / "history", orders(1500))
    make_project(tmp_path)
    return tmp_path


def divide(shop: pathlib.Path, tasks: int) -> list[str]:
    command = [FOREBAY, "backfill", "--project", shop, "--work", shop / "work"]
    command += ["--tasks", str(tasks), "--print"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def run(task: str, code: int = 0) -> str:
    done = subprocess.run([FOREBAY, "task", "-"], input=task, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def finish(shop: pathlib.Path, code: int = 0) -> str:
    command = [FOREBAY, "backfill", "--project", shop, "--finish", shop / "work"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def rows_of(shop: pathlib.Path, view: str) -> list[tuple]:
    found = table(shop, view)
    return found.select(sorted(found.columns)).sort(sorted(found.columns)).rows()


def test_the_same_rows_and_states_as_in_one_piece(shop: pathlib.Path) -> None:
    whole = shop.parent / "whole"
    shutil.copytree(shop, whole)
    backfill(whole)
    tasks = divide(shop, 4)
    partitions = [(t, p) for task in tasks for t, of in json.loads(task)["partitions"].items() for p in of["taken"]]
    assert len(tasks) == 4 and len(set(partitions)) == len(partitions) == 6
    for task in reversed(tasks):
        run(task)
    assert "has run already" in run(tasks[0])
    finish(shop)
    for view in ("spend", "visits"):
        assert rows_of(shop, view) == rows_of(whole, view)
        assert len(deltalake.DeltaTable(str(shop / "warehouse" / "offline" / view / "v1")).history()) == 2
    assert steps(shop).equals(expected_steps(orders(1500)))
    # The states are there, up to the ends of the files: nothing is left to do.
    backfill(shop)
    assert rows_of(shop, "spend") == rows_of(whole, "spend")


def test_here_in_processes(shop: pathlib.Path) -> None:
    command = [FOREBAY, "backfill", "--project", shop, "--work", shop / "work", "--tasks", "2"]
    subprocess.run(command, check=True)
    assert steps(shop).equals(expected_steps(orders(1500)))


@pytest.mark.parametrize("point", ["backfill.files_copied", "backfill.tables_added", "backfill.state_moved:2"])
def test_killed_while_it_is_finished(shop: pathlib.Path, monkeypatch, point: str) -> None:
    for task in divide(shop, 3):
        run(task)
    monkeypatch.setenv("FOREBAY_CRASH_AT", point)
    finish(shop, code=-signal.SIGKILL)
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    finish(shop)
    assert steps(shop).equals(expected_steps(orders(1500)))


def test_a_task_that_dies_or_runs_twice_at_once_changes_nothing(shop: pathlib.Path, monkeypatch) -> None:
    tasks = divide(shop, 2)
    monkeypatch.setenv("FOREBAY_CRASH_AT", "backfill.task_run")
    run(tasks[0], code=-signal.SIGKILL)
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    assert "1 of 2 has not run" not in finish(shop, code=1)
    runs = [
        subprocess.Popen([FOREBAY, "task", "-"], stdin=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    for one in runs:
        one.stdin.write(tasks[0])
        one.stdin.close()
    assert [one.wait(60) for one in runs] == [0, 0]
    assert "1 task of 2 has not run: number 1" in finish(shop, code=1)
    run(tasks[1])
    finish(shop)
    assert steps(shop).equals(expected_steps(orders(1500)))


def test_what_does_not_fit_is_said(shop: pathlib.Path) -> None:
    tasks = divide(shop, 2)
    features = shop / "features" / "shop.yaml"
    definitions = features.read_text()
    features.write_text(definitions.replace("windows: [1h, lifetime]", "windows: [2h, lifetime]"))
    assert "the definitions are not those that the backfill was divided with" in run(tasks[0], code=1)
    features.write_text(definitions)
    (shop / "history" / "3.parquet").unlink()
    assert "the files of source orders are not those that the backfill was divided for" in run(tasks[0], code=1)
    assert not list((shop / "work").glob("task-*"))
    for task in divide(shop, 2):
        run(task)
    backfill(shop)
    assert "has a state of orders.batch/0 already" in finish(shop, code=1)
    assert "no task has run in" in subprocess.run(
        [FOREBAY, "backfill", "--project", shop, "--finish", shop / "history"], capture_output=True, text=True
    ).stderr
    assert '"kind"' not in run('{"format": "forebay task", "format_version": 1, "kind": "x", "project_folder": "%s"}' % shop, code=2)


SUBMIT = "--master local[2] --conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1"


def on_spark(*arguments) -> str:
    environment = os.environ | {
        "FOREBAY_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT / "clients" / "python"),
        "PYSPARK_SUBMIT_ARGS": f"{SUBMIT} --conf spark.ui.enabled=false pyspark-shell",
    }
    command = list(map(str, [FOREBAY, *arguments, "--tasks", 2, "--engine", "spark"]))
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java, which Spark needs")
def test_spark_runs_a_backfill_a_compaction_and_a_training_set(shop: pathlib.Path) -> None:
    on_spark("backfill", "--project", shop, "--work", shop / "work")
    assert steps(shop).equals(expected_steps(orders(1500)))
    path = shop / "warehouse" / "offline" / "spend" / "v1"
    files = len(deltalake.DeltaTable(str(path)).file_uris())
    on_spark("compact", "--project", shop)
    assert len(deltalake.DeltaTable(str(path)).file_uris()) < files
    assert steps(shop).equals(expected_steps(orders(1500)))
    labels = pl.from_arrow(orders(1500)).select("user_id", pl.col("at") + pl.duration(seconds=1))
    labels.write_parquet(shop / "labels.parquet")
    on_spark(
        "training-set", "--project", shop, "--labels", shop / "labels.parquet", "--time", "at",
        "--features", "spend.total_lifetime", "--out", shop / "set",
    )  # fmt: skip
    made = pl.read_parquet(sorted((shop / "set").glob("part-*.parquet"))).sort("user_id", "at")
    assert made["spend.total_lifetime"].equals(
        expected_steps(orders(1500))["total_lifetime"], check_names=False
    )


def test_spark_that_cannot_be_started_is_said(shop: pathlib.Path) -> None:
    command = [FOREBAY, "backfill", "--project", shop, "--work", shop / "work", "--tasks", "2"]
    done = subprocess.run(
        [*command, "--engine", "spark"],
        env=os.environ | {"FOREBAY_PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no-such-python must find the packages forebay (clients/python) and pyspark" in done.stderr
