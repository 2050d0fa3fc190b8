"""The validation of logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.6)."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.federated_identity import InvalidProviderResponseError
from auth_service.protocol.logout import EVENT
from auth_service.protocol.provider_logout import OLDEST_S, ProviderLogoutEvent, check_logout_token
from tests.auth_service.protocol.providers import ISSUER, provider

pytestmark = pytest.mark.requirement("ID-1")

NOW = 1_800_000_000
GOOD = {"iss": ISSUER, "aud": "me", "iat": NOW, "jti": "j", "sub": "1", "sid": "s", "events": {EVENT: {}}}


def check(**changes: Any) -> ProviderLogoutEvent:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return check_logout_token(claims, provider(), NOW)


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({}, ProviderLogoutEvent(subject="1", session_id="s", jti="j")),
        ({"sid": None}, ProviderLogoutEvent(subject="1", session_id=None, jti="j")),
        ({"sub": None}, ProviderLogoutEvent(subject=None, session_id="s", jti="j")),
        ({"sub": "x" * 255}, ProviderLogoutEvent(subject="x" * 255, session_id="s", jti="j")),
        ({"iat": NOW - 600, "exp": NOW + 60}, ProviderLogoutEvent(subject="1", session_id="s", jti="j")),
        ({"iat": NOW + 30}, ProviderLogoutEvent(subject="1", session_id="s", jti="j")),
    ],
)
def test_a_logout_token_names_the_sessions_that_ended(
    changes: dict[str, Any], event: ProviderLogoutEvent
) -> None:
    assert check(**changes) == event
    assert OLDEST_S == 600


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"iat": None}, "iat"),
        ({"iat": NOW - 601}, "iat is too old"),
        ({"iat": NOW + 31}, "future"),
        ({"exp": NOW - 60}, "expired"),
        ({"events": None}, "events"),
        ({"events": [EVENT]}, "events"),
        ({"events": {EVENT: True}}, "events"),
        ({"events": {"other": {}}}, "events"),
        ({"nonce": "n"}, "nonce"),
        ({"jti": None}, "jti"),
        ({"sub": None, "sid": None}, "neither sub nor sid"),
        ({"sub": 1}, "sub"),
        ({"sub": "x" * 256}, "sub is too long"),
        ({"sid": "x" * 256}, "sid is too long"),
    ],
)
def test_any_other_token_is_refused_and_the_log_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidProviderResponseError, match=reason):
        check(**changes)
