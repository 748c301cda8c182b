"""Writes offline tables through the real sink, and joins training sets, by way of `offline_driver`."""

import datetime
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FOREBAY_BUILD", ROOT / "build"))
DRIVER = BUILD / "tests" / "offline" / "offline_driver"
START = 1_700_000_000_000_000
HOUR = 3_600_000_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def run(*arguments, text: str = "") -> subprocess.CompletedProcess:
    assert DRIVER.exists(), f"{DRIVER} is missing: run ./dev build, or set FOREBAY_BUILD"
    return subprocess.run(
        [DRIVER, *map(str, arguments)], input=text, capture_output=True, text=True, check=False
    )


def write(folder: pathlib.Path, commands: list[dict]) -> None:
    done = run("write", folder, text="".join(json.dumps(command) + "\n" for command in commands))
    assert done.returncode == 0, done.stderr


def join(folder: pathlib.Path, labels, time_column: str, features: str, output, *unit) -> dict:
    done = run("join", folder, labels, time_column, features, output, *unit)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def at(micros: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=micros)


def row(offset: int, key: str, effective_time: int, **values) -> dict:
    return {"offset": offset, "key": key, "effective_time": effective_time, **values}


def small_table(folder: pathlib.Path) -> None:
    """Users a and b of spend, on two dates, and a visit of a."""
    rows = [
        row(0, "a", START, total=1.5, events=3, country="US"),
        row(1, "b", START + 10, total=2.5, events=4),
        row(2, "a", START + 20, op="delete", events=0),
        row(3, "a", START + 48 * HOUR, total=9.0, events=9),
    ]
    write(
        folder,
        [
            {"position": 3, "clock": START + 49 * HOUR, "rows": rows},
            {"position": 4, "clock": START + 49 * HOUR, "view": 1, "rows": [row(4, "a", START, events=7)]},
            {"flush": True},
        ],
    )
