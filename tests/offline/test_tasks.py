"""Training sets made in parts: by hand, by processes, by Spark."""

import json
import random
import subprocess
import sys

import polars as pl
import pytest
from tests.offline.driver import BUILD, ROOT, START, at, write
from tests.offline.shop import DAY, commit, forebay, make_project, spend_rows, write_spend

FOREBAY = BUILD / "cli" / "forebay"
LABELS = 2000


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "shop"
    make_project(folder)
    write_spend(folder)
    rng = random.Random(1)
    labels = pl.DataFrame(
        {
            "id": range(LABELS),
            "user_id": [f"u{rng.randrange(22)}" for _ in range(LABELS)],
            "at": [at(START + rng.randrange(5 * DAY)) for _ in range(LABELS)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    labels.write_parquet(folder / "labels.parquet")
    return folder


def training_set(folder, *arguments, code=0):
    labels = ["--labels", folder / "labels.parquet", "--time", "at", "--features", "spend.*"]
    return forebay(folder, "training-set", *labels, *arguments, code=code)


def tasks_of(folder, out, count: int) -> list[str]:
    return training_set(folder, "--out", out, "--tasks", count, "--print").stdout.splitlines()


def run(task: str, code=0) -> subprocess.CompletedProcess:
    done = subprocess.run([FOREBAY, "task", "-"], input=task, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


def whole(folder) -> pl.DataFrame:
    training_set(folder, "--out", folder / "whole.parquet")
    return pl.read_parquet(folder / "whole.parquet")


def check_set(folder, out) -> dict:
    assert pl.read_parquet(sorted(out.glob("*.parquet"))).equals(whole(folder))
    manifest = json.loads(out.with_name(out.name + ".manifest.json").read_text())
    made = json.loads((folder / "whole.parquet.manifest.json").read_text())
    assert manifest["labels"] == LABELS
    for said in (manifest, made):
        for feature in said["features"]:  # whose means differ in their last bits
            assert feature.pop("statistics")["count"] == LABELS
    for what in ("features", "tables", "inputs"):
        assert manifest[what] == made[what], what
    assert sum(file["rows"] for file in manifest["outputs"]) == LABELS
    return manifest


def test_tasks_give_the_set_in_parts_whenever_and_however_often_they_run(project):
    out = project / "set"
    tasks = tasks_of(project, out, 3)
    assert [json.loads(task)["request"]["part"]["number"] for task in tasks] == [0, 1, 2]
    assert not out.exists()
    run(tasks[2])
    run(tasks[0])
    refused = training_set(project, "--finish", out, code=1)
    assert "1 task of 3 has not run: number 1" in refused.stderr
    # What is written meanwhile is in none of them.
    rows = spend_rows(random.Random(9), 9000, 400, 20, START)
    write(project, [commit(project, rows), {"flush": True}])
    before = (out / "part-00000.parquet").read_bytes()
    run(tasks[1])
    run(tasks[0])
    assert (out / "part-00000.parquet").read_bytes() == before
    forebay(project, "training-set", "--finish", out)
    version = json.loads(tasks[0])["tables"][0]["table_version"]
    training_set(project, "--out", project / "then.parquet", "--version", version)
    got = pl.read_parquet(sorted(out.glob("*.parquet")))
    assert got.equals(pl.read_parquet(project / "then.parquet"))
    again = project / "again"
    forebay(project, "training-set", "--again", f"{out}.manifest.json", "--out", again)
    for part in out.glob("*.parquet"):
        assert (again / part.name).read_bytes() == part.read_bytes()


def test_processes_run_the_tasks_and_finish_the_set(project):
    out = project / "set"
    training_set(project, "--out", out, "--tasks", 4)
    check_set(project, out)


def test_a_task_that_runs_twice_at_a_time_gives_one_file(project):
    out = project / "set"
    tasks = tasks_of(project, out, 1)
    running = [subprocess.Popen([FOREBAY, "task", tasks[0]], stdout=subprocess.PIPE) for _ in range(4)]
    for process in running:
        process.communicate()
        assert process.returncode == 0
    forebay(project, "training-set", "--finish", out)
    check_set(project, out)
    assert sorted(file.name for file in out.iterdir()) == [
        "part-00000.parquet", "part-00000.parquet.manifest.json",
    ]  # fmt: skip


def test_a_task_that_dies_leaves_nothing_and_can_run_again(project):
    out = project / "set"
    tasks = tasks_of(project, out, 2)
    killed = subprocess.run(
        [FOREBAY, "task", "-"],
        input=tasks[1],
        text=True,
        env={"FOREBAY_CRASH_AT": "training_set.leased"},
    )
    assert killed.returncode != 0
    assert list(out.glob("*.parquet")) == []
    for task in tasks:
        run(task)
    forebay(project, "training-set", "--finish", out)
    check_set(project, out)


WRONG = [
    (("--out-format", "delta"), "not a Delta table"),
    (("--partition-by", "user_id"), "parts have no --partition-by"),
    (("--split", "a=0.5,b=0.5"), "parts have no --split"),
    (("--exact",), "--exact needs the states of this machine"),
]


@pytest.mark.parametrize("arguments, message", WRONG)
def test_a_set_that_cannot_be_divided_is_refused(project, arguments, message):
    refused = training_set(project, "--out", project / "set", "--tasks", 2, *arguments, code=2)
    assert message in refused.stderr


def test_tasks_of_changed_labels_or_definitions_and_other_texts_are_refused(project, tmp_path):
    out = project / "set"
    tasks = tasks_of(project, out, 2)
    assert "this is no task: expected a line of JSON" in run("what", code=2).stderr
    assert "this is no task: expected a line of JSON" in run('{"format": 1, "kind": 2}', code=2).stderr
    run(tasks[0])
    labels = pl.read_parquet(project / "labels.parquet")
    labels.reverse().write_parquet(project / "labels.parquet")
    run(tasks[1])
    refused = training_set(project, "--finish", out, code=1)
    assert "parts 0 and 1" in refused.stderr and "their inputs differ" in refused.stderr
    labels.head(10).write_parquet(project / "labels.parquet")
    assert "the labels are 10 rows, and were 2000 when they were divided" in run(tasks[1], code=1).stderr
    assert "cannot list the parts" in training_set(project, "--finish", tmp_path / "no", code=1).stderr
