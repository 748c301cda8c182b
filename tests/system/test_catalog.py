"""The catalog: plan and apply, what a worker takes of it by itself, and models promoted while lookups run."""

from __future__ import annotations

import json
import re
import subprocess
import threading

import pytest

from tests.serving.test_grpc import Stub
from tests.system.broker import Broker
from tests.system.project import forebay, forebay_binary
from tests.system.scenario import produce
from tests.system.shop import Shop, order, paid, view, wait_until
from tests.system.worker import HttpError, Worker

@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def shop(tmp_path, broker, request):
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:40].strip("-")
    return Shop(tmp_path, broker, name)


def test_plan_says_whether_there_is_something_to_apply(shop):
    assert "+ view/spend@1" in shop.run("plan", code=2)
    assert shop.commits() == [], "planning changes nothing"
    assert "say --yes" in shop.run("apply", code=1)
    assert "applied: version 1" in shop.apply()
    assert "nothing to apply" in shop.run("plan")
    commit = shop.commits()[0]
    assert commit["command"] == "apply" and "@" in commit["by"]
    assert {change["key"] for change in commit["changes"]} == {
        "source/orders", "entity/user", "entity/item", "view/spend@1", "service/checkout@1",
    }  # fmt: skip
    shop.define([view(value="mean(amount)")])
    said = shop.run("plan", code=1)
    assert "paid_lifetime was sum(amount) and is mean(amount)" in said
    assert "raise its version to 2 (`version: 2`)" in said
    assert "nothing was applied" in shop.run("apply", "--yes", code=1)
    assert len(shop.commits()) == 1


def test_a_worker_takes_what_is_new_and_nothing_that_changes_answers(shop):
    Worker(shop.project).run_until_idle()
    assert [commit["command"] for commit in shop.commits()] == ["run"]
    Worker(shop.project).run_until_idle()
    assert len(shop.commits()) == 1, "nothing is new"
    shop.define([view(owner="ann"), view(2, "max(amount)")])
    with Worker(shop.project) as worker:
        assert paid(worker, feature_service="checkout") == 55, "it stays at the version it has"
        assert paid(worker, features=["spend.paid_lifetime"]) == 10
    assert len(shop.commits()) == 2
    assert "--repin moves it" in shop.run("plan")
    shop.apply("--repin")
    with Worker(shop.project) as worker:
        assert paid(worker, feature_service="checkout") == 10
        assert paid(worker, feature_service="checkout@1") == 55, "of models that take it"


def test_a_worker_of_an_older_folder_changes_nothing_and_frozen_runs_the_catalog(shop):
    shop.define([view(), view(2, "max(amount)")])
    shop.apply()
    shop.define([view(owner="ann")])
    with Worker(shop.project) as worker:
        assert paid(worker, features=["spend.paid_lifetime"]) == 55
        assert "has what no definition of this folder has: view/spend@2" in worker.log_tail()
    assert len(shop.commits()) == 1
    with Worker(shop.project, "--frozen") as worker:
        assert paid(worker, features=["spend@2.paid_lifetime"]) == 10
    assert "is retired: what it left stays until `forebay catalog purge spend@2`" in shop.apply()
    with Worker(shop.project) as worker, pytest.raises(HttpError, match="has no version 2"):
        paid(worker, features=["spend@2.paid_lifetime"])


def test_a_worker_answers_as_before_until_it_has_the_views_of_a_new_service(shop):
    with Worker(shop.project) as worker:
        assert paid(worker, feature_service="checkout") == 55
        shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/1")
        shop.run("model", "promote", "fraud@champion", "1")
        shop.define([view(), view(2, "max(amount)")])
        shop.apply("--repin")
        shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://m/2")

        def promoted() -> bool:
            assert paid(worker, model="fraud@champion") == 55
            done = forebay("model", "promote", "fraud@canary", "2", "-p", shop.project.folder)
            assert done.returncode == 0 or "spend@2, which is being brought up" in done.stderr
            return done.returncode == 0

        wait_until(promoted)

        def answered() -> bool:
            try:
                return paid(worker, model="fraud@canary") == 10
            except HttpError as error:
                assert "of model fraud is called 'canary'" in error.body
                return False

        wait_until(answered)
        assert paid(worker, feature_service="checkout") == 10
        assert paid(worker, model="fraud@champion") == 55
    said = forebay("reset", "spend@1", "--yes", "--project", shop.project.folder).stderr
    assert "model fraud@champion takes spend@1: promote another version" in said
    with Worker(shop.project) as worker:
        assert paid(worker, feature_service="checkout") == 10
        assert paid(worker, model="fraud@canary") == 10


def test_a_disabled_view_is_refused_and_goes_on_when_it_is_enabled(shop, broker):
    other = view() | {"name": "other"}
    shop.define([view(), other])
    Worker(shop.project).run_until_idle()
    shop.define([view(enabled=False), other])
    shop.apply()
    with Worker(shop.project) as worker:
        with pytest.raises(HttpError, match="disabled"):
            paid(worker, features=["spend.paid_lifetime"])
        with pytest.raises(HttpError, match="disabled"):
            paid(worker, feature_service="checkout")
    produce(broker.address, shop.topic, [order("a", 99)])
    Worker(shop.project).run_until_idle()
    shop.define([view(), other])
    shop.apply()
    with Worker(shop.project) as worker:
        assert paid(worker, features=["spend.paid_lifetime"]) == 155, "with what came meanwhile"


