"""A compaction in parts: `forebay compact --tasks N --print`, `forebay task`, `forebay compact --finish`."""

import json
import os
import pathlib
import signal
import subprocess

import deltalake
import pytest
from tests.offline.driver import BUILD
from tests.offline.lake import by_delta_rs, exact_rows, expected, make_project, uri, write_rows

FOREBAY = BUILD / "cli" / "forebay"
ROWS = 600


@pytest.fixture
def lake(tmp_path: pathlib.Path) -> pathlib.Path:
    make_project(tmp_path)
    write_rows(tmp_path, 0, ROWS, commits=6)
    return tmp_path


def forebay(*arguments, code: int = 0, given: str | None = None, point: str = "") -> str:
    environment = os.environ | ({"FOREBAY_CRASH_AT": point} if point else {})
    command = list(map(str, [FOREBAY, *arguments]))
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environment)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def divide(lake: pathlib.Path, tasks: int) -> list[str]:
    return forebay("compact", "--project", lake, "--tasks", tasks, "--print").splitlines()


def finish(lake: pathlib.Path, code: int = 0, point: str = "") -> str:
    return forebay("compact", "--project", lake, "--finish", code=code, point=point)


def check(lake: pathlib.Path) -> None:
    assert exact_rows(by_delta_rs(lake)) == expected(ROWS)


def test_one_commit_of_what_all_tasks_merged(lake: pathlib.Path) -> None:
    before = deltalake.DeltaTable(uri(lake))
    tasks = divide(lake, 2)
    dates = [[merge["date"] for merge in json.loads(task)["merges"]] for task in tasks]
    assert len(tasks) == 2 and all(dates)
    for task in reversed(tasks):
        forebay("task", "-", given=task)
    forebay("task", "-", given=tasks[0])  # again
    assert deltalake.DeltaTable(uri(lake)).version() == before.version()
    finish(lake)
    after = deltalake.DeltaTable(uri(lake))
    assert after.version() == before.version() + 1
    assert len(after.file_uris()) < len(before.file_uris())
    for date in {date for of in dates for date in of}:
        assert len([path for path in after.file_uris() if f"date={date}/" in path]) == 1
    assert not list(pathlib.Path(uri(lake)).glob("_compaction/*"))
    check(lake)
    assert divide(lake, 2) == []


def test_here_in_processes(lake: pathlib.Path) -> None:
    files = len(deltalake.DeltaTable(uri(lake)).file_uris())
    forebay("compact", "--project", lake, "--tasks", 2)
    assert len(deltalake.DeltaTable(uri(lake)).file_uris()) < files
    check(lake)


def test_tasks_that_die_or_are_missing(lake: pathlib.Path) -> None:
    tasks = divide(lake, 2)
    forebay("task", "-", given=tasks[0], point="compaction.task_run", code=-signal.SIGKILL)
    forebay("task", "-", given=tasks[1])
    assert "1 task of 2 has not run: number 0" in finish(lake, code=1)
    check(lake)
    forebay("task", "-", given=tasks[0])
    finish(lake, point="compaction.round_committed", code=-signal.SIGKILL)
    check(lake)
    finish(lake)
    check(lake)


def test_what_another_writer_replaced_is_given_up(lake: pathlib.Path) -> None:
    late, *others = divide(lake, 2)
    for task in others:
        forebay("task", "-", given=task)
    forebay("compact", "--project", lake)
    forebay("task", "-", given=late)
    assert "left to another writer" in finish(lake)
    check(lake)
    names = {path.split("/")[-1] for path in deltalake.DeltaTable(uri(lake)).file_uris()}
    fresh = {path.name for path in pathlib.Path(uri(lake)).rglob("*.parquet")}
    assert names <= fresh
