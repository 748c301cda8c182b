"""What was served, with the models beside it, in Delta tables that others read."""

from __future__ import annotations

import json
import pathlib

import duckdb_extension_delta
import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from tests.offline.conftest import duckdb_with
from tests.serving.test_grpc import Stub
from tests.system.project import Project, forebay
from tests.system.scenario import Message, produce
from tests.system.shop import SOURCE, START_MS, view, wait_until
from tests.system.worker import Worker

VISITS = view() | {"name": "visits", "features": [{"name": "n", "value": "count(*)", "windows": ["lifetime"]}]}
SHOPS = {
    "name": "shops", "source": "orders", "entity": "shop",
    "features": [{"name": "n", "value": "count(*)", "windows": ["lifetime"]}],
}  # fmt: skip


class Shop:
    """A project of the embedded broker. Service `checkout` takes what a user has paid."""

    def __init__(self, folder: pathlib.Path, name: str):
        self.project = Project(folder, name, {}, "localhost:1", catalog_interval="20ms")

    def define(self, features: list[str], sample: float | None) -> None:
        service = {"name": "checkout", "features": features}
        source = SOURCE | {"schema": SOURCE["schema"] | {"shop_id": "string"}}
        self.project.write_definitions({
            "sources": [source | {"topic": "orders"}],
            "entities": [{"name": "user", "keys": {"user_id": "string"}},
                         {"name": "shop", "keys": {"shop_id": "string"}}],
            "feature_views": [view(), VISITS, SHOPS],
            "feature_services": [service | ({"log": {"sample": sample}} if sample else {})],
        })  # fmt: skip

    def run(self, *arguments, code: int = 0) -> str:
        done = forebay(*arguments, *(["-p"] if arguments[0] == "model" else []), self.project.folder)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def worker(self) -> Worker:
        return Worker(self.project, "--broker", "embedded")

    def table(self, version: int = 1) -> str:
        return str(self.project.warehouse / "served" / self.project.name / "checkout" / f"v{version}")

    def rows(self, version: int = 1) -> list[dict]:
        table = pl.from_arrow(DeltaTable(self.table(version)).to_pyarrow_table())
        return table.sort("_time", "_request_id", "_entity", "_shadow_of").to_dicts()


def order(user: str, n: int) -> Message:
    at = START_MS + n * 1000
    value = {"user_id": user, "shop_id": "s", "amount": n + 1.0, "at": at}
    return Message(user, json.dumps(value).encode(), at)


def paid_by_a(worker: Worker) -> float | None:
    return worker.get("checkout", {"user_id": "a"})["spend.paid_lifetime"]["value"]


