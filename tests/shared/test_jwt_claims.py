"""The checks of all JWTs of other issuers."""

from __future__ import annotations

from typing import Any

import pytest

from shared.jwt_claims import SKEW_S, ClaimError, check_audience, check_lifetime, number, text

NOW = 1_800_000_000
ISSUER = "https://auth.example"


@pytest.mark.parametrize("value", [None, "", 1, True, ["x"], {"x": "y"}])
def test_text_must_be_text(value: object) -> None:
    with pytest.raises(ClaimError, match="jti is missing"):
        text({"jti": value}, "jti")


@pytest.mark.parametrize("value", [None, "1800000000", True, -1, float("nan"), float("inf"), 2**41, [1]])
def test_a_time_must_be_a_time(value: object) -> None:
    with pytest.raises(ClaimError):
        number({"exp": value}, "exp")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 60},
        {"exp": NOW + 60.5},
        {"exp": NOW - SKEW_S + 1},
        {"exp": NOW + 600 + SKEW_S},
        {"exp": NOW + 60, "nbf": NOW + SKEW_S, "iat": NOW + SKEW_S},
        {"exp": NOW + 60, "nbf": 0, "iat": 0},
    ],
)
def test_a_time_within_bounds_is_accepted(claims: dict[str, Any]) -> None:
    assert check_lifetime(claims, NOW, longest_s=600) == int(claims["exp"])


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, "exp is missing"),
        ({"exp": NOW - SKEW_S}, "expired"),
        ({"exp": NOW + 600 + SKEW_S + 1}, "too long"),
        ({"exp": NOW + 60, "nbf": NOW + SKEW_S + 1}, "not valid yet"),
        ({"exp": NOW + 60, "iat": NOW + SKEW_S + 1}, "in the future"),
        ({"exp": NOW + 60, "nbf": "soon"}, "nbf"),
        ({"exp": NOW + 60, "iat": None}, "iat"),
    ],
)
def test_a_time_out_of_bounds_is_refused(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClaimError, match=reason):
        check_lifetime(claims, NOW, longest_s=600)


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER], ["https://other.example", ISSUER], [1, ISSUER]])
def test_the_server_may_be_one_of_several_audiences(audience: object) -> None:
    check_audience({"aud": audience}, (ISSUER,))


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize(
    "audience", [None, "", [], [None], {"a": ISSUER}, f"{ISSUER}/", f"{ISSUER}.evil.example", [[ISSUER]]]
)
def test_a_token_for_somebody_else_is_refused(audience: object) -> None:
    with pytest.raises(ClaimError, match="aud"):
        check_audience({"aud": audience}, (ISSUER,))
