"""Which tests one process of a parallel run takes together, and in which order these are given out."""

from __future__ import annotations

from collections import Counter

import pytest


def group(items: list[pytest.Item]) -> None:
    """Keep the tests of a module together, unless `xdist_group` says more: they share servers."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_module(item)))


def order(items: list[pytest.Item]) -> None:
    """Give out first what was grouped by hand, then the largest modules.

    The former start whole deployments and take longest. What is given out last has to be short: the other
    processes have nothing to do until it ends.
    """
    sizes = Counter(map(_group, items))
    items.sort(key=lambda item: (_group(item) == _module(item), -sizes[_group(item)], _group(item)))


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker else _module(item)
