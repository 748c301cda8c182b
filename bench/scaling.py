"""What an event costs in the engine as a project or its data grows: one axis at a time."""

from __future__ import annotations

import dataclasses
import json
import shutil
import statistics

from bench import measured_process
from bench.workshop import Workshop, binary

AMOUNT = ("count", "sum", "mean", "min", "max")
TEN_WINDOWS = ("10m", "20m", "30m", "40m", "1h", "2h", "4h", "8h", "12h", "24h")
SHARED_WINDOWS = ("10m", "1h", "24h", {"sawtooth": "7d", "hop": "1d"})


@dataclasses.dataclass(frozen=True)
class Point:
    """One measurement: the features of each view, and how the data is."""

    label: str
    features: tuple[
        tuple[str, tuple], ...
    ] = ()  # an aggregate call in SQL, and its windows; (): all 22
    views: int = 1
    users: int = 100_000
    partitions: int = 4
    key_length: int = 8
    late_percent: int = 2
    zipf: float = 1.05
    units: int = 1  # how many of what the axis counts

    def options(self) -> list:
        options = ["--users", self.users, "--partitions", self.partitions, "--zipf", self.zipf]
        return [*options, "--key-length", self.key_length, "--late-percent", self.late_percent]


@dataclasses.dataclass(frozen=True)
class Axis:
    name: str
    points: tuple[Point, ...]
    unit: str = ""  # what the cost is divided by, too: "feature"


def of_columns(count: int) -> tuple:
    """`count` features over one window: the aggregates of one column after another."""
    calls = [
        f"{name}({column})"
        for column in ("amount", "latitude", "longitude", "mcc")
        for name in AMOUNT
    ]
    return tuple((call, ("1h",)) for call in calls[:count])


def over_windows(windows: tuple) -> tuple:
    return tuple((f"{name}(amount)", windows) for name in AMOUNT)


TWENTY_TWO = over_windows(SHARED_WINDOWS) + (
    ("count(*) filter (where country <> 'US')", ("1h", "24h")),
)


def axis(name: str, field: str, values: tuple, label: str = "{:,}", **fixed) -> Axis:
    """Of the 22 features, with one thing about the data changed."""
    return Axis(name, tuple(Point(label.format(v), **({field: v} | fixed)) for v in values))


AXES = (
    Axis("features", tuple(Point(str(n), of_columns(n), units=n) for n in (2, 6, 20)), "feature"),
    Axis(
        "windows",
        tuple(Point(str(n), over_windows(TEN_WINDOWS[:n]), units=n) for n in (1, 3, 10)),
        "window",
    ),
    Axis(
        "views", tuple(Point(str(n), of_columns(2), views=n, units=n) for n in (1, 3, 10)), "view"
    ),
    axis("keys", "users", (10_000, 100_000, 1_000_000)),
    axis("partitions", "partitions", (4, 12, 40)),
    axis("key length, bytes", "key_length", (8, 24, 80)),
    axis("late events", "late_percent", (0, 10, 25, 50), "{} %"),
    axis("Zipf's exponent", "zipf", (0, 0.5, 1.0, 1.5), "{}"),
)


def measure(workshop: Workshop) -> dict:
    results = []
    for axis in AXES:
        points = [_measure_point(workshop, axis, point) for point in axis.points]
        results.append({"axis": axis.name, "unit": axis.unit, "points": points})
    return {"scaling": results}


def definitions(point: Point) -> dict:
    """The content of a file of features/."""
    schema = {"user_id": "string", "amount": "double", "country": "string", "latitude": "double"}
    schema |= {"longitude": "double", "mcc": "int64", "event_time": "timestamp_ms"}
    source = {"name": "transactions", "topic": "transactions", "key": ["user_id"], "schema": schema}
    source |= {"event_time": "event_time", "known_time": "event_time"}
    features = [
        {"name": f"f{i}", "value": call, "windows": list(windows)}
        for i, (call, windows) in enumerate(point.features or TWENTY_TWO)
    ]
    view = {"source": "transactions", "entity": "user", "features": features}
    return {
        "sources": [source],
        "entities": [{"name": "user", "keys": {"user_id": "string"}}],
        "feature_views": [{"name": f"view_{i}"} | view for i in range(point.views)],
    }


def _measure_point(workshop: Workshop, axis: Axis, point: Point) -> dict:
    folder = workshop.folder / "scaling"
    (folder / "features").mkdir(parents=True)
    (folder / "forebay.yaml").write_text(
        json.dumps({"project": "scaling", "kafka": {"bootstrap.servers": "localhost:9092"}})
    )
    (folder / "features" / "features.yaml").write_text(json.dumps(definitions(point)))
    costs = []
    for number in range(workshop.settings.scaling_runs):
        command = [
            binary("bench/scaling_bench"),
            "--project",
            folder,
            "--folder",
            folder / str(number),
        ]
        command += ["--events", workshop.settings.scaling_events, *point.options()]
        run = json.loads(measured_process.run(command, workshop.log).output)
        costs.append(run["ns_per_event"])
    shutil.rmtree(folder)
    print(f"==> scaling: {axis.name} {point.label}: {statistics.median(costs):,.0f} ns", flush=True)
    return {"label": point.label, "units": point.units, "ns_per_event": statistics.median(costs)}
