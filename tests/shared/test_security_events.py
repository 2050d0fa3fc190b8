"""Security Event Tokens: what is written is read, and nothing else is (RFC 8417, RFC 9493)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.jwt_claims import ClaimError
from shared.security_events import SESSION_REVOKED, VERIFICATION, SecurityEvent, read_event, set_claims

pytestmark = pytest.mark.requirement("AS-16")

ISSUER, AUDIENCE = "https://auth.example", "resource"
REVOCATION = SecurityEvent(
    jti="jti-1", occurred_at=1_800_000_000, grant_id="grant-1", reason="the user logged out"
)
HEARTBEAT = SecurityEvent(jti="jti-2", occurred_at=1_800_000_001)
CHANGE = SecurityEvent(jti="jti-3", occurred_at=1_800_000_002, grant_id="grant-1", changed=True)
CHANGE_OF_ALL = replace(CHANGE, grant_id=None)


def claims_of(event: SecurityEvent, **changes: Any) -> dict[str, Any]:
    return {**set_claims(event, issuer=ISSUER, audience=AUDIENCE), **changes}


def read(claims: dict[str, Any]) -> SecurityEvent:
    return read_event(claims, issuer=ISSUER, audience=AUDIENCE)


def test_a_revocation_is_written_as_specified() -> None:
    assert claims_of(REVOCATION) == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": 1_800_000_000,
        "jti": "jti-1",
        "sub_id": {"format": "opaque", "id": "grant-1"},
        "events": {
            SESSION_REVOKED: {
                "event_timestamp": 1_800_000_000,
                "reason_admin": {"en": "the user logged out"},
            }
        },
    }


def test_a_verification_event_is_about_its_receiver() -> None:
    claims = claims_of(HEARTBEAT)
    assert claims["sub_id"] == {"format": "opaque", "id": AUDIENCE}
    assert claims["events"] == {VERIFICATION: {}}


@pytest.mark.parametrize(
    "event",
    [
        REVOCATION,
        HEARTBEAT,
        CHANGE,
        CHANGE_OF_ALL,
        replace(REVOCATION, reason=None),
        replace(REVOCATION, ends_at=1_800_000_900),
    ],
)
def test_what_is_written_is_read(event: SecurityEvent) -> None:
    assert read(claims_of(event)) == event


def test_one_of_several_audiences_and_of_several_languages_is_enough() -> None:
    details = {"event_timestamp": 1, "reason_admin": {"de": "abgemeldet"}}
    claims = claims_of(REVOCATION, aud=["another", AUDIENCE], events={SESSION_REVOKED: details})
    assert read(claims) == SecurityEvent(jti="jti-1", occurred_at=1, grant_id="grant-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": []},
        {"aud": None},
        {"iat": None},
        {"iat": "1800000000"},
        {"iat": True},
        {"jti": None},
        {"jti": ""},
        {"jti": 1},
        {"sub_id": None},
        {"sub_id": "grant-1"},
        {"sub_id": {"format": "opaque"}},
        {"sub_id": {"format": "opaque", "id": ""}},
        {"sub_id": {"format": "opaque", "id": ["grant-1"]}},
        {"sub_id": {"format": "iss_sub", "id": "grant-1"}},
        {"events": None},
        {"events": []},
        {"events": {}},
        {"events": {"https://example.com/unknown": {}}},
        {"events": {SESSION_REVOKED: {"event_timestamp": 1}, VERIFICATION: {}}},
        {"events": {SESSION_REVOKED: None}},
        {"events": {SESSION_REVOKED: {}}},
        {"events": {SESSION_REVOKED: {"event_timestamp": "1"}}},
        {"events": {SESSION_REVOKED: {"event_timestamp": 1, "reason_admin": "logged out"}}},
        {"events": {SESSION_REVOKED: {"event_timestamp": 1, "reason_admin": {"en": 1}}}},
        {"events": {VERIFICATION: {}}},
    ],
)
def test_nothing_else_is_read(changes: dict[str, Any]) -> None:
    with pytest.raises(ClaimError):
        read(claims_of(REVOCATION, **changes))
