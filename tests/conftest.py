"""What all tests share: campaigns of many minutes run only with --long."""

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--long", action="store_true", help="run the campaigns that take many minutes, too"
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="a long campaign: runs with --long"))
