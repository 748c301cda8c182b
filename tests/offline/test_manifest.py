"""Manifests of training sets, and the same sets made again from them."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess

import boto3
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.object_store.s3_server import S3Server
from tests.offline import shop
from tests.offline.driver import BUILD, START, at, write
from tests.offline.shop import DAY, commit, forebay, make_project, spend_rows, write_spend

COLD = "offline: {cold: cold}\n"
ROWS = 3600  # that write_spend writes


@pytest.fixture
def project(tmp_path):
    """A project with a table, and labels of its keys."""
    folder = tmp_path / "shop"
    make_project(folder)
    config = folder / "forebay.yaml"
    config.write_text(config.read_text() + COLD)
    write_spend(folder)
    rng = random.Random(1)
    labels = pl.DataFrame(
        {
            "user_id": [f"u{rng.randrange(22)}" for _ in range(500)],
            "at": [at(START + rng.randrange(5 * DAY)) for _ in range(500)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    labels.write_parquet(folder / "labels.parquet")
    frauds = labels.sample(fraction=0.3, seed=1).rename({"at": "occurred"})
    frauds.write_parquet(folder / "frauds.parquet")
    return folder


def build(folder, out, *arguments):
    labels = ["--labels", folder / "labels.parquet", "--time", "at", "--features", "spend.*"]
    forebay(folder, "training-set", *labels, "--out", out, *arguments)
    return json.loads(out.with_name(out.name + ".manifest.json").read_text())


def again(folder, first, second, *arguments, code=0):
    manifest = first.with_name(first.name + ".manifest.json")
    return forebay(folder, "training-set", "--again", manifest, "--out", second, *arguments, code=code)


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_more(folder) -> None:
    """Rows of the same keys and times, which earlier versions of the table did not have."""
    rng = random.Random(99)
    for i in range(4):
        rows = spend_rows(rng, ROWS + i * 400, 400, 20, START + i * DAY)
        write(folder, [commit(folder, rows), {"flush": True}])


def upkeep(folder) -> None:
    """All that rewrites a table's files and takes old ones away."""
    forebay(folder, "compact")
    forebay(folder, "tier", "--older-than", "1d")
    forebay(folder, "vacuum", "--retention", "0")


def test_a_manifest_says_what_the_set_is_made_of(project):
    out = project / "set.parquet"
    said = build(project, out, "--label", f"fraud={project}/frauds.parquet", "--within", "12h",
                 "--label-time", "occurred")  # fmt: skip
    got = pl.read_parquet(out)
    assert said["project"] == "shop" and said["mode"] == "served"
    assert said["labels"] == len(got) == 500
    assert said["command"][1] == "training-set"
    nulls = {name: got[name].null_count() for name in got.columns if name.startswith("spend.")}
    assert {one["name"]: one["nulls"] for one in said["features"]} == nulls
    assert {one["name"]: one["null_rate"] for one in said["features"]} == {
        name: count / 500 for name, count in nulls.items()
    }
    assert [one["type"] for one in said["features"]] == ["double", "int64", "string"]
    assert said["outputs"] == [
        {"path": str(out), "split": "", "rows": 500, "bytes": out.stat().st_size, "sha256": sha256(out)}
    ]
    for path, entry in zip(["labels.parquet", "frauds.parquet"], said["inputs"]):
        assert entry["path"] == str(project / path)
        assert entry["sha256"] == sha256(project / path)
    (table,) = said["tables"]
    rows = pl.read_delta(str(project / "warehouse" / "offline" / "spend" / "v1"))
    assert (table["view"], table["version"], table["table_version"]) == ("spend", 1, 6)
    assert table["positions"] == {"transactions-0": rows["_source_offset"].max() + 1}
    late = got.filter(pl.col("at").dt.epoch("us") >= table["complete_before_us"])
    assert table["labels_past_complete"] == len(late) > 0


FORMS = {
    "parquet": (),
    "csv": ("--out-format", "csv"),
    "splits": ("--split", "train=0.7,test=0.3", "--split-seed", "4"),
    "times": ("--split", f"train,test={at(START + DAY).isoformat()}"),
    "partitions": ("--partition-by", "spend.country_1h"),
    "delta": ("--out-format", "delta", "--split", "a=0.5,b=0.5"),
}


def contents(folder, name: str) -> list:
    """Of all files of an output, whatever these are called."""
    files = [path for path in folder.rglob("*") if path.is_file() and "_delta_log" not in path.parts]
    return sorted(sha256(path) for path in files if path.relative_to(folder).parts[0].startswith(name)
                  and not path.name.endswith(".manifest.json"))  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_same_bytes_whatever_was_written_and_rewritten_since(project, tmp_path, form):
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    build(project, first, *FORMS[form])
    write_more(project)
    assert "the same bytes as before" in again(project, first, second).stdout
    assert contents(tmp_path, "second") == contents(tmp_path, "first") != []
    upkeep(project)
    assert "the same bytes as before" in again(project, first, third).stdout
    assert contents(tmp_path, "third") == contents(tmp_path, "first")
    build(project, tmp_path / "new", *FORMS[form])
    assert contents(tmp_path, "new") != contents(tmp_path, "first"), "the rows since then changed nothing"


