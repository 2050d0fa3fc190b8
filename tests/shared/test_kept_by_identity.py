"""Values derived from an object are remembered for that object alone."""

from __future__ import annotations

import pytest

from shared.kept_by_identity import KeptByIdentity


def test_it_is_derived_once_for_each_object_and_again_for_an_equal_one() -> None:
    derived: list[object] = []
    kept = KeptByIdentity[list[int], list[int]](lambda source: derived.append(source) or [*source, 2])  # type: ignore[func-returns-value]
    one, same = [1], [1]
    assert kept(one) is kept(one)
    assert kept(same) == kept(one)
    assert kept(same) is not kept(one)
    assert len(derived) == 2


def test_objects_that_are_gone_leave_nothing_to_later_ones_at_the_same_address() -> None:
    kept = KeptByIdentity[tuple[int], int](lambda source: source[0], at_most=10)
    assert [kept((number,)) for number in range(1_000)] == list(range(1_000))
    assert len(kept) == 10


def test_a_failure_is_not_remembered() -> None:
    kept = KeptByIdentity[str, int](int)
    with pytest.raises(ValueError, match="invalid literal"):
        kept("none")
    assert len(kept) == 0
