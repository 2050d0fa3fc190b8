"""How the tests are shared out between the processes of a parallel run."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from tests.distribution import group, leave_out_other_stores, order


class FakeItem:
    """As much of a test as the distribution looks at."""

    def __init__(self, nodeid: str, *markers: pytest.MarkDecorator) -> None:
        self.nodeid = nodeid
        self._markers = [marker.mark for marker in markers]

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((marker for marker in self._markers if marker.name == name), None)

    def add_marker(self, marker: pytest.MarkDecorator) -> None:
        self._markers.append(marker.mark)


def shared_out(items: Iterable[FakeItem]) -> list[tuple[str, object]]:
    """Each test with its group, in the order in which they are given out."""
    tests = list(items)
    random.shuffle(tests)
    group(tests)  # type: ignore[arg-type]
    order(tests)  # type: ignore[arg-type]
    markers = [(item.nodeid, item.get_closest_marker("xdist_group")) for item in tests]
    return [(nodeid, marker.args[0] if marker else None) for nodeid, marker in markers]


def test_a_module_stays_together_and_what_is_grouped_by_hand_and_then_the_largest_come_first() -> None:
    load = pytest.mark.xdist_group("load")
    small = [FakeItem("tests/small.py::test_it")]
    large = [FakeItem(f"tests/large.py::test_it[{number}]") for number in range(3)]
    by_hand = [FakeItem("tests/one.py::test_it", load), FakeItem("tests/two.py::test_it", load)]
    groups = [name for _, name in shared_out([*small, *large, *by_hand])]
    assert groups == ["load"] * 2 + ["tests/large.py"] * 3 + ["tests/small.py"]


def test_a_module_with_a_long_test_comes_before_the_large_ones_and_stays_together() -> None:
    long = [FakeItem("tests/long.py::test_it", pytest.mark.long), FakeItem("tests/long.py::test_else")]
    large = [FakeItem(f"tests/large.py::test_it[{number}]") for number in range(3)]
    groups = [name for _, name in shared_out([*large, *long])]
    assert groups == ["tests/long.py"] * 2 + ["tests/large.py"] * 3


def test_a_group_by_hand_comes_before_a_larger_module_with_long_tests() -> None:
    by_hand = [FakeItem("tests/one.py::test_it", pytest.mark.xdist_group("load"))]
    long = [FakeItem(f"tests/long.py::test_it[{number}]", pytest.mark.long) for number in range(3)]
    groups = [name for _, name in shared_out([*long, *by_hand])]
    assert groups == ["load"] + ["tests/long.py"] * 3


def test_two_groups_of_one_size_do_not_mix() -> None:
    items = [FakeItem(f"tests/{name}.py::test_{number}") for name in "ab" for number in range(5)]
    groups = [name for _, name in shared_out(items)]
    assert groups == ["tests/a.py"] * 5 + ["tests/b.py"] * 5


class FakeCallSpec:
    """The parameters of a test."""

    def __init__(self, store: str) -> None:
        self.params = {"backend": store}


def on_stores(function: str, *stores: str) -> list[FakeItem]:
    items = [FakeItem(f"{function}[{store}]") for store in stores]
    for item, store in zip(items, stores, strict=True):
        item.callspec = FakeCallSpec(store)  # type: ignore[attr-defined]
    return items


def left(items: list[FakeItem]) -> list[str]:
    """The tests that a quick run leaves in."""
    leave_out_other_stores(items)  # type: ignore[arg-type]
    return [item.nodeid for item in items if item.get_closest_marker("skip") is None]


def test_a_quick_run_uses_each_store_for_about_half_of_the_tests() -> None:
    functions = [f"tests/some.py::test_{number}" for number in range(100)]
    tests = left([item for function in functions for item in on_stores(function, "sqlite", "redis")])
    assert [test.partition("[")[0] for test in tests] == functions
    assert 35 < sum(test.endswith("[redis]") for test in tests) < 65


def test_a_quick_run_uses_the_only_store_of_a_test_and_every_store_for_the_tests_of_stores() -> None:
    for store in ("sqlite", "redis"):
        assert len(left(on_stores("tests/some.py::test_it", store))) == 1
    assert len(left(on_stores("tests/storage/some.py::test_it", "sqlite", "redis"))) == 2
    assert left([FakeItem("tests/some.py::test_without_a_store")])
