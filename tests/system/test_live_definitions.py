"""Definitions that change while a worker runs: views that come in a lane beside it, go, are disabled and enabled."""

from __future__ import annotations

import json
import re
import threading

import deltalake
import pytest

from tests.system.broker import Broker
from tests.system.scenario import produce
from tests.system.shop import SOURCE, Shop, order, paid, view, wait_until
from tests.system.topics import read_topic
from tests.system.worker import HttpError, Worker


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def shop(tmp_path, broker, request):
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[-40:].strip("-")
    return Shop(tmp_path, broker, name)


def item_view(version: int = 1, **more) -> dict:
    """Whose key is not that of the topic: it is fed through a repartition topic."""
    feature = {"name": "orders", "value": "count(*)", "windows": ["lifetime"]}
    return {
        "name": "by_item", "version": version, "source": "orders", "entity": "item", "features": [feature], **more,
    }  # fmt: skip


def answer(worker: Worker, feature: str, **entity):
    """The value, or None while it is not answered yet."""
    try:
        cells = worker.post("/v1/get", {"entity": entity or {"user_id": "a"}, "features": [feature]})
    except HttpError as error:
        assert error.status in (404, 503, 400, 412), error
        return None
    return cells["features"][feature]["value"]


def rows(shop: Shop, name: str, version: int) -> list[tuple]:
    """What the table has, which is every step once."""
    table = deltalake.DeltaTable(str(shop.project.warehouse / "offline" / name / f"v{version}"))
    found = table.to_pyarrow_table().to_pydict()
    places = list(zip(found["_source_partition"], found["_source_offset"], found["_ordinal"]))
    assert len(places) == len(set(places))
    return places


class Asking:
    """Asks for the first version all the time: it must never fail, nor stand still for good."""

    def __init__(self, worker: Worker):
        self.values: list[float] = []
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._worker = Worker(worker.project)
        self._worker.ready = worker.ready
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                assert self._worker.is_ready()
                self.values.append(paid(self._worker, features=["spend@1.paid_lifetime"]))
            except Exception as error:  # told at the end
                self.errors.append(error)
                return

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()
        assert self.errors == []
        assert self.values == sorted(self.values), "no answer is older than one before"
        assert len(self.values) > 50


def test_a_new_version_and_a_view_of_another_key_come_while_the_worker_answers(shop, broker):
    with Worker(shop.project) as worker:
        with Asking(worker) as asking:
            shop.define([view(), view(2, "max(amount)"), item_view()])
            shop.apply()
            wait_until(lambda: answer(worker, "spend@2.paid_lifetime") == 10)
            wait_until(lambda: answer(worker, "by_item.orders_lifetime", item="item2") == 3)
            produce(broker.address, shop.topic, [order("a", n) for n in range(10, 20)])
            wait_until(lambda: answer(worker, "spend@2.paid_lifetime") == 20)
            wait_until(lambda: asking.values[-1] == 55 + 155)
            wait_until(lambda: answer(worker, "by_item.orders_lifetime", item="item14") == 1)
        assert not (shop.project.folder / "state" / "lane").exists()
        worker.stop()
    for name, version in (("spend", 1), ("spend", 2), ("by_item", 1)):
        assert len(rows(shop, name, version)) == 40
    updates = read_topic(broker.address, f"{shop.project.name}.spend.v2")
    newest = {message.key(): json.loads(message.value()) for message in updates if message.value()}
    assert newest[b"a"]["paid_lifetime"] == 20


def test_disabled_and_enabled_while_it_runs_a_view_goes_on_where_it_stopped(shop, broker):
    other = view() | {"name": "other"}
    shop.define([view(), other])
    with Worker(shop.project) as worker:
        assert paid(worker, features=["spend.paid_lifetime"]) == 55
        shop.define([view(enabled=False), other])
        shop.apply()

        def disabled():
            try:
                return not paid(worker, features=["spend.paid_lifetime"])
            except HttpError as error:
                return "disabled" in error.body

        wait_until(disabled)
        produce(broker.address, shop.topic, [order("a", 99)])
        wait_until(lambda: answer(worker, "other.paid_lifetime") == 155)
        shop.define([view(), other])
        shop.apply()
        wait_until(lambda: answer(worker, "spend.paid_lifetime") == 155)
        worker.stop()
    assert len(rows(shop, "spend", 1)) == 31 and len(rows(shop, "other", 1)) == 31


def test_a_view_that_is_retired_is_answered_no_more_and_comes_back_with_what_it_left(shop, broker):
    other = view() | {"name": "other"}
    shop.define([view(), other], service=["other.paid_lifetime"])
    with Worker(shop.project) as worker:
        shop.define([other], service=["other.paid_lifetime"])
        shop.apply()
        wait_until(lambda: answer(worker, "spend.paid_lifetime") is None)
        produce(broker.address, shop.topic, [order("a", 99)])
        shop.define([view(), other], service=["other.paid_lifetime"])
        shop.apply()
        wait_until(lambda: answer(worker, "spend.paid_lifetime") == 155)
        worker.stop()
    assert len(rows(shop, "spend", 1)) == 31


