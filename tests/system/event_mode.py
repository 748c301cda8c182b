"""Training sets of mode `event` from a source's archive: oracle of the events in the order of event time,
and the leakage beside `served`."""

from __future__ import annotations

import json
import random

import polars as pl

from tests.oracle.compare import differences
from tests.oracle.event_order import task_by_event_time
from tests.oracle.model import HOUR, View
from tests.oracle.oracle import Erasure, Refused, Task, pass_gate
from tests.system.project import Project, forebay
from tests.system.scenario import Scenario
from tests.system.topics import read_topic, source_record
from tests.system.view_outcome import assert_none, defaults, time_of


def oracle_by_event_time(scenario: Scenario, address: str) -> Task:
    """Of every record of the topic that passes the gate."""
    events = []
    for message in read_topic(address, scenario.source.topic):
        record = source_record(message)
        if isinstance(record, Erasure):
            continue
        try:
            event = pass_gate(scenario.source, record)
        except Refused:
            continue
        events.append((message.partition(), record.offset, event.event_time, json.loads(record.value)))
    events.sort(key=lambda event: event[:2])
    return task_by_event_time(scenario.source, list(scenario.views), [event[2:] for event in events])


def check_event_training_set(scenario: Scenario, project: Project, address: str, questions: int) -> None:
    """For every view, `questions` random (key, time) rows, from before the first to after the last event."""
    task = oracle_by_event_time(scenario, address)
    for view in scenario.views:
        check_view(view, task, project, questions)


def check_view(view: View, task: Task, project: Project, questions: int) -> None:
    histories = {key: history for (name, key), history in task.keys.items() if name == view.name}
    times = [time for history in histories.values() for time in history.event_times]
    rng = random.Random(11)
    asked = [
        (
            rng.choice(list(histories)),
            rng.choice(times) if rng.random() < 0.3 else rng.randrange(min(times) - HOUR, max(times) + 30 * HOUR),
        )
        for _ in range(questions)
    ]
    served, event = (read_set(view, project, asked, mode) for mode in ("served", "event"))
    wrong = []
    for got, (key, time) in zip(event.rows(), asked):
        answer = histories[key].at(time)
        want = answer.values if answer else defaults(view)
        wrong += [f"{view.name} {key} at {time}: {text}" for text in differences(view, list(got), want)]
    assert_none(wrong, "training set of mode event")
    complete_before = manifest_of(project, "served")["tables"][0]["complete_before_us"]
    compared = [i for i, (_, time) in enumerate(asked) if time < complete_before]
    leakage = {one["name"]: one["differ"] for one in manifest_of(project, "event")["leakage"]}
    answers = {name: (served[name].to_list(), event[name].to_list()) for name in event.columns}
    differing = {name: sum(a[i] != b[i] for i in compared) for name, (a, b) in answers.items()}
    assert leakage == differing and sum(differing.values()) > 0


def manifest_of(project: Project, mode: str) -> dict:
    return json.loads((project.folder / f"{mode}.parquet.manifest.json").read_text())


def read_set(view: View, project: Project, asked: list[tuple[tuple, int]], mode: str) -> pl.DataFrame:
    """The columns of the features."""
    labels = {name: [key[i] for key, _ in asked] for i, name in enumerate(view.keys)}
    labels["asked_at"] = [time_of(time) for _, time in asked]
    frame = pl.DataFrame(labels, schema_overrides={"asked_at": pl.Datetime("us", "UTC")})
    frame.write_parquet(project.folder / "labels.parquet")
    out = project.folder / f"{mode}.parquet"
    done = forebay(
        "training-set", "--project", project.folder, "--labels", project.folder / "labels.parquet",
        "--time", "asked_at", "--features", f"{view.name}.*", "--mode", mode, "--out", out,
        *(["--leakage"] if mode == "event" else []),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return pl.read_parquet(out).drop(frame.columns)
