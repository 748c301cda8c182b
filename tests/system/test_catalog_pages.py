"""The pages of the catalog of a running worker, and all of its pages as /openapi.json describes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import polars as pl
import pytest

from tests.system.broker import Broker
from tests.system.project import forebay
from tests.system.shop import START_MS, Shop, view
from tests.system.worker import Worker


class Asked:
    """What a worker answers to GET."""

    def __init__(self, worker: Worker):
        self.url = f"http://127.0.0.1:{worker.ready['http_port']}"

    def __call__(self, path: str, code: int = 200, **parameters) -> dict:
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        try:
            with urllib.request.urlopen(f"{self.url}{path}{query}", timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        assert status == code, text
        return json.loads(text)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """With statistics, a training set and a model in two versions."""
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        shop = Shop(tmp_path_factory.mktemp("shop"), broker, "pages")
        shop.define([view(description="What was paid", owner="ann", tags=["money"])])
        Worker(shop.project).run_until_idle()
        folder = shop.project.folder
        labels = pl.DataFrame({"user_id": ["a", "b"], "ts": [START_MS + 3600_000] * 2})
        labels.with_columns(pl.from_epoch("ts", "ms").dt.replace_time_zone("UTC")).write_parquet(folder / "labels.parquet")
        for command in (
            ["statistics", "--project", folder],
            ["training-set", "--project", folder, "--labels", folder / "labels.parquet", "--time", "ts",
             "--features", "checkout", "--out", folder / "set.parquet", "--register", "may"],
        ):  # fmt: skip
            done = forebay(*command)
            assert done.returncode == 0, done.stderr
        shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/1", "--metric", "auc=0.5")
        shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/2",
                 "--training-set", "may@1")  # fmt: skip
        shop.run("model", "promote", "fraud@champion", "2")
        yield shop


@pytest.fixture(scope="module")
def worker(shop):
    with Worker(shop.project) as worker:
        yield worker


@pytest.fixture(scope="module")
def get(worker):
    return Asked(worker)


def test_all_that_the_catalog_has_is_there(get):
    listed = get("/v1/catalog/objects")
    assert {one["key"] for one in listed["objects"]} == {
        "source/orders", "entity/user", "entity/item", "view/spend@1", "service/checkout@1", "training_set/may@1",
        "model/fraud@1", "model/fraud@2", "alias/fraud@champion",
    }  # fmt: skip
    (spend,) = get("/v1/catalog/objects/view/spend")["objects"]
    assert (spend["owner"], spend["tags"], spend["state"]) == ("ann", ["money"], "live")
    assert spend["features"][0] == {
        "name": "paid_lifetime", "type": "double", "value": "sum(amount)", "window": "lifetime", "description": "",
    }  # fmt: skip
    (may,) = get("/v1/catalog/training-sets/may")["objects"]
    assert may["manifest"]["tables"][0]["view"] == "spend"
    edges = get("/v1/catalog/lineage", name="orders", direction="down")["edges"]
    assert {"above": "training_set/may@1", "below": "model/fraud@2"} in edges
    status = get("/v1/catalog/status")
    assert status["ready"] and len(status["tasks"]) == 2
    assert sum(task["position"] + 1 for task in status["tasks"] if task["position"] is not None) == 30
    assert status["catalog_version"] == listed["catalog_version"] == status["commit"]["version"]


def test_statistics_are_those_of_the_table(get):
    found = get("/v1/catalog/statistics/spend", feature="paid_lifetime")
    (feature,) = found["features"]
    assert found["from"] == found["to"] == "2024-02-29"
    assert (feature["count"], feature["nulls"], feature["numbers"]["max"]) == (30, 0, 55)
    assert [one["at"] for one in feature["numbers"]["quantiles"]][4] == 0.5
    assert get("/v1/catalog/statistics/spend", to="2020-01-01")["features"] == []


def test_commits_come_page_by_page(get, shop):
    commits, more = [], {}
    while more is not None:
        page = get("/v1/catalog/commits", limit=2, **more)
        commits += page["commits"]
        more = page["next_page_token"] and {"page_token": page["next_page_token"]}
    written = [(int(one["version"]), one["command"]) for one in shop.commits(builds=True)]
    assert [(one["version"], one["command"]) for one in commits] == written[::-1]
    assert commits[0]["changes"] == [{"key": "alias/fraud@champion", "removed": False}]


def test_search_finds_the_misspelt(get):
    hits = get("/v1/catalog/search", q="amuont")["hits"]
    assert [(hit["object"]["key"], hit["place"]) for hit in hits] == [("source/orders", "column amount")]


def test_a_promotion_is_seen_by_lookups_and_pages_alike(get, shop, worker):
    before = get("/v1/catalog/models/fraud")
    assert before["aliases"] == [{"alias": "champion", "version": 2, "before": []}]
    assert [one["metrics"] for one in before["versions"]] == [{"auc": 0.5}, {}]
    shop.run("model", "promote", "fraud@champion", "1")
    while get("/v1/catalog/status")["catalog_version"] == before["catalog_version"]:
        pass
    model = worker.post("/v1/get", {"model": "fraud@champion", "entity": {"user_id": "a"}})["model"]
    after = get("/v1/catalog/models/fraud")
    assert (model["version"], model["catalog_version"]) == (1, after["catalog_version"])
    assert after["aliases"] == [{"alias": "champion", "version": 1, "before": [2]}]


# Of which some are there: a text of any kind would find nothing.
NAMES = """
import schemathesis

NAMES = {
    "kind": ["view", "service", "source", "model", "training_set", "alias"],
    "name": ["spend", "checkout@1", "orders", "fraud", "may", "fraud@champion", "fraud@7"],
    "view": ["spend", "spend@1", "spent"],
    "model": ["fraud", "frauds"],
    "before": ["1", "champion"],
    "after": ["2", "3"],
    "feature": ["paid_lifetime", "paid"],
    "q": ["spend", "amuont ann"],
}

def named(parameters):
    # Half of them, always the same for the same text.
    for name, value in (parameters or {}).items():
        text = str(value)
        if name in NAMES and len(text) % 2 == 0:
            parameters[name] = NAMES[name][len(text) // 2 % len(NAMES[name])]
    return parameters

@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return named(path_parameters)

@schemathesis.hook
def map_query(context, query):
    return named(query)
"""

# Which keys an entity must have, and which features there are, is not in the document.
CONFIG = """
[[operations]]
include-path = ["/v1/get", "/v1/batch-get"]

[operations.checks]
positive_data_acceptance.enabled = false
"""


def test_every_page_is_as_openapi_json_says(worker, tmp_path):
    (tmp_path / "names.py").write_text(NAMES)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    url = f"http://127.0.0.1:{worker.ready['http_port']}/openapi.json"
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", url]
    options = ["--seed", "1", "--max-examples", "10", "--generation-deterministic"]
    options += ["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--no-color"]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "names", "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