def test_keys_are_those_that_there_were(project, tmp_path):
    command = ["training-set", "--keys", "all", "--features", "spend.*", "--out", tmp_path / "first"]
    forebay(project, *command, "--from", START, "--to", START + 3 * DAY, "--every", "1d")
    write_more(project)
    rows = spend_rows(random.Random(5), ROWS + 1600, 50, 90, START + DAY)
    write(project, [commit(project, rows), {"flush": True}])
    upkeep(project)
    again(project, tmp_path / "first", tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    forebay(project, "training-set", "--keys", "all", "--at", START + 2 * DAY, "--features", "spend.*",
            "--out", tmp_path / "new.parquet")  # fmt: skip
    assert len(pl.read_parquet(tmp_path / "new.parquet")) > 20


def test_a_set_made_again_can_be_made_again(project, tmp_path):
    build(project, tmp_path / "first")
    write_more(project)
    upkeep(project)
    again(project, tmp_path / "first", tmp_path / "second")
    write(project, [commit(project, spend_rows(random.Random(6), 9000, 50, 20, START)), {"flush": True}])
    upkeep(project)
    again(project, tmp_path / "second", tmp_path / "third")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "third").read_bytes()


def test_before_there_was_a_table(tmp_path):
    folder = tmp_path / "shop"
    make_project(folder)
    pl.DataFrame({"user_id": ["u1"], "at": [at(START + 3 * DAY)]}).write_parquet(folder / "labels.parquet")
    build(folder, tmp_path / "first")
    write_spend(folder)
    again(folder, tmp_path / "first", tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def refusal(project, tmp_path, code=1) -> str:
    done = again(project, tmp_path / "first", tmp_path / "second", code=code)
    assert not (tmp_path / "second").exists()
    return done.stderr


def test_a_table_in_a_bucket_with_labels_in_another(project, tmp_path, monkeypatch):
    with S3Server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        server.make_bucket("lake")
        options = server.storage_options()
        labels = pl.read_parquet(project / "labels.parquet")
        labels.write_delta("s3://lake/in/labels", storage_options=options)
        command = ["training-set", "--labels", "s3://lake/in/labels", "--time", "at", "--features", "spend.*"]
        command += ["--out-format", "delta", "--out", "s3://lake/sets/first"]
        forebay(project, *command)
        assert "there is a Delta table at s3://lake/sets/first already" in forebay(project, *command, code=1).stderr
        first = pl.read_delta("s3://lake/sets/first", storage_options=options)
        build(project, tmp_path / "local.parquet")
        assert_frame_equal(first, pl.read_parquet(tmp_path / "local.parquet"), check_row_order=False)
        s3 = boto3.client("s3", endpoint_url=server.url)
        text = s3.get_object(Bucket="lake", Key="sets/first.manifest.json")["Body"].read()
        (tmp_path / "first.manifest.json").write_bytes(text)
        labels.head(1).write_delta("s3://lake/in/labels", mode="append", storage_options=options)
        write_more(project)
        upkeep(project)
        again(project, tmp_path / "first", "s3://lake/sets/second")
        second = pl.read_delta("s3://lake/sets/second", storage_options=options)
        assert second.equals(first)


def test_labels_that_changed_are_named(project, tmp_path):
    build(project, tmp_path / "first")
    labels = pl.read_parquet(project / "labels.parquet")
    labels.reverse().write_parquet(project / "labels.parquet")
    said = refusal(project, tmp_path)
    assert f"labels {project}/labels.parquet are not what they were" in said
    (project / "labels.parquet").unlink()
    assert f"cannot open labels {project}/labels.parquet" in refusal(project, tmp_path)


def test_a_definition_that_changed_is_named(project, tmp_path):
    build(project, tmp_path / "first")
    definitions = project / "features" / "shop.yaml"
    text = definitions.read_text()
    definitions.write_text(text.replace("sum(amount)", "sum(amount + 1)"))
    assert "the training set" in refusal(project, tmp_path)
    definitions.write_text(text.replace("name: spend\n", "name: spent\n"))
    assert "the project has no view spend@1" in refusal(project, tmp_path)


def test_a_table_made_anew_is_named(project, tmp_path):
    build(project, tmp_path / "first")
    shutil.rmtree(project / "warehouse")
    shutil.rmtree(project / "state")
    write_spend(project)
    assert "is another one than the set was made from" in refusal(project, tmp_path)


def test_rows_that_were_erased_are_missed_and_nothing_is_written(project, tmp_path):
    build(project, tmp_path / "first")
    shop.make_state(project)
    forebay(project, "erase", "user", "u1", "--tables-only")
    said = refusal(project, tmp_path)
    assert "the set cannot be made again: what was" in said and "rows of a table were erased" in said


WRONG = [("", "it is no JSON"), ("[]", "is no manifest"), ('{"format_version": 2}', "format version 2")]


@pytest.mark.parametrize("text, message", WRONG)
def test_what_is_no_manifest_is_said(project, tmp_path, text, message):
    (tmp_path / "first.manifest.json").write_text(text)
    assert message in refusal(project, tmp_path, code=2)


def test_what_the_manifest_says_is_not_said_again(project, tmp_path):
    build(project, tmp_path / "first")
    done = again(project, tmp_path / "first", tmp_path / "second", "--features", "spend.*", code=2)
    assert "--features excludes --again" in done.stderr


def test_an_export_has_a_row_of_each_key(project, tmp_path):
    forebay(project, "export", "spend", "--at", START + 2 * DAY, "--out", tmp_path / "keys.parquet")
    got = pl.read_parquet(tmp_path / "keys.parquet")
    assert got.columns == ["user_id", "time", "spend.total_1h", "spend.orders_1h", "spend.country_1h"]
    assert got["user_id"].to_list() == sorted(got["user_id"].unique().to_list())
    forebay(project, "training-set", "--keys", "all", "--at", START + 2 * DAY, "--features", "spend.*",
            "--out", tmp_path / "set.parquet")  # fmt: skip
    assert (tmp_path / "set.parquet").read_bytes() == (tmp_path / "keys.parquet").read_bytes()
    forebay(project, "export", "spend", "--from", START + DAY, "--to", START + 3 * DAY, "--every", "12h",
            "--out", tmp_path / "steps.parquet")  # fmt: skip
    steps = pl.read_parquet(tmp_path / "steps.parquet")
    assert steps["time"].unique(maintain_order=True).to_list() == [
        at(START + DAY + i * DAY // 2) for i in range(4)
    ]
    assert got.equals(steps.filter(pl.col("time") == at(START + 2 * DAY)))
    done = forebay(project, "export", "spend", "--out", tmp_path / "x.csv", code=2)
    assert "name the times of the keys" in done.stderr


@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_an_export_of_steps_is_what_the_table_has(project, tmp_path, form):
    first, last = START + DAY // 3, START + 2 * DAY
    command = ["export", "spend.total_1h,spend.country_1h", "--from", first, "--to", last, "--out-format", form]
    forebay(project, *command, "--out", tmp_path / "steps")
    got = {"parquet": pl.read_parquet, "delta": pl.read_delta}[form](str(tmp_path / "steps"))
    table = pl.read_delta(str(project / "warehouse" / "offline" / "spend" / "v1"))
    want = table.filter(pl.col("_effective_time") >= at(first), pl.col("_effective_time") < at(last))
    want = want.sort("user_id", "_effective_time").rename(
        {name: f"spend.{name}" for name in ["total_1h", "country_1h"]}
    )
    assert len(want) > 100
    assert got.columns == [
        "user_id", "_effective_time", "_event_time", "_op", "spend.total_1h", "spend.country_1h"
    ]  # fmt: skip
    assert got.equals(want.select(got.columns))


def test_an_export_of_steps_does_not_depend_on_files(project, tmp_path):
    command = ["export", "spend", "--from", START, "--to", START + 9 * DAY, "--out"]
    forebay(project, *command, tmp_path / "before.parquet")
    upkeep(project)
    forebay(project, *command, tmp_path / "after.parquet")
    assert (tmp_path / "before.parquet").read_bytes() == (tmp_path / "after.parquet").read_bytes()
    done = forebay(project, "export", "spend,visits", "--from", "1", "--to", "2", "--out", "x.csv", code=2)
    assert "steps are of one view, and these features are of spend and visits" in done.stderr


def test_a_terminal_is_shown_how_far_it_is_and_nothing_else_is(project, tmp_path):
    command = [BUILD / "cli" / "forebay", "training-set", "--keys", "all", "--at", str(START + DAY)]
    command += ["--features", "spend.*", "--out", tmp_path / "set.parquet", "--project", project]
    shown, terminal = os.openpty()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, check=True)
    os.close(terminal)
    text = b""
    with contextlib.suppress(OSError):  # the end
        while block := os.read(shown, 4096):
            text += block
    os.close(shown)
    assert b"reading spend@1: " in text and b" rows (" in text
    assert text.endswith(b"\r\x1b[K")
    assert b"reading spend" not in done.stdout
    quiet = subprocess.run(command, capture_output=True, check=True)
    assert b"reading" not in quiet.stderr
