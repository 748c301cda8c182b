"""Where labels come from, keys without labels, and labels of what happened afterwards."""

import bisect
import collections
import datetime
import random
import subprocess
import threading

import deltalake
import polars as pl
import pyarrow as pa
import pytest
from tests.offline.driver import BUILD, START, at, change_rows, write
from tests.offline.shop import DAY, VISITS, commit, forebay, make_project, write_spend

FEATURES = ["spend.total_1h", "spend.orders_1h"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project with a table of spend; its rows are in rows.parquet."""
    folder = tmp_path_factory.mktemp("shop")
    make_project(folder)
    batches = write_spend(folder)
    pl.from_arrow(pa.Table.from_batches(batches)).write_parquet(folder / "rows.parquet")
    labels(300).write_parquet(folder / "labels.parquet")
    return folder


def labels(count: int) -> pl.DataFrame:
    rng = random.Random(5)
    return pl.DataFrame(
        {
            "n": list(range(count)),
            "user_id": [f"u{rng.randrange(22)}" for _ in range(count)],
            "at": [at(START + rng.randrange(4 * DAY)) for _ in range(count)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


def build(shop, out, *arguments, features=",".join(FEATURES), code=0):
    return forebay(shop, "training-set", "--features", features, "--out", out, *arguments, code=code)


def joined(shop, out, source, *arguments) -> pl.DataFrame:
    build(shop, out, "--labels", source, "--time", "at", *arguments)
    return pl.read_parquet(out)


@pytest.fixture(scope="module")
def want(shop):
    return joined(shop, shop / "want.parquet", shop / "labels.parquet")


# ---- sources ----


def test_a_folder_is_its_files_in_the_order_of_their_names(shop, want, tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    for first in [200, 0, 100]:
        labels(300).slice(first, 100).write_parquet(folder / f"part-{first:05}.parquet")
    (folder / "_SUCCESS").write_text("")
    assert joined(shop, tmp_path / "out.parquet", folder).equals(want)


def test_a_delta_table_is_read_at_its_version(shop, want, tmp_path):
    table = str(tmp_path / "labels")
    typed = labels(300).with_columns(
        part=pl.col("n") % 3, small=(pl.col("n") % 99).cast(pl.Int8), ratio=pl.col("n").cast(pl.Float32)
    )
    typed.write_delta(table, delta_write_options={"partition_by": ["part"]})
    typed.head(3).write_delta(table, mode="append")
    out = tmp_path / "out.parquet"
    got = joined(shop, out, table, "--labels-version", "0").sort("n")
    assert got.select(want.columns).equals(want)
    assert got.select(typed.columns).equals(typed)
    assert len(joined(shop, out, table)) == 303
    deltalake.DeltaTable(table).optimize.compact()
    assert joined(shop, out, table, "--labels-version", "0").sort("n").equals(got)


def ipc(frame: pl.DataFrame) -> bytes:
    sink = pa.BufferOutputStream()
    table = frame.to_arrow()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=70)
    return sink.getvalue().to_pybytes()


def from_stdin(shop, out, data: bytes) -> subprocess.CompletedProcess:
    command = [BUILD / "cli" / "forebay", "training-set", "--features", ",".join(FEATURES), "--out", out]
    command += ["--labels", "-", "--time", "at", "--project", shop]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_an_arrow_stream_on_stdin(shop, want, tmp_path):
    done = from_stdin(shop, tmp_path / "out.parquet", ipc(labels(300)))
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(tmp_path / "out.parquet").equals(want)


@pytest.mark.parametrize("data", [b"", b"user_id,at\n", ipc(labels(300))[:-3000]])
def test_what_is_no_whole_stream_is_said(shop, tmp_path, data):
    done = from_stdin(shop, tmp_path / "out.parquet", data)
    assert done.returncode != 0
    assert b"cannot read labels on stdin: expected an Arrow IPC stream" in done.stderr
    assert not (tmp_path / "out.parquet").exists()


def test_a_file_that_changes_while_it_is_read_is_no_labels(shop, tmp_path):
    """Lines are appended until the command is done, many while it reads those that are there."""
    path = tmp_path / "labels.csv"
    line = "u1,2023-11-15T00:00:00Z\n"
    path.write_text("user_id,at\n" + line * 100_000)
    done = threading.Event()

    def append():
        with path.open("a", buffering=1) as file:
            while not done.is_set():
                file.write(line)

    writer = threading.Thread(target=append)
    writer.start()
    refused = build(shop, tmp_path / "out.parquet", "--labels", path, "--time", "at", code=1)
    done.set()
    writer.join()
    assert f"labels {path} changed while they were read: repeat it" in refused.stderr
    assert not (tmp_path / "out.parquet").exists()


def test_folders_that_are_no_labels_are_said(shop, tmp_path):
    def refusal(*arguments):
        return build(shop, tmp_path / "out.parquet", "--labels", tmp_path / "labels", "--time", "at",
                     *arguments, code=refusal.code).stderr  # fmt: skip

    (tmp_path / "labels").mkdir()
    refusal.code = 1
    assert "the folder is empty; expected a Delta table, or .parquet files" in refusal()
    refusal.code = 2
    labels(3).write_parquet(tmp_path / "labels" / "a.parquet")
    assert "are no Delta table: they have no version 3" in refusal("--labels-version", "3")
    labels(3).with_columns(pl.col("n").cast(pl.Int32)).write_parquet(tmp_path / "labels" / "b.parquet")
    assert "b.parquet: its columns are not those of" in refusal()
    (tmp_path / "labels" / "c.csv").write_text("")
    assert "there is c.csv in the folder" in refusal()


# ---- keys instead of labels ----


def alive(rows: pl.DataFrame, key: list[str], time: int) -> pl.DataFrame:
    """The keys whose last row at that time is no delete."""
    last = rows.filter(pl.col("_effective_time") <= at(time)).sort("_effective_time").group_by(key).last()
    return last.filter(pl.col("_op") != "delete").select(key).sort(key)


@pytest.fixture(scope="module")
def deletes(tmp_path_factory):
    """A project whose table has keys that are deleted and come back, in many files."""
    folder = tmp_path_factory.mktemp("deletes")
    make_project(folder)
    rng = random.Random(9)
    commands, batches = [], []
    for i in range(8):
        users = [f"u{rng.randrange(30)}" for _ in range(60)]
        shops = [rng.randrange(-2, 3) for _ in users]
        times = sorted(START + i * DAY // 4 + rng.randrange(DAY // 4) for _ in users)
        values = {
            "user_id": pa.array(users), "shop": pa.array(shops, pa.int64()),
            "orders_1h": pa.array([rng.randrange(9) for _ in users], pa.int64()),
        }  # fmt: skip
        ops = [rng.choice(["event", "expire", "delete"]) for _ in users]
        rows = change_rows(values, 2, times, times, ops)
        place = rows.schema.get_field_index("_source_offset")
        rows = rows.set_column(place, rows.schema.field(place), pa.array(range(i * 60, i * 60 + 60), pa.int64()))
        batches.append(rows)
        commands += [commit(folder, rows, view=VISITS), {"flush": True}]
    write(folder, commands)
    return folder, pl.from_arrow(pa.Table.from_batches(batches))


def test_all_keys_are_those_that_live_then(deletes, tmp_path):
    folder, rows = deletes
    for time in [START - 1, START + DAY // 3, START + DAY, START + 9 * DAY]:
        build(folder, tmp_path / "out.parquet", "--keys", "all", "--at", time, features="visits.*")
        got = pl.read_parquet(tmp_path / "out.parquet")
        assert got.select("user_id", "shop").equals(alive(rows, ["user_id", "shop"], time))
        assert set(got["time"]) <= {at(time)}
        labels = got.select("user_id", "shop", "time")
        labels.write_parquet(tmp_path / "labels.parquet")
        build(folder, tmp_path / "again.parquet", "--labels", tmp_path / "labels.parquet", "--time", "time",
              features="visits.*")  # fmt: skip
        assert pl.read_parquet(tmp_path / "again.parquet").equals(got)


def test_steps_are_the_keys_that_live_at_each(deletes, tmp_path):
    folder, rows = deletes
    build(folder, tmp_path / "out.parquet", "--keys", "all", "--from", START, "--to", START + 2 * DAY,
          "--every", "7h", "--time", "at", features="visits.*")  # fmt: skip
    got = pl.read_parquet(tmp_path / "out.parquet")
    steps = []
    for time in range(START, START + 2 * DAY, 7 * DAY // 24):
        keys = alive(rows, ["user_id", "shop"], time)
        steps.append(keys.with_columns(pl.lit(at(time)).dt.cast_time_unit("us").alias("at")))
    assert got.select("user_id", "shop", "at").equals(pl.concat(steps))


def test_keys_of_several_views_are_those_that_any_has(tmp_path):
    folder = tmp_path / "two"
    make_project(folder)
    definitions = folder / "features" / "shop.yaml"
    more = "  - {name: seen, version: 1, source: orders, entity: user, features: [{name: n, value: count(*), windows: [1h]}]}\n"
    definitions.write_text(definitions.read_text() + more)

    def rows(users, first, ops, values):
        columns = {"user_id": pa.array(users)} | values
        times = [START + i for i in range(len(users))]
        made = change_rows(columns, 1, times, times, ops)
        place = made.schema.get_field_index("_source_offset")
        offsets = pa.array(range(first, first + len(users)), pa.int64())
        return made.set_column(place, made.schema.field(place), offsets)

    spent = {"total_1h": [1.0] * 3, "orders_1h": pa.array([1] * 3, pa.int64()), "country_1h": ["US"] * 3}
    spend = rows(["both", "gone", "gone"], 0, ["event", "event", "delete"],
                 {name: pa.array(values) for name, values in spent.items()})  # fmt: skip
    seen = rows(["late", "both", "gone"], 3, ["event", "delete", "delete"], {"n_1h": pa.array([1] * 3, pa.int64())})
    write(folder, [commit(folder, spend), commit(folder, seen, view=2), {"flush": True}])
    build(folder, tmp_path / "out.parquet", "--keys", "all", "--at", START + 9, features="spend.*,seen.*")
    got = pl.read_parquet(tmp_path / "out.parquet").select("user_id", "spend.orders_1h", "seen.n_1h")
    assert got.rows() == [("both", 1, 0), ("late", 0, 1)]


def test_compaction_changes_nothing(deletes, tmp_path):
    folder, _ = deletes
    asked = ("--keys", "all", "--at", START + DAY)
    build(folder, tmp_path / "before.parquet", *asked, features="visits.*")
    forebay(folder, "compact", "visits")
    build(folder, tmp_path / "after.parquet", *asked, features="visits.*")
    assert (tmp_path / "before.parquet").read_bytes() == (tmp_path / "after.parquet").read_bytes()


def test_keys_of_a_file_at_each_time(shop, tmp_path):
    keys = pl.DataFrame({"user_id": ["u3", "nobody", "u1"], "note": ["x", "y", "z"]})
    keys.write_csv(tmp_path / "keys.csv")
    build(shop, tmp_path / "out.parquet", "--keys", tmp_path / "keys.csv", "--from", START, "--to",
          START + 2 * DAY, "--every", "1d")  # fmt: skip
    got = pl.read_parquet(tmp_path / "out.parquet")
    assert got.select("user_id", "note", "time").rows() == [
        (*key, at(time)) for time in [START, START + DAY] for key in keys.rows()
    ]
    got.select("user_id", "note", "time").write_parquet(tmp_path / "labels.parquet")
    build(shop, tmp_path / "want.parquet", "--labels", tmp_path / "labels.parquet", "--time", "time")
    assert got.equals(pl.read_parquet(tmp_path / "want.parquet"))


WRONG_KEYS = [
    (("--keys", "all"), "name the times of the keys: --at"),
    (("--keys", "all", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z"), "--every 1d"),
    (("--keys", "all", "--from", "5", "--to", "5", "--every", "1d"), "--from 5 is not before --to 5"),
    (("--keys", "all", "--from", "5", "--to", "6", "--every", "soon"), "--every soon"),
    (("--keys", "all", "--at", "5", "--time", "user_id"), "name another with --time"),
    (("--keys", "all", "--at", "5", "--labels", "x.csv"), "excludes"),
    (("--keys", "all", "--at", "5", "--exact"), "excludes"),
    (("--at", "5"), "--at requires --keys"),
    ((), "name the labels with --labels"),
    (("--labels", "x.csv"), "--time: name the column"),
]


@pytest.mark.parametrize("arguments, message", WRONG_KEYS)
def test_what_cannot_be_is_said(shop, tmp_path, arguments, message):
    done = build(shop, tmp_path / "out.parquet", *arguments, code=2)
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_all_keys_of_two_entities_are_refused_by_name(shop, tmp_path):
    done = build(shop, tmp_path / "o.parquet", "--keys", "all", "--at", "5", features="spend.*,visits.*", code=2)
    assert "these features are of the entities user and visit, whose keys are not the same" in done.stderr


# ---- what happened afterwards ----


def frauds(seed: int, count: int, keys: int) -> pl.DataFrame:
    rng = random.Random(seed)
    times = [START + rng.randrange(4) * DAY + rng.choice([0, 1, DAY // 2]) for _ in range(count)]
    return pl.DataFrame(
        {"user_id": [rng.choice([None, f"u{rng.randrange(keys)}"]) for _ in range(count)],
         "occurred": [at(time) for time in times], "amount": range(count)},
        schema_overrides={"occurred": pl.Datetime("us", "UTC"), "user_id": pl.String},
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_labels_within_a_horizon_agree_with_brute_force(shop, tmp_path, seed):
    rng = random.Random(seed)
    table = frauds(seed, 40, 12)
    happened = [(user, time) for user, time, _ in table.rows() if user is not None]
    asked = [("u1", at(START))]
    for _ in range(400):
        user, time = rng.choice(happened)
        asked.append((user, time - datetime.timedelta(microseconds=rng.choice([-1, 0, 1, DAY - 1, DAY, DAY + 1]))))
    asked += [(None, at(START)), ("nobody", at(START))]
    rng.shuffle(asked)
    main = pl.DataFrame(asked, schema={"user_id": pl.String, "at": pl.Datetime("us", "UTC")}, orient="row")
    main.write_parquet(tmp_path / "labels.parquet")
    table.write_csv(tmp_path / "frauds.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    day = datetime.timedelta(days=1)
    for until in [None, at(START + 2 * DAY)]:
        done = build(
            shop, tmp_path / "out.parquet", "--labels", tmp_path / "labels.parquet", "--time", "at",
            "--label", f"fraud={tmp_path}/frauds.csv", "--within", "1d", "--label-time", "occurred",
            *([] if until is None else ["--labels-until", until.isoformat()]),
        )  # fmt: skip
        end = until or max(time for _, time, _ in table.rows())
        want = [
            None if user is None or time + day > end
            else any(u == user and time < t <= time + day for u, t in happened)
            for user, time in asked
        ]  # fmt: skip
        assert pl.read_parquet(tmp_path / "out.parquet")["fraud"].to_list() == want
        counts = collections.Counter(want)
        assert f"label 'fraud': {counts[True]} true, {counts[False]} false" in done.stderr
        assert (f"{counts[None]} labels are null" if counts[None] > 1 else "1 label is null") in done.stderr


def test_several_labels_each_with_its_horizon_and_time(shop, tmp_path):
    early, late = frauds(1, 30, 5), frauds(2, 30, 5).rename({"occurred": "seen"})
    early.write_parquet(tmp_path / "early.parquet")
    late.write_delta(str(tmp_path / "late"))
    arguments = ["--labels", shop / "labels.parquet", "--time", "at"]

    def one(name, source, within, time):
        return ["--label", f"{name}={tmp_path}/{source}", "--within", within, "--label-time", time]

    build(shop, tmp_path / "both.parquet", *arguments, *one("early", "early.parquet", "1h", "occurred"),
          *one("late", "late", "2d", "seen"))  # fmt: skip
    both = pl.read_parquet(tmp_path / "both.parquet")
    for name, rest in {"early": ("early.parquet", "1h", "occurred"), "late": ("late", "2d", "seen")}.items():
        build(shop, tmp_path / "one.parquet", *arguments, *one(name, *rest))
        single = pl.read_parquet(tmp_path / "one.parquet")
        assert single[name].equals(both[name])
        assert single[name].n_unique() > 1


WRONG_LABELS = [
    (["--label", "fraud"], "--label fraud: expected a name and a table"),
    (["--label", "n=frauds.parquet"], "the labels have a column of that name already"),
    (["--label", "f=nowhere.parquet"], "cannot open labels"),
    (["--label", "f=strange.parquet"], "has none of the keys of these features: user_id"),
    (["--label", "f=frauds.parquet", "--within", "2h", "--within", "1h"], "give one for all --label"),
]


@pytest.mark.parametrize("arguments, message", WRONG_LABELS)
def test_labels_that_cannot_be_are_said(shop, tmp_path, arguments, message):
    frauds(1, 5, 5).write_parquet(tmp_path / "frauds.parquet")
    frauds(1, 5, 5).rename({"user_id": "user"}).write_parquet(tmp_path / "strange.parquet")
    arguments = [word.replace("=", f"={tmp_path}/") for word in arguments]
    done = forebay(
        shop, "training-set", "--features", "spend.*", "--out", tmp_path / "out.parquet",
        "--labels", shop / "labels.parquet", "--time", "at", *arguments,
        "--within", "1d", "--label-time", "occurred", code=1 if "nowhere" in str(arguments) else 2,
    )  # fmt: skip
    assert message in done.stderr
    assert not (tmp_path / "out.parquet").exists()
