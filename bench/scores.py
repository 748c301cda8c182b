"""Labels joined with rows that were computed elsewhere (views of kind batch), beside other engines on the files
that they came from."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench import measured_process, training_set
from bench.workshop import BenchFailed, Workshop, binary

START = 1_767_225_600_000_000
SPAN = 90 * 86_400_000_000
FILES, ROW_GROUP, FEATURES = 8, 122_880, 10
ENTRIES = {int: "int64", str: "string"}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    key: type
    rows: int  # for each of settings.score_rows, as are labels and keys
    tables: int = 1

    @property
    def title(self) -> str:
        return f"{self.name}, {ENTRIES[self.key]} keys"


CASES = [
    Case(name, key, rows, tables)
    for name, rows, tables in (("one view", 1, 1), ("four times as many rows", 4, 1), ("three views", 1, 3))
    for key in (int, str)
]


def measure(workshop: Workshop) -> dict:
    return {"scores": [_measure(workshop, case) for case in CASES]}


def _measure(workshop: Workshop, case: Case) -> dict:
    project = workshop.folder / "scores"
    rows = workshop.settings.score_rows * case.rows
    labels = workshop.settings.labels * (2 if case.rows > 1 else 1)
    keys = max(rows // (20 if case.rows > 1 else 50), 1)
    _make_project(project, case)
    for table in range(case.tables):
        _write_rows(project / f"rows{table}", case, table, rows, keys)
    _write_labels(project / "labels.parquet", case, labels, keys)
    measured_process.run([binary("cli/forebay"), "backfill", "--project", project], workshop.log)
    features = {table: [f"t{table}_f{i}" for i in range(FEATURES)] for table in range(case.tables)}
    names = [f"scores{table}.{name}" for table, of in features.items() for name in of]
    files = {table: sorted(str(path) for path in (project / f"rows{table}").iterdir()) for table in features}
    job = {"labels": str(project / "labels.parquet"), "key": "key", "label_time": "label_time"}
    job["tables"] = [
        {"files": files[table], "time": "event_time", "features": of} for table, of in features.items()
    ]
    own = training_set.command_of(workshop, project, names, time="label_time")
    result = {
        "case": case.title,
        "labels": labels,
        "table_rows": rows * case.tables,
        "table_files": FILES * case.tables,
        "engines": training_set.measure_engines(workshop, own, job),
    }
    _check(workshop, features)
    shutil.rmtree(project)
    return result


def _make_project(folder: pathlib.Path, case: Case) -> None:
    (folder / "features").mkdir(parents=True)
    (folder / "forebay.yaml").write_text("project: bench\nkafka: {bootstrap.servers: none}\n")
    text = f"entities: [{{name: entity, keys: {{key: {ENTRIES[case.key]}}}}}]\n"
    sources, views = "sources:\n", "feature_views:\n"
    for table in range(case.tables):
        columns = "".join(f", t{table}_f{i}: double" for i in range(FEATURES))
        sources += f"  - {{name: rows{table}, key: [key], event_time: event_time,\n"
        sources += f"     schema: {{key: {ENTRIES[case.key]}, event_time: timestamp_us{columns}}},\n"
        sources += f"     batch: {{path: rows{table}}}}}\n"
        features = ", ".join(f"t{table}_f{i}" for i in range(FEATURES))
        views += f"  - {{name: scores{table}, kind: batch, source: rows{table}, entity: entity, updates: off,\n"
        views += f"     features: [{features}]}}\n"
    (folder / "features" / "all.yaml").write_text(sources + text + views)


def _write_rows(folder: pathlib.Path, case: Case, table: int, rows: int, keys: int) -> None:
    """By time, and not at all by key."""
    folder.mkdir()
    random = np.random.default_rng([1, table])
    step = SPAN // rows
    times = START + np.arange(rows, dtype=np.int64) * step + random.integers(0, max(step, 1), rows)
    of_row = ((keys * random.random(rows) ** 2).astype(np.int64) * 7919 + 13) % keys  # mildly skewed
    values = [random.integers(0, 1 << 20, rows) / 1024 for _ in range(FEATURES)]
    for number, part in enumerate(np.array_split(np.arange(rows), FILES)):
        columns = {"key": _keys(of_row[part], case), "event_time": _times(times[part])}
        columns |= {f"t{table}_f{i}": column[part] for i, column in enumerate(values)}
        pq.write_table(
            pa.table(columns), folder / f"{number}.parquet", compression="zstd", row_group_size=ROW_GROUP
        )


def _write_labels(path: pathlib.Path, case: Case, labels: int, keys: int) -> None:
    random = np.random.default_rng(2)
    columns = {
        "key": _keys(random.integers(0, keys, labels), case),
        "label_time": _times(START + random.integers(0, SPAN, labels)),
        "label": random.integers(0, 1000, labels).astype(np.float64),
    }
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=ROW_GROUP)


def _keys(numbers: np.ndarray, case: Case):
    if case.key is int:
        return pa.array(numbers)
    return pl.Series(numbers).cast(pl.String).str.zfill(7).to_arrow().cast(pa.string())


def _times(micros: np.ndarray) -> pa.Array:
    return pa.array(micros, pa.timestamp("us", "UTC"))


def _check(workshop: Workshop, features: dict[int, list[str]]) -> None:
    """All engines gave the same: values are whole 1024ths, so sums are exact in any order."""

    def sums(engine: str) -> dict:
        found = pl.scan_parquet(training_set.output_of(workshop, engine))
        prefix = "scores{}." if engine == training_set.OWN else ""
        columns = [
            (pl.col(f"{prefix.format(table)}{name}") * (pl.col("label") + 1)).sum().alias(name)
            for table, names in features.items()
            for name in names
        ]
        return found.select(pl.len(), *columns).collect().to_dicts()[0]

    own = sums(training_set.OWN)
    for engine in training_set.CHECKED:
        if sums(engine) != own:
            raise BenchFailed(f"{engine} gives other values than forebay")