def test_a_source_that_is_new_is_read_as_well(shop, broker):
    broker.create_topic(f"{shop.topic}.more", 2)
    produce(broker.address, f"{shop.topic}.more", [order(user, n) for n in range(5) for user in "abc"])
    with Worker(shop.project) as worker:
        with Asking(worker):
            definitions = {
                "sources": [SOURCE | {"topic": shop.topic}, SOURCE | {"name": "more", "topic": f"{shop.topic}.more"}],
                "entities": [
                    {"name": "user", "keys": {"user_id": "string"}},
                    {"name": "item", "keys": {"item": "string"}},
                ],
                "feature_views": [view(), view() | {"name": "more", "source": "more"}],
                "feature_services": [{"name": "checkout", "features": ["spend.paid_lifetime"]}],
            }
            shop.project.write_definitions(definitions)
            shop.apply()
            wait_until(lambda: answer(worker, "more.paid_lifetime") == 15)


def test_what_a_retired_view_left_stays_until_it_is_purged(shop, broker):
    other = view() | {"name": "other"}
    shop.define([view(), other], service=["other.paid_lifetime"])
    with Worker(shop.project) as worker:
        assert "spend@1 is" in shop.run("catalog", "purge", "spend@1", "--yes", code=1)
        wait_until(lambda: "all views are live" in shop.run("catalog", "status"))
        shop.define([other], service=["other.paid_lifetime"])
        shop.apply()
        wait_until(lambda: answer(worker, "spend.paid_lifetime") is None)
        wait_until(lambda: len(rows(shop, "spend", 1)) == 30)
        assert f"{shop.project.name}.spend.v1" in broker.admin().list_topics(timeout=30).topics
        assert "say --yes" in shop.run("catalog", "purge", "spend@1", code=2)
        assert "spend@1 is gone" in shop.run("catalog", "purge", "spend@1", "--yes")
        assert not (shop.project.warehouse / "offline" / "spend" / "v1").exists()
        assert f"{shop.project.name}.spend.v1" not in broker.admin().list_topics(timeout=30).topics
        shop.define([view(value="max(amount)"), other], service=["other.paid_lifetime"])
        shop.apply()
        wait_until(lambda: answer(worker, "spend.paid_lifetime") == 10)
        worker.stop()
    assert len(rows(shop, "spend", 1)) == 30


@pytest.mark.parametrize("point", ["lane.copied", "lane.adopted", "lane.turned"])
def test_killed_at_any_point_a_lane_goes_on(shop, broker, monkeypatch, point):
    views = [view(), view(2, "max(amount)"), item_view()]
    monkeypatch.setenv("FOREBAY_CRASH_AT", f"{point}:{1 if point == 'lane.turned' else 2}")
    worker = Worker(shop.project).start()
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    shop.define(views)
    shop.apply()
    worker.wait()
    produce(broker.address, shop.topic, [order("b", 50)])
    with Worker(shop.project) as worker:
        wait_until(lambda: answer(worker, "spend@2.paid_lifetime", user_id="b") == 51)
        assert paid(worker, features=["spend@1.paid_lifetime"]) == 55
        wait_until(lambda: answer(worker, "by_item.orders_lifetime", item="item2") == 3)
        worker.stop()
    for name, version in (("spend", 1), ("spend", 2), ("by_item", 1)):
        assert len(rows(shop, name, version)) == 31


def test_a_lane_beside_which_nothing_is_left_is_gone_on_with_by_the_worker(shop, monkeypatch):
    monkeypatch.setenv("FOREBAY_CRASH_AT", "lane.copied:1")
    worker = Worker(shop.project).start()
    monkeypatch.delenv("FOREBAY_CRASH_AT")
    shop.define([view(), view(2, "max(amount)")])
    shop.apply()
    worker.wait()
    shop.define([view(2, "max(amount)")], service=["spend@2.paid_lifetime"])
    shop.apply()
    with Worker(shop.project) as worker:
        assert paid(worker, feature_service="checkout") == 10
        worker.stop()
    assert len(rows(shop, "spend", 2)) == 30


def test_a_view_is_live_once_both_workers_have_built_their_part(shop, broker):
    views = [view(), view(2, "max(amount)"), item_view()]
    other = Shop.beside(shop, "other")
    with Worker(shop.project) as one, Worker(other.project) as two:
        wait_until(lambda: one.ready and "all views are live" in shop.run("catalog", "status"))
        shop.define(views)
        shop.apply()
        wait_until(lambda: "all views are live" in shop.run("catalog", "status"))
        wait_until(lambda: 10 in [answer(worker, "spend@2.paid_lifetime") for worker in (one, two)])
        wait_until(lambda: 3 in [answer(w, "by_item.orders_lifetime", item="item2") for w in (one, two)])
        produce(broker.address, shop.topic, [order("a", 60)])
        wait_until(lambda: 61 in [answer(worker, "spend@2.paid_lifetime") for worker in (one, two)])
        one.stop()
        two.stop()
    for name, version in (("spend", 1), ("spend", 2), ("by_item", 1)):
        assert len(rows(shop, name, version)) == 31
