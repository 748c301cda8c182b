"""The definitions that variants of the worker run with."""

import dataclasses

from bench import variants
from tests.system.project import ROOT

TEXT = (ROOT / "bench" / "transactions" / "features" / "user_activity.yaml").read_text()


def lines_that_differ(variant):
    written = variant.definitions(TEXT, "some-topic").splitlines()
    before = TEXT.splitlines()
    return (
        [line.strip() for line in before if line not in written],
        [line.strip() for line in written if line not in before],
    )


def test_with_all_defaults_only_the_topic_differs():
    assert lines_that_differ(variants.DEFAULTS) == (
        ["topic: transactions"],
        ["topic: some-topic"],
    )


def test_only_the_fields_that_features_need_are_declared():
    gone, _ = lines_that_differ(dataclasses.replace(variants.DEFAULTS, all_fields=False))
    assert gone[1:] == [
        "transaction_id: string",
        "merchant_id: string",
        "currency: string",
        "channel: string",
        "mcc: int64",
        "device_id: string",
        "latitude: double",
        "longitude: double",
    ]


def test_outputs_and_emission_are_options_of_the_view():
    _, added = lines_that_differ(variants.EMIT)
    assert added[1:] == ["emit: {every: 1s}"]
    _, added = lines_that_differ(variants.UPDATES)
    assert added[1:] == ["history: off", "updates: {every: change, format: protobuf}"]
    _, added = lines_that_differ(variants.STATE_PROTOBUF)
    assert added[1:] == [
        "format: protobuf",
        "proto: transaction.proto",
        "history: off",
        "updates: off",
    ]


def test_a_topic_of_another_key_has_that_column():
    gone, added = lines_that_differ(variants.STATE_REPARTITIONED)
    assert "key: [user_id]" in gone and "merchant_id: string" not in gone
    assert added[1:] == ["key: [merchant_id]", "history: off", "updates: off"]


def test_variants_have_names_of_their_own():
    names = [variant.name for variant in variants.ALL]
    assert len(set(names)) == len(names)