def test_served_features_are_joined_to_labels_by_request_id(tmp_path):
    shop = Shop(tmp_path, "served")
    shop.define(["spend.paid_lifetime", "visits.n_lifetime"], None)
    shop.run("apply", "--yes")
    with shop.worker() as worker:
        produce(worker.ready["brokers"], "orders", [order("a", n) for n in range(10)])
        wait_until(lambda: paid_by_a(worker) == 55)
        assert worker.post("/v1/get", ask("a", "before")).keys() == {"features"}
        shop.define(["spend.paid_lifetime", "visits.n_lifetime"], 1)
        assert "log: { sample: 1 }" in shop.run("apply", "--yes")
        wait_until(lambda: worker.post("/v1/get", ask("a", "warm-up")).get("request_id"))
        asked = {"feature_service": "checkout", "entities": [{"user_id": user} for user in "abc"]}
        assert worker.post("/v1/batch-get", asked | {"request_id": "several"})["request_id"] == "several"
        made = worker.post("/v1/get", ask("a"))["request_id"]
        assert worker.post("/v1/get", ask("a", "past", at=5))["request_id"] == "past"
        assert "request_id" not in worker.post(
            "/v1/get", {"features": ["visits.n_lifetime"], "entity": {"user_id": "a"}, "request_id": "list"}
        )
        stub = Stub(worker.ready["grpc_port"])
        question = {"featureService": "checkout", "entity": {"user_id": {"stringValue": "a"}}, "requestId": "grpc"}
        assert stub.call("Get", question).request_id == "grpc"
        stub.channel.close()
    rows = [row for row in shop.rows() if row["_request_id"] != "warm-up"]
    assert [(row["_request_id"], row["_entity"], row["user_id"], row["spend.paid_lifetime"],
             row["spend.paid_lifetime.status"], row["visits.n_lifetime"]) for row in rows] == [
        ("several", 0, "a", 55.0, "PRESENT", 10),
        ("several", 1, "b", None, "NOT_FOUND", 0),
        ("several", 2, "c", None, "NOT_FOUND", 0),
        (made, 0, "a", 55.0, "PRESENT", 10),
        ("past", 0, "a", 55.0, "PRESENT", 10),
        ("grpc", 0, "a", 55.0, "PRESENT", 10),
    ]  # fmt: skip
    for row in rows:
        assert row["_service_version"] == 1 and row["_views"] == ["spend@1", "visits@1"]
        assert row["_model"] is None and row["_shadow_of"] is None
        assert (row["_at"] is not None) == (row["_request_id"] == "past")
    with duckdb_with({"delta": duckdb_extension_delta}) as duckdb:
        joined = duckdb.execute(
            f"""SELECT l.fraud, s."spend.paid_lifetime" FROM delta_scan('{shop.table()}') s
            JOIN (VALUES ('past', true), ('grpc', false), ('lost', true)) l(id, fraud)
            ON l.id = s._request_id ORDER BY fraud"""
        ).fetchall()
    assert joined == [(False, 55.0), (True, 55.0)]
    erased = forebay("erase", "user", "a", "--tables-only", "-p", tmp_path)
    assert "served/served/checkout/v1: " in erased.stderr, erased.stdout + erased.stderr
    assert {row["user_id"] for row in shop.rows()} == {"b", "c"}
    assert "served/served/checkout/v1            " in erased.stdout


def ask(user: str, request_id: str | None = None, **more) -> dict:
    question = {"feature_service": "checkout", "entity": {"user_id": user}} | more
    return question | ({"request_id": request_id} if request_id else {})


def test_a_shadow_is_logged_with_both_versions_and_never_answered(tmp_path):
    shop = Shop(tmp_path, "shadowed")
    shop.define(["spend.paid_lifetime"], None)
    shop.run("apply", "--yes")
    shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/1")
    shop.define(["visits.n_lifetime", "spend.paid_lifetime"], None)
    shop.run("apply", "--yes")
    shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/2")
    shop.define(["shops.n_lifetime"], None)
    shop.run("apply", "--yes")
    shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/3")
    shop.run("model", "promote", "fraud@champion", "1")
    assert "no version of model fraud is called 'challenger'" in shop.run("model", "shadow", "fraud@challenger", code=1)
    shop.run("model", "promote", "fraud@challenger", "3")
    assert "needs the key shop_id" in shop.run("model", "shadow", "fraud@challenger", code=1)
    shop.run("model", "promote", "fraud@challenger", "2")
    shop.run("model", "shadow", "fraud@challenger", "--sample", "1.5", code=2)
    said = shop.run("model", "shadow", "fraud@challenger", "--sample", "0.5")
    assert "fraud@challenger: asked beside fraud@champion, for 50 % of its requests" in said
    assert "challenger (shadow of champion)" in shop.run("model", "list")
    question = {"model": "fraud@champion", "entity": {"user_id": "a"}}
    with shop.worker() as worker:
        produce(worker.ready["brokers"], "orders", [order("a", n) for n in range(10)])
        wait_until(lambda: paid_by_model(worker) == 55)
        answers = [worker.post("/v1/get", question | {"request_id": f"r{i}"}) for i in range(100)]
        kept = {answer["request_id"] for answer in answers if "request_id" in answer}
        shop.run("model", "shadow", "fraud@challenger", "--off")
        wait_until(lambda: "request_id" not in worker.post("/v1/get", question | {"request_id": min(kept)}))
        assert worker.metrics()["forebay_shadow_errors_total"] == 0
    assert {tuple(answer["features"]) for answer in answers} == {("spend.paid_lifetime",)}
    assert {answer["model"]["version"] for answer in answers} == {1}
    assert 20 < len(kept) < 80
    answered = {row["_request_id"]: row for row in shop.rows(1) if row["_request_id"] in kept}
    shadows = {row["_request_id"]: row for row in shop.rows(2) if row["_request_id"] in kept}
    assert answered.keys() == shadows.keys() == kept
    for row in answered.values():
        assert (row["_model"], row["_model_version"], row["_shadow_of"]) == ("fraud", 1, None)
        assert row["spend.paid_lifetime"] == 55
    for row in shadows.values():
        assert (row["_model"], row["_model_version"], row["_shadow_of"]) == ("fraud", 2, 1)
        assert (row["visits.n_lifetime"], row["spend.paid_lifetime"]) == (10, 55)
        assert row["_time"] == answered[row["_request_id"]]["_time"]
    assert "is no shadow" in shop.run("model", "shadow", "fraud@challenger", "--off", code=1)


