"""The Python client: its questions, what it takes as keys, and that it installs."""

import datetime
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from forebay import Client, FeatureValue, ForebayError
from tests.serving.conftest import Server

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"
DAY = datetime.datetime(2013, 1, 1, 5, tzinfo=datetime.timezone.utc)
UTC_DAYS = pd.Series(pd.to_datetime(["2013-01-01T05:00"])).dt.tz_localize("UTC")


@pytest.fixture(scope="module")
def client(server):
    return Client(f"http://127.0.0.1:{server.http_port}")


def counts(client, entities):
    cells = client.batch_get(features=["user_spend.count_1h"], entities=entities)
    return [cell.value for cell in cells["user_spend.count_1h"]]


def test_features_are_read(server):
    client = Client(f"http://127.0.0.1:{server.http_port}/")  # with a slash
    times = ("2013-01-01T05:00:01.500000Z", "2013-01-01T05:00:00.000000Z")
    entity = {"user_id": "u3", "merchant_id": 4}
    assert client.get(feature_service="fraud", entity=entity) == {
        "user_spend.spend_1h": FeatureValue(0.1 * 3, "PRESENT", *times),
        "user_spend.last_country": FeatureValue("DE", "PRESENT", *times),
        "merchant_sales.sales_24h": FeatureValue(1e22, "PRESENT", *times),
    }
    at = datetime.datetime(2013, 1, 1, 8, tzinfo=datetime.timezone.utc)
    columns = client.batch_get(
        features=["merchant_sales.sales_24h"],
        entities=[{"merchant_id": 4}, {"merchant_id": -1}],
        at=at,
    )
    assert columns == {
        "merchant_sales.sales_24h": [
            FeatureValue(None, "OUTSIDE_MAX_AGE", *times),
            FeatureValue(None, "NOT_FOUND", None, None),
        ]
    }


def test_what_the_worker_says_is_raised(client):
    with pytest.raises(ForebayError, match="unknown feature service 'frad'") as error:
        client.get(feature_service="frad", entity={})
    assert (error.value.code, error.value.status) == ("NOT_FOUND", 404)
    with pytest.raises(ValueError, match="is no URL"):
        Client("localhost:8080")


def test_a_client_outlives_a_restart_of_the_worker():
    first = Server()
    client = Client(f"http://127.0.0.1:{first.http_port}")
    request = {"features": ["user_spend.count_1h"], "entity": {"user_id": "u5"}}
    assert client.get(**request)["user_spend.count_1h"].value == 5
    assert first.stop() == 0
    with pytest.raises(OSError):
        client.get(**request)
    second = Server(str(first.http_port))
    assert client.get(**request)["user_spend.count_1h"].value == 5
    assert second.stop() == 0


@pytest.mark.parametrize(
    "users",
    [
        [{"user_id": "u1"}, {"user_id": "u2"}],
        ({"user_id": np.str_("u1")}, {"user_id": "u2"}),
        {"user_id": ["u1", "u2"]},
        {"user_id": np.array(["u1", "u2"])},
        pd.DataFrame({"user_id": ["u1", "u2"]}, index=[7, 5]),
        pl.DataFrame({"user_id": ["u1", "u2"]}),
        pd.Series(["u1", "u2"], name="user_id"),
        pl.Series("user_id", ["u1", "u2"]),
        [row for _, row in pd.DataFrame({"user_id": ["u1", "u2"]}).iterrows()],
    ],
    ids=lambda users: type(users).__module__.partition(".")[0] + "-" + type(users).__name__,
)
def test_many_entities_come_as_rows_or_columns(client, users):
    assert counts(client, users) == [1, 2]


def test_no_entity_has_no_answer(client):
    assert counts(client, []) == counts(client, pd.DataFrame({"user_id": []})) == []


@pytest.mark.parametrize("day", [DAY, np.datetime64(1_357_016_400, "s"), UTC_DAYS[0]])
@pytest.mark.parametrize("holiday", [True, np.bool_(True)])
def test_times_and_bools_are_keys(client, day, holiday):
    answer = client.get(features=["day_totals.total"], entity={"day": day, "holiday": holiday})
    assert answer["day_totals.total"].value == 2**63 - 1


@pytest.mark.parametrize(
    "merchant", [4, np.int64(4), np.uint8(4), pd.Series([4, None], dtype="Int64")[0]]
)
def test_integers_are_keys(client, merchant):
    answer = client.get(features=["merchant_sales.sales_24h"], entity={"merchant_id": merchant})
    assert answer["merchant_sales.sales_24h"].value == 1e22


