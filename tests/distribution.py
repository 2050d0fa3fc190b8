"""Which tests one process of a parallel run takes together, and in which order these are given out."""

from __future__ import annotations

from collections import Counter, defaultdict
from zlib import crc32

import pytest

from tests.machine import LEFT_OUT


def group(items: list[pytest.Item]) -> None:
    """Keep the tests of a module together, unless `xdist_group` says more: they share servers."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_module(item)))


def order(items: list[pytest.Item]) -> None:
    """Give out first what was grouped by hand, then what is marked as long, then the largest modules.

    Groups by hand start whole deployments, browsers and containers, and take longest. What is given out last
    has to be short: the other processes have nothing to do until it ends.
    """
    sizes = Counter(map(_group, items))
    by_hand = {_group(item) for item in items if _group(item) != _module(item)}
    long = {_group(item) for item in items if _is_long(item)}

    def key(item: pytest.Item) -> tuple[bool, bool, int, str]:
        group = _group(item)
        return group not in by_hand, group not in long, -sizes[group], group

    items.sort(key=key)


def number_of_processes(cores: int) -> int:
    """Six more than there are cores: many tests wait for a process, a browser, or time to pass.

    A process waits for about three fifths of its time: for servers that start and end, and for what a
    requirement gives seconds to. `tests.servers` has ports for two cores; more processes share them.
    """
    return cores + 6


def leave_out_long(items: list[pytest.Item]) -> None:
    """Skip the tests that are marked as long."""
    for item in filter(_is_long, items):
        item.add_marker(pytest.mark.skip(reason=f"{LEFT_OUT}long"))


def leave_out_other_stores(items: list[pytest.Item]) -> None:
    """Skip each test on one of the two stores on which it would run, about half of them on either.

    The tests of the stores themselves run on all of them.
    """
    stores: dict[str, set[str]] = defaultdict(set)
    for item in items:
        stores[_function(item)].add(_store(item))
    for item in items:
        function = _function(item)
        chosen = _STORES[crc32(function.encode()) % len(_STORES)]
        if stores[function] >= set(_STORES) and _store(item) != chosen:
            item.add_marker(pytest.mark.skip(reason=f"{LEFT_OUT}the other store"))


_STORES = ("sqlite", "redis")
_STORE_FIXTURES = ("backend", "store_url")


def _store(item: pytest.Item) -> str:
    """The store on which a test runs; empty where it has none, or is a test of the stores."""
    if item.nodeid.startswith("tests/storage/"):
        return ""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return next((str(parameters[name]) for name in _STORE_FIXTURES if name in parameters), "")


def _function(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _is_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("long") is not None


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker else _module(item)
