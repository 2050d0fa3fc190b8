"""The scopes that a response requires (RFC 6750 §3.1). Pure."""

from __future__ import annotations

from shared.challenges import bearer_challenge
from shared.cli.doctor.exchange import Answer


def wanted_scopes(answer: Answer) -> tuple[str, ...]:
    """Return the scopes that a 403 requires (RFC 6750 §3.1); none if it is not about scopes."""
    challenge = bearer_challenge(answer.header("www-authenticate")) if answer.status == 403 else None
    if challenge is None or challenge.parameters.get("error") != "insufficient_scope":
        return ()
    return tuple(challenge.parameters.get("scope", "").split())