def paid_by_model(worker: Worker) -> float | None:
    answer = worker.post("/v1/get", {"model": "fraud@champion", "entity": {"user_id": "a"}})
    return answer["features"]["spend.paid_lifetime"]["value"]


def test_runs_and_checkpoints_are_tables_and_a_checkpoint_becomes_a_version(tmp_path):
    shop = Shop(tmp_path, "runs")
    shop.define(["spend.paid_lifetime"], None)
    shop.run("apply", "--yes")
    assert "no runs yet" in shop.run("model", "runs")
    assert shop.run("model", "run", "fraud", "tuesday", "--param", "depth=6", "--description", "deep") == "tuesday\n"
    assert "has a run tuesday already" in shop.run("model", "run", "fraud", "tuesday", code=1)
    assert shop.run("model", "run", "fraud").startswith("run-")
    shop.run("model", "metric", "fraud", "tuesday", "loss=0.5", "auc=0.8", "--step", "100")
    more = tmp_path / "metrics.jsonl"
    more.write_text("".join(json.dumps({"step": step, "loss": 10 / step}) + "\n" for step in range(200, 1100, 100)))
    assert shop.run("model", "metric", "fraud", "tuesday", "--file", more) == "9 metrics\n"
    assert "has no run friday" in shop.run("model", "metric", "fraud", "friday", "loss=1", "--step", "1", code=1)
    weights = tmp_path / "weights"
    for step in (500, 1000):
        weights.write_bytes(bytes([step % 251]) * 100_000)
        shop.run("model", "checkpoint", "fraud", "tuesday", "--step", step, "--upload", weights,
                 "--metric", f"auc={step / 1100}")  # fmt: skip
    shop.run("model", "run", "fraud", "tuesday", "--status", "finished")
    assert "fraud  tuesday  finished" in shop.run("model", "runs")
    assert [line.split()[0] for line in shop.run("model", "runs", "fraud", "tuesday").splitlines()] == [
        "tuesday@500", "tuesday@1000",
    ]  # fmt: skip

    register = ("model", "register", "fraud", "--service", "checkout")
    assert "it has some at: 500, 1000" in shop.run(*register, "--checkpoint", "tuesday@700", code=1)
    shop.run(*register, "--checkpoint", "tuesday@1000", "--param", "depth=7")
    shop.run(*register, "--checkpoint", "tuesday@500")
    shop.run("model", "promote", "fraud@champion", "1")
    said = shop.run("model", "diff", "fraud@champion", "fraud@2")
    assert "checkpoint: tuesday@1000 -> tuesday@500" in said and "param depth: 7 -> 6" in said
    shop.run("model", "promote", "fraud@champion", "2")
    assert "2 -> 1" in shop.run("model", "rollback", "fraud@champion")
    shown = shop.run("model", "show", "fraud@2")
    assert "checkpoint    tuesday@500" in shown and "100000 bytes" in shown

    models = shop.project.warehouse / "models"
    with duckdb_with({"delta": duckdb_extension_delta}) as duckdb:
        best = duckdb.execute(
            f"""SELECT c.run, c.step, c.bytes, c.params->>'$.depth', round((c.metrics->>'$.auc')::double, 3), c.uri
            FROM delta_scan('{models}/checkpoints') c ORDER BY c.step"""
        ).fetchall()
        losses = duckdb.execute(
            f"SELECT count(*), max(step), min(value) FROM delta_scan('{models}/metrics') WHERE name = 'loss'"
        ).fetchall()
        runs = duckdb.execute(
            f"SELECT status FROM delta_scan('{models}/runs') WHERE run = 'tuesday' ORDER BY time"
        ).fetchall()
    assert [row[:5] for row in best] == [("tuesday", 500, 100_000, "6", 0.455), ("tuesday", 1000, 100_000, "6", 0.909)]
    assert pathlib.Path(best[0][5]).read_bytes() == bytes([500 % 251]) * 100_000
    assert losses == [(10, 1000, 0.01)]
    assert runs == [("running",), ("finished",)]


