"""The `jti` of JWT access tokens, which one service writes and the other reads (RFC 9068)."""

from __future__ import annotations

from shared.jwt_claims import ClaimError

TYPE = "at+jwt"
"""The `typ` header (RFC 9068 §2.1)."""


def format_jti(grant_id: str, generation: int) -> str:
    """Return the `jti` of a token. It names grant and generation, so a JWT can be revoked like any token."""
    return f"{grant_id}.{generation}"


def parse_jti(jti: str) -> tuple[str, int]:
    """Return the grant id and the generation.

    Raises:
        ClaimError: `jti` was not made by `format_jti`.
    """
    grant_id, _, generation = jti.rpartition(".")
    if not grant_id or not (generation.isascii() and generation.isdigit()):
        raise ClaimError("jti does not name a grant")
    return grant_id, int(generation)
