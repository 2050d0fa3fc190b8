"""The Security Event Tokens that announce revocations from one service to the other.

RFC 8417 for the token, RFC 9493 for its subject, CAEP and SSF for the two kinds of event. Pure: this module
does not sign, verify or wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import jwt_claims
from shared.jwt_claims import ClaimError

TYPE = "secevent+jwt"
"""The `typ` header (RFC 8417 §2.3): it prevents confusion with any other kind of token."""
ALGORITHM = "ES256"

SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
CLAIMS_CHANGED = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
ENDS_AT = "doorward_ends_at"
"""The member of a revocation that was written; receivers ignore members they do not know (RFC 8417 §2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """A revocation, a change of the permissions of tokens, or a verification event (a heartbeat).

    Attributes:
        jti: the id of the event, the same for every receiver.
        occurred_at: seconds since 1970.
        grant_id: the revoked or changed grant, from which others may be derived; None for a verification
            event, and for a change that may affect any grant.
        reason: the cause of the revocation, for the log.
        changed: whether the permissions of tokens may have changed.
        ends_at: when the last token of the grant expires, once its revocation was written; 0 before that, and
            for other events.
    """

    jti: str
    occurred_at: int
    grant_id: str | None = None
    reason: str | None = None
    changed: bool = False
    ends_at: int = 0


def set_claims(event: SecurityEvent, *, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of the token that announces `event` to `audience`; they depend on nothing else."""
    about = audience if event.grant_id is None else event.grant_id
    return {
        "iss": issuer,
        "aud": audience,
        "iat": event.occurred_at,
        "jti": event.jti,
        "sub_id": {"format": "opaque", "id": about},
        "events": _events(event),
    }


def _events(event: SecurityEvent) -> dict[str, Any]:
    if event.changed:
        # CAEP §3.2 requires the new values; the receiver gets them by introspection.
        return {CLAIMS_CHANGED: {"event_timestamp": event.occurred_at, "claims": {}}}
    return {VERIFICATION: {}} if event.grant_id is None else {SESSION_REVOKED: _revocation(event)}


def _revocation(event: SecurityEvent) -> dict[str, Any]:
    reason = {"reason_admin": {"en": event.reason}} if event.reason else {}  # CAEP §2
    ends_at = {ENDS_AT: event.ends_at} if event.ends_at else {}
    return {"event_timestamp": event.occurred_at, **reason, **ends_at}


def read_event(claims: Mapping[str, Any], *, issuer: str, audience: str) -> SecurityEvent:
    """Parse the event in the claims of a verified token.

    Raises:
        ClaimError: the issuer or audience is wrong, or the event is malformed or of an unknown kind. An
            unknown event is an error because it might be a revocation.
    """
    if jwt_claims.text(claims, "iss") != issuer:
        raise ClaimError("iss is not the authorization server")
    jwt_claims.check_audience(claims, (audience,))
    events = _object(claims, "events")
    event_types = [uri for uri in (SESSION_REVOKED, CLAIMS_CHANGED, VERIFICATION) if uri in events]
    if len(events) != 1 or not event_types:
        raise ClaimError("events must contain exactly one known event")
    details = _object(events, event_types[0])
    about = _subject(claims)
    jti, issued_at = jwt_claims.text(claims, "jti"), int(jwt_claims.number(claims, "iat"))
    if event_types[0] == VERIFICATION:
        if about != audience:
            raise ClaimError("sub_id is not the receiver")
        return SecurityEvent(jti=jti, occurred_at=issued_at)
    occurred_at = int(jwt_claims.number(details, "event_timestamp"))
    if event_types[0] == CLAIMS_CHANGED:
        grant_id = None if about == audience else about
        return SecurityEvent(jti=jti, occurred_at=occurred_at, grant_id=grant_id, changed=True)
    ends_at = int(jwt_claims.number(details, ENDS_AT)) if ENDS_AT in details else 0
    return SecurityEvent(
        jti=jti, occurred_at=occurred_at, grant_id=about, reason=_reason(details), ends_at=ends_at
    )


def _subject(claims: Mapping[str, Any]) -> str:
    subject = _object(claims, "sub_id")
    if subject.get("format") != "opaque":  # RFC 9493 §3.2.6
        raise ClaimError("sub_id has an unknown format")
    return jwt_claims.text(subject, "id")


def _reason(details: Mapping[str, Any]) -> str | None:
    if "reason_admin" not in details:
        return None
    reason = _object(details, "reason_admin")
    return jwt_claims.text(reason, "en") if "en" in reason else None


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = members.get(name)
    if not isinstance(value, dict):
        raise ClaimError(f"{name} is not an object")
    return value