def test_a_worker_tells_how_far_features_have_moved_from_the_set_that_a_model_was_trained_on(tmp_path):
    config = {"flush_interval": "50ms", "commit_interval": "50ms", "offline": {"upkeep_interval": "50ms"}}
    project = Project(tmp_path, "drifting", {}, "localhost:1", catalog_interval="20ms", **config)
    alerts = {"null_rate": 0.1, "psi": 0.25}
    feature = {"name": "paid", "value": "last(amount)", "windows": ["lifetime"], "alerts": alerts}
    project.write_definitions({
        "sources": [SOURCE | {"topic": "orders"}],
        "entities": [{"name": "user", "keys": {"user_id": "string"}}],
        "feature_views": [view() | {"features": [feature]}],
        "feature_services": [{"name": "checkout", "features": ["spend.paid_lifetime"]}],
    })  # fmt: skip

    def run(*arguments, code: int = 0) -> str:
        done = forebay(*arguments, "-p", tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def paid(worker: Worker, amounts: list[float], first_second: int) -> None:
        """Orders, one a second, in the table and counted."""
        messages = []
        for n, amount in enumerate(amounts):
            at = START_MS + (first_second + n) * 1000
            messages.append(Message("a", json.dumps({"user_id": "a", "amount": amount, "at": at}).encode(), at))
        before = rows_of(project)
        produce(worker.ready["brokers"], "orders", messages)
        wait_until(lambda: rows_of(project) == before + len(amounts))
        run("statistics")

    def told(worker: Worker, metric: str, measure: str, training_set: str = "") -> float | None:
        labels = f'view="spend",version="1",feature="paid_lifetime",measure="{measure}",training_set="{training_set}"'
        return worker.metrics().get(f"forebay_feature_{metric}{{{labels}}}")

    with Worker(project, "--broker", "embedded") as worker:
        paid(worker, [float(n % 10) for n in range(40)], 0)
        wait_until(lambda: told(worker, "alert", "null_rate") == 0)
        assert told(worker, "alert", "psi", "set@1") is None, "no model was trained on it"
        times = [START_MS * 1000 + n * 1_000_000 + 500_000 for n in range(40)]
        labels = pl.DataFrame({"user_id": ["a"] * 40, "at": pl.Series(times).cast(pl.Datetime("us", "UTC"))})
        labels.write_parquet(tmp_path / "labels.parquet")
        forebay("training-set", "--project", tmp_path, "--labels", tmp_path / "labels.parquet", "--time", "at",
                "--features", "checkout", "--out", tmp_path / "set.parquet", "--register", "set")  # fmt: skip
        run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/1", "--training-set", "set@1")
        run("model", "promote", "fraud@champion", "1")
        wait_until(lambda: told(worker, "alert", "psi", "set@1") == 0)
        assert told(worker, "drift", "psi", "set@1") < 0.1
        run("drift", "checkout", "--against", "set@1")
        paid(worker, [float(100 + n) for n in range(40)], 86_400)
        wait_until(lambda: told(worker, "alert", "psi", "set@1") == 1)
        psi = told(worker, "drift", "psi", "set@1")
        assert psi > 0.25 and told(worker, "alert", "null_rate") == 0
        said = run("drift", "checkout", "--against", "set@1", "--json", code=1)
        assert "1 feature has moved beyond its `alerts`" in said
        line = json.loads(said.splitlines()[0])
        assert line["psi"] == pytest.approx(psi) and line["alerts"].startswith("psi ")


def rows_of(project: Project) -> int:
    try:
        return DeltaTable(project.table("spend")).to_pyarrow_table().num_rows
    except TableNotFoundError:
        return 0