@pytest.mark.parametrize(
    "at", [np.datetime64("2013-01-01T08"), pd.Timestamp("2013-01-01T08", tz="UTC")]
)
def test_the_time_to_answer_for_is_of_numpy_or_pandas_too(client, at):
    answer = client.get(features=["merchant_sales.sales_24h"], entity={"merchant_id": 4}, at=at)
    assert answer["merchant_sales.sales_24h"].status == "OUTSIDE_MAX_AGE"


@pytest.mark.parametrize(
    "entities, message",
    [
        (pd.Series([1, None], name="m"), r"entity 0: key m is 1.0, a float.*astype\(\"Int64\"\)"),
        (pd.Series(["u1", None], name="m"), "entity 1: key m is missing"),
        (pd.Series([1, None], name="m", dtype="Int64"), "key m is missing .<NA>.*leave out"),
        ([{"m": np.datetime64("NaT")}], "entity 0: key m is missing"),
        ([{"m": "x"}, {"m": b"x"}], "entity 1: key m is b'x', a bytes; a key is a str"),
        ([{"m": np.float32(3)}], "entity 0: key m is .*a float32"),
        ([{"m": datetime.date(2013, 1, 1)}], "a date; .*a datetime with a zone"),
        ([{"m": datetime.datetime(2013, 1, 1)}], "a time without a zone: give one"),
        (pd.Series(UTC_DAYS.dt.tz_localize(None), name="m"), "tz_localize"),
        ([{"m": np.datetime64(1, "ns")}], "not a whole number of microseconds"),
        ([{"m": UTC_DAYS[0] + pd.Timedelta(1, "ns")}], "not a whole number of microseconds"),
        (pd.Series(["u1"]), "needs the name of its key column"),
        ({"a": ["x", "y"], "b": [1]}, r"differ in length: {'a': 2, 'b': 1}"),
        ({"user_id": "u1"}, "user_id is 'u1', not a column of keys; for one entity, ask with get"),
        (np.array(["u1"]), "entity 0: an entity is a dict"),
        ("u1", "entities are a list of dicts"),
        (7, "entities are a list of dicts"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_named(client, entities, message):
    with pytest.raises((TypeError, ValueError), match=message):
        client.batch_get(features=["user_spend.count_1h"], entities=entities)


def test_questions_of_the_wrong_shape_are_explained(client):
    with pytest.raises(TypeError, match=r"features is a list of names: \['user_spend.count_1h'\]"):
        client.get(features="user_spend.count_1h", entity={"user_id": "u1"})
    with pytest.raises(TypeError, match="ask with batch_get"):
        client.get(features=["user_spend.count_1h"], entity=pd.DataFrame({"user_id": ["u1"]}))
    with pytest.raises(TypeError, match="at: True is no time"):
        client.get(features=["user_spend.count_1h"], entity={"user_id": "u1"}, at=True)


def test_it_installs_with_pip_alone_and_says_that_it_is_typed(server, tmp_path):
    target = tmp_path / "site"
    package = shutil.copytree(PACKAGE, tmp_path / "package")  # pip leaves files where it builds
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    source = ["--no-index", "--no-build-isolation", "--target", target, package]
    subprocess.run([*pip, *source], check=True, cwd=tmp_path)
    program = f"""
import sys, forebay
assert forebay.__file__.startswith({str(target)!r}), forebay.__file__
client = forebay.Client("http://127.0.0.1:{server.http_port}")
answer = client.get(features=["user_spend.count_1h"], entity={{"user_id": "u5"}})
print(answer["user_spend.count_1h"].value)
assert not {{"numpy", "pandas"}} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(target)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("5\n", "")
    assert (target / "forebay" / "py.typed").exists()


def test_its_types_are_strict(tmp_path):
    """The package, and a program that uses it, in one run of mypy."""
    program = tmp_path / "program.py"
    program.write_text(
        """
import datetime
import forebay
client = forebay.Client("http://localhost:8080")
client.get(entity={"user_id": "u", "n": 1, "day": datetime.datetime.now()}, features=["a.b"])
reveal_type(client.batch_get(entities={"user_id": ["u"]}, feature_service="s"))
client.get(entity={"user_id": 1.5}, features=["a.b"])
"""
    )
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run(
        [*mypy, PACKAGE / "forebay", program],
        env=os.environ | {"MYPYPATH": str(PACKAGE)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if "note: Following" not in line]
    assert "Revealed type is" in lines[0] and "list[forebay.client.FeatureValue]" in lines[0]
    assert "program.py:7: error: Dict entry 0 has incompatible type" in lines[1]
    assert lines[2:] == ["Found 1 error in 1 file (checked 5 source files)"], done.stdout
