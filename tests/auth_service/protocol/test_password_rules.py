"""Neither short nor easily guessed (NIST SP 800-63B §3.1.1)."""

from __future__ import annotations

import pytest

from auth_service.protocol.password_rules import (
    Estimate,
    WeakPasswordError,
    require_length,
    require_strength,
)


@pytest.mark.parametrize("length", [8, 9, 127, 128])
def test_a_password_of_8_to_128_characters_is_accepted(length: int) -> None:
    require_length("x" * length)


@pytest.mark.parametrize("length", [0, 7, 129, 1_000])
def test_a_password_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(WeakPasswordError, match="8 to 128 characters"):
        require_length("x" * length)


@pytest.mark.parametrize("score", [3, 4])
def test_a_password_that_withstands_guessing_is_accepted(score: int) -> None:
    require_strength(Estimate(score=score))


@pytest.mark.parametrize(
    ("warning", "reason"),
    [("", "it is easily guessed. Several"), ("This is common", "it is easily guessed (this is common). ")],
)
@pytest.mark.parametrize("score", [0, 1, 2])
def test_a_password_that_is_easily_guessed_is_refused_with_the_reason(
    score: int, warning: str, reason: str
) -> None:
    with pytest.raises(WeakPasswordError) as raised:
        require_strength(Estimate(score=score, warning=warning))
    assert str(raised.value).startswith(reason)
