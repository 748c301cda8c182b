"""Training sets of mode `event`, recomputed from files, and the leakage beside `served`."""

import json
import pathlib
import random
import subprocess

import polars as pl
import pytest
from tests.oracle.compare import differences
from tests.oracle.event_order import task_by_event_time
from tests.oracle.model import HOUR, MINUTE, Feature, Source, View, Window, definitions
from tests.offline.driver import BUILD, START, at

SOURCE = Source(
    name="orders",
    topic="",
    key=("user_id",),
    schema={"user_id": "string", "shop": "int64", "amount": "double", "at": "timestamp_us"},
    event_time="at",
)
EVER = Window.lifetime()
FILES = 3  # that the events are in, in turn


def total(*windows) -> Feature:
    return Feature("total", "sum(amount)", "sum", lambda row: row["amount"], windows)


VIEWS = [
    View(
        "spend",
        "user",
        ("user_id",),
        (
            total(Window.sawtooth("10m"), Window.sawtooth("1h"), Window.tumbling("1h"), EVER),
            Feature("last_shop", "last(shop)", "last", lambda row: row["shop"], (Window.sawtooth("1h"),)),
            Feature("latest", "last_n(amount, 3)", "last_n", lambda row: row["amount"], (EVER,), parameter=3),
        ),
    ),
    View("visits", "shop", ("shop",), (Feature("n", "count(*)", "count", lambda row: 1, (EVER,)),),
         where_sql="amount > 20", where=lambda row: row["amount"] > 20),  # fmt: skip
]
FEATURES = [f"{view.name}.{column}" for view in VIEWS for column in view.columns]


def events_of(count: int, late: float) -> pl.DataFrame:
    """Sorted by when they arrived, `late` of them up to 90 minutes after they happened; many happened,
    or arrived, at the same time. Whole amounts, so that sums are exact in any order."""
    rng = random.Random(7)
    times = [START + rng.randrange(6 * 60) * MINUTE for _ in range(count)]
    delays = [rng.randrange(90) * MINUTE if rng.random() < late else 0 for _ in times]
    frame = pl.DataFrame(
        {
            "at": times,
            "arrived": [time + delay for time, delay in zip(times, delays)],
            "user_id": [f"u{rng.randrange(25)}" for _ in times],
            "shop": [rng.randrange(6) for _ in times],
            "amount": [float(rng.randrange(100)) for _ in times],
        }
    )
    return frame.sort("arrived", maintain_order=True)


def make_project(folder: pathlib.Path, events: pl.DataFrame, batch: dict | None = None) -> None:
    (folder / "features").mkdir(parents=True)
    (folder / "forebay.yaml").write_text("project: shop\nkafka: {bootstrap.servers: localhost:1}\n")
    defined = definitions(SOURCE, VIEWS)
    source = defined["sources"][0]
    for key in ("topic", "format", "known_time", "archive"):
        del source[key]
    source["batch"] = batch or {"path": "history", "known_time": "arrived", "partitions": 3}
    (folder / "features" / "shop.yaml").write_text(json.dumps(defined))
    (folder / "history").mkdir()
    times = events.with_columns(pl.col("at", "arrived").cast(pl.Datetime("us", "UTC")))
    for part in range(FILES):
        times.gather_every(FILES, part).write_parquet(folder / "history" / f"{part}.parquet")


def make_labels(folder: pathlib.Path, events: pl.DataFrame, count: int = 600) -> pl.DataFrame:
    """At random times, those of events among them, from before the first to after the last."""
    rng = random.Random(3)
    times = [
        rng.choice(events["at"]) if rng.random() < 0.3 else START + rng.randrange(-HOUR, 9 * HOUR)
        for _ in range(count)
    ]
    labels = pl.DataFrame(
        {
            "user_id": [f"u{rng.randrange(27)}" for _ in times],
            "shop": [rng.randrange(7) for _ in times],
            "t": [at(time) for time in times],
        },
        schema_overrides={"t": pl.Datetime("us", "UTC")},
    )
    labels.write_parquet(folder / "labels.parquet")
    return labels