def test_models_are_promoted_and_rolled_back_while_lookups_run_and_no_answer_is_mixed(shop, tmp_path):
    weights = tmp_path / "weights"
    weights.write_bytes(b"x" * 3_000_000)
    shop.define([view(), view(2, "max(amount)")])
    shop.apply()
    shop.run("model", "register", "fraud", "--service", "checkout", "--upload", weights)
    shop.define([view(), view(2, "max(amount)")], ["spend@1.paid_lifetime"])
    shop.apply()
    shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://models/2")
    shop.run("model", "promote", "fraud@champion", "1")
    uploaded = list((shop.project.warehouse / "models" / "artifacts").iterdir())
    assert [file.read_bytes() for file in uploaded] == [weights.read_bytes()]
    with Worker(shop.project) as worker:
        seen, versions, stop = set(), [], threading.Event()

        def look():
            asking = Worker(shop.project)
            asking.ready = worker.ready
            question = {"model": "fraud@champion", "entity": {"user_id": "a"}}
            while not stop.is_set():
                answer = asking.post("/v1/get", question)
                model = answer["model"]
                ((feature, cell),) = answer["features"].items()
                seen.add((model["version"], model["artifact"], feature, cell["value"]))
                versions.append(model["catalog_version"])

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            for version in ("2", "1"):
                shop.run("model", "promote", "fraud@champion", version)
        shop.run("model", "rollback", "fraud@champion")
        wait_until(lambda: worker.post("/v1/get", {"model": "fraud@champion", "entity": {"user_id": "a"}})
                   ["model"]["version"] == 2)  # fmt: skip
        stop.set()
        for thread in threads:
            thread.join()
        assert seen == {
            (1, str(uploaded[0]), "spend.paid_lifetime", 10),
            (2, "s3://models/2", "spend@1.paid_lifetime", 55),
        }
        assert len(set(versions)) > 5 and len(versions) > 200
        with pytest.raises(HttpError, match="did you mean 'champion'"):
            worker.post("/v1/get", {"model": "fraud@champoin", "entity": {"user_id": "a"}})


def test_answers_under_load_are_each_of_one_version_while_promotions_alternate(shop):
    shop.define([view(), view(2, "max(amount)")])
    shop.apply()
    shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://models/1")
    shop.define([view(), view(2, "max(amount)")], ["spend@1.paid_lifetime", "spend@2.paid_lifetime"])
    shop.apply()
    shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://models/2")
    shop.run("model", "promote", "fraud@champion", "1")
    with Worker(shop.project) as worker:
        command = [forebay_binary().parents[1] / "bench" / "lookup_load", "--http", f"127.0.0.1:{worker.ready['http_port']}",
                   "--model", "fraud@champion", "--key", "user_id=a", "--connections", "3",
                   "--seconds", "3", "--warm-up", "0"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            while load.poll() is None:
                for version in ("2", "1"):
                    shop.run("model", "promote", "fraud@champion", version)
            found = json.loads(load.stdout.read())
    promoted = {
        int(commit["version"]): change["object"]["alias"]["version"]
        for commit in shop.commits()
        for change in commit["changes"]
        if change["key"] == "alias/fraud@champion"
    }
    takes = {
        1: {"spend.paid_lifetime": 10},
        2: {"spend@1.paid_lifetime": 55, "spend@2.paid_lifetime": 10},
    }
    assert found["errors"] == 0
    for answer in found["answers"]:
        model = answer["model"]
        last = max(version for version in promoted if version <= model["catalog_version"])
        assert promoted[last] == model["version"]
        assert model["artifact"] == f"s3://models/{model['version']}"
        assert {name: cell["value"] for name, cell in answer["features"].items()} == takes[model["version"]]
    assert len(found["answers"]) > 5, "of several promotions"
    print(f"{found['requests_per_second']} lookups a second, {len(promoted)} promotions")


def test_grpc_answers_for_a_model_as_http_does(shop):
    shop.apply()
    shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", "s3://models/1")
    shop.run("model", "promote", "fraud@champion", "1")
    with Worker(shop.project) as worker:
        by_http = worker.post("/v1/get", {"model": "fraud@champion", "entity": {"user_id": "a"}})
        stub = Stub(worker.ready["grpc_port"])
        answer = stub.call(
            "Get", {"model": "fraud@champion", "entity": {"user_id": {"stringValue": "a"}}}
        )
        several = stub.call(
            "BatchGet",
            {"model": "fraud@1", "entities": [{"keys": {"user_id": {"stringValue": user}}} for user in "ab"]},
        )
        stub.channel.close()
    for model in (answer.model, several.model):
        assert {
            "name": model.model,
            "version": model.version,
            "artifact": model.artifact,
            "catalog_version": model.catalog_version,
        } == by_http["model"]
    assert [(cell.name, cell.value.double_value) for cell in answer.features] == [("spend.paid_lifetime", 55)]
    assert [value.double_value for value in several.features[0].values] == [55, 55]


def test_of_two_who_promote_one_is_told(shop):
    shop.apply()
    for number in "12":
        shop.run("model", "register", "fraud", "--service", "checkout", "--artifact", f"s3://m/{number}")
    shop.run("model", "promote", "fraud@champion", "1")
    said = shop.run("model", "promote", "fraud@champion", "2", "--if", "2", code=1)
    assert "somebody was faster" in said
    assert "spend" in shop.run("lineage", "fraud@champion")
    assert "source/orders  column amount: amount" in shop.run("catalog", "search", "amuont")
