"""When a credential is used, refreshed and over; and what is a usable token response."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.connected_account import (
    LONGEST_S,
    CredentialFacts,
    UnusableTokenResponseError,
    Use,
    tokens_of,
)

pytestmark = pytest.mark.requirement("GW-1")

NOW = 1_000_000
UNUSABLE: tuple[object, ...] = (None, 0, -1, True, 1.5, "soon", "9" * 50, [])


@pytest.mark.parametrize(
    ("changes", "rejected", "use"),
    [
        ({}, None, Use.VALID),
        ({"expires_at": None}, None, Use.VALID),
        ({"expires_at": NOW + 61}, None, Use.VALID),
        ({"expires_at": NOW + 60}, None, Use.DUE),
        ({"expires_at": NOW + 60, "refreshable": False}, None, Use.VALID),
        # A short lifetime: not before half of it.
        ({"replaced_at": NOW - 10, "expires_at": NOW + 20}, None, Use.VALID),
        ({"replaced_at": NOW - 20, "expires_at": NOW + 10}, None, Use.DUE),
        ({"expires_at": NOW}, None, Use.EXPIRED),
        ({"expires_at": NOW, "refreshable": False}, None, Use.ENDED),
        ({}, "v", Use.EXPIRED),
        ({}, "an earlier one", Use.VALID),
        ({"refreshable": False}, "v", Use.ENDED),
        ({"replaced_at": NOW - 59}, "v", Use.VALID),
        ({"replaced_at": NOW - 59, "refreshable": False}, "v", Use.VALID),
    ],
)
def test_what_is_done_with_a_credential(changes: dict[str, Any], rejected: str | None, use: Use) -> None:
    usual = {"version": "v", "replaced_at": NOW - 1_000, "expires_at": NOW + 1_000, "refreshable": True}
    assert CredentialFacts(**{**usual, **changes}).use(NOW, rejected) is use


@pytest.mark.parametrize(
    ("expires_in", "expires_at"),
    [
        (3_600, NOW + 3_600),
        ("3600", NOW + 3_600),
        (1, NOW + 10),
        (10**10, NOW + LONGEST_S),
        *((nothing, None) for nothing in UNUSABLE),
    ],
)
def test_the_lifetime_of_a_token_is_bounded(expires_in: object, expires_at: int | None) -> None:
    assert tokens_of({"access_token": "a", "expires_in": expires_in}, NOW).expires_at == expires_at


def test_a_refresh_token_stays_until_another_replaces_it() -> None:
    assert tokens_of({"access_token": "a"}, NOW, "r").refresh_token == "r"
    assert tokens_of({"access_token": "a", "refresh_token": "s"}, NOW, "r").refresh_token == "s"
    assert tokens_of({"access_token": "a", "token_type": "user"}, NOW).refresh_token is None


@pytest.mark.parametrize(
    "members",
    [
        {},
        *[{"access_token": token} for token in ("", 7, None, "a b", "a\r\nX: y", "ä", "x" * 20_000)],
        {"access_token": "a", "refresh_token": "\n"},
        {"access_token": "a", "token_type": "DPoP"},
    ],
)
def test_a_response_without_a_usable_token_is_refused_without_naming_it(members: dict[str, Any]) -> None:
    with pytest.raises(UnusableTokenResponseError) as caught:
        tokens_of(members, NOW)
    assert "X: y" not in str(caught.value)