def forebay(folder: pathlib.Path, *arguments, code: int = 0) -> subprocess.CompletedProcess:
    command = [BUILD / "cli" / "forebay", *map(str, arguments), "--project", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def training_set(folder: pathlib.Path, out: str, *arguments, code: int = 0):
    labels = ["--labels", folder / "labels.parquet", "--time", "t", "--features", "spend,visits"]
    return forebay(folder, "training-set", *labels, "--out", folder / out, *arguments, code=code)


def again(folder: pathlib.Path, first: str, second: str, code: int = 0):
    manifest = folder / f"{first}.manifest.json"
    return forebay(folder, "training-set", "--again", manifest, "--out", folder / second, code=code)


def manifest_of(folder: pathlib.Path, out: str) -> dict:
    return json.loads((folder / f"{out}.manifest.json").read_text())


def settled(folder: pathlib.Path, served: pl.DataFrame) -> dict[str, list[int]]:
    """By view: the labels before the time up to which its table is complete."""
    times = served["t"].dt.epoch("us").to_list()
    return {
        table["view"]: [i for i, time in enumerate(times) if time < table["complete_before_us"]]
        for table in manifest_of(folder, "served.parquet")["tables"]
    }


def check_by_oracle(labels: pl.DataFrame, events: pl.DataFrame, out: pl.DataFrame) -> None:
    by_arrival = events.with_row_index("i").sort("arrived", pl.col("i") % FILES, "i")
    rows = by_arrival.drop("i", "arrived").to_dicts()
    task = task_by_event_time(SOURCE, VIEWS, [(row["at"], row) for row in rows])
    times = labels["t"].dt.epoch("us").to_list()
    wrong = []
    for view in VIEWS:
        got = out.select([f"{view.name}.{column}" for column in view.columns]).rows()
        keys = labels.select(view.keys).rows()
        for i, (key, time) in enumerate(zip(keys, times)):
            history = task.keys.get((view.name, key))
            answer = history.at(time) if history else None
            want = answer.values if answer else [f.default for f in view.features for _ in f.windows]
            wrong += [f"label {i}: {text}" for text in differences(view, list(got[i]), want)]
    assert not wrong, "\n".join(wrong[:20])


def test_late_events_count_as_if_they_were_not(tmp_path: pathlib.Path) -> None:
    events = events_of(1500, late=0.3)
    make_project(tmp_path, events)
    labels = make_labels(tmp_path, events)
    said = training_set(tmp_path, "event.parquet", "--mode", "event")
    out = pl.read_parquet(tmp_path / "event.parquet")
    assert out.columns == [*labels.columns, *FEATURES]
    check_by_oracle(labels, events, out)
    past = len(labels.filter(pl.col("t") >= at(events["at"].max())))
    assert past > 50 and f"{past} of 600 labels" in said.stderr
    assert said.stderr.count("the latest event of orders: events may still come") == 1
    manifest = manifest_of(tmp_path, "event.parquet")
    assert manifest["mode"] == "event" and manifest["leakage"] is None
    assert [table["labels_past_complete"] for table in manifest["tables"]] == [past, past]
    assert not (tmp_path / "warehouse").exists() and not (tmp_path / "state").exists()


@pytest.mark.parametrize("mode", ["served", "event"])
def test_the_leakage_names_what_differs(tmp_path: pathlib.Path, mode: str) -> None:
    events = events_of(1500, late=0.3)
    make_project(tmp_path, events)
    make_labels(tmp_path, events)
    forebay(tmp_path, "backfill")
    outs = {}
    for one in ("served", "event"):
        more = ["--leakage"] if one == mode else []
        said = training_set(tmp_path, f"{one}.parquet", "--mode", one, *more)
        outs[one] = pl.read_parquet(tmp_path / f"{one}.parquet")
        if more:
            told = said.stdout
    leakage = manifest_of(tmp_path, f"{mode}.parquet")["leakage"]
    assert [feature["name"] for feature in leakage] == FEATURES
    for feature in leakage:
        name = feature["name"]
        served, event = (outs[one][name].to_list() for one in ("served", "event"))
        compared = settled(tmp_path, outs["served"])[name.partition(".")[0]]
        rows = [i for i in compared if served[i] != event[i]]
        assert 300 < len(compared) == feature["compared"] < 600
        assert feature["differ"] == len(rows) and feature["share"] == len(rows) / len(compared)
        nulls = {one: outs[one][name].gather(rows).null_count() for one in outs}
        assert (feature["served_null"], feature["event_null"]) == (nulls["served"], nulls["event"])
        assert feature["first"] == {"label": rows[0], "served": served[rows[0]], "event": event[rows[0]]}
        assert f"  {name}: {len(rows)} of {len(compared)} labels" in told and f"row {rows[0] + 1}, for example" in told
    assert "7 of 7 features differ" in told


def test_without_late_events_both_modes_are_the_same(tmp_path: pathlib.Path) -> None:
    events = events_of(800, late=0)
    make_project(tmp_path, events, {"path": "history", "partitions": 3})
    make_labels(tmp_path, events)
    forebay(tmp_path, "backfill")
    said = training_set(tmp_path, "event.parquet", "--mode", "event", "--leakage")
    assert "0 of 7 features differ" in said.stdout
    training_set(tmp_path, "served.parquet")
    event, served = (pl.read_parquet(tmp_path / f"{mode}.parquet") for mode in ("event", "served"))
    for view, rows in settled(tmp_path, served).items():
        columns = [name for name in FEATURES if name.startswith(f"{view}.")]
        assert len(rows) > 300
        assert event.select(columns)[rows].equals(served.select(columns)[rows])


def test_a_view_without_history_has_a_set_of_mode_event_alone(tmp_path: pathlib.Path) -> None:
    events = events_of(300, late=0.3)
    make_project(tmp_path, events)
    labels = make_labels(tmp_path, events)
    features = tmp_path / "features" / "shop.yaml"
    defined = json.loads(features.read_text())
    defined["feature_views"][1]["history"] = "off"
    features.write_text(json.dumps(defined))
    training_set(tmp_path, "event.parquet", "--mode", "event")
    check_by_oracle(labels, events, pl.read_parquet(tmp_path / "event.parquet"))
    refused = training_set(tmp_path, "no.parquet", "--mode", "event", "--leakage", code=2)
    assert "'visits' has `history: off`" in refused.stderr


def test_the_same_set_again_or_what_changed(tmp_path: pathlib.Path) -> None:
    events = events_of(300, late=0.3)
    make_project(tmp_path, events)
    make_labels(tmp_path, events)
    training_set(tmp_path, "first.parquet", "--mode", "event")
    assert "the same bytes as before" in again(tmp_path, "first.parquet", "second.parquet").stdout
    again(tmp_path, "second.parquet", "third.parquet")
    assert (tmp_path / "first.parquet").read_bytes() == (tmp_path / "third.parquet").read_bytes()
    files = tmp_path / "history"
    pl.read_parquet(files / "0.parquet").write_parquet(files / "3.parquet")
    refused = again(tmp_path, "first.parquet", "no.parquet", code=1)
    assert "the events of orders were in 3 files, and are in 4 files" in refused.stderr
    assert not (tmp_path / "no.parquet").exists()


REFUSED = [
    (["--version", "3"], "mode event reads events, not the offline tables"),
    (["--exact"], "mode event has the values of every time"),
    (["--tasks", "2"], "each task would recompute all events"),
]


@pytest.mark.parametrize("arguments, words", REFUSED)
def test_what_mode_event_cannot_take_is_refused(tmp_path: pathlib.Path, arguments, words) -> None:
    make_project(tmp_path, events_of(10, late=0))
    make_labels(tmp_path, events_of(10, late=0))
    refused = training_set(tmp_path, "no.parquet", "--mode", "event", *arguments, code=2)
    assert words in refused.stderr
    assert not (tmp_path / "no.parquet").exists()


def test_a_source_without_files_and_archive_is_refused(tmp_path: pathlib.Path, monkeypatch) -> None:
    events = events_of(10, late=0)
    make_project(tmp_path, events)
    make_labels(tmp_path, events)
    features = tmp_path / "features" / "shop.yaml"
    defined = json.loads(features.read_text())
    source = defined["sources"][0]
    del source["batch"]
    source |= {"topic": "orders", "format": "json"}
    features.write_text(json.dumps(defined))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    refused = training_set(tmp_path, "no.parquet", "--mode", "event", code=2)
    assert "source orders has neither `archive: on` nor `batch`" in refused.stderr
    source["archive"] = "on"
    features.write_text(json.dumps(defined))
    refused = training_set(tmp_path, "no.parquet", "--mode", "event", code=1)
    assert "the archive of orders has no events yet" in refused.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
