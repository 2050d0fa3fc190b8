"""Access tokens that are JWTs: what one service writes and the other reads (RFC 9068)."""

from __future__ import annotations

from shared.jwt_claims import ClaimError

TYPE = "at+jwt"
"""The `typ` header (RFC 9068 §2.1)."""


def format_jti(grant_id: str, generation: int) -> str:
    """The `jti` of a token: names grant and generation, so that it is revoked like any other token."""
    return f"{grant_id}.{generation}"


def parse_jti(jti: str) -> tuple[str, int]:
    """The grant id and the generation.

    Raises:
        ClaimError: `jti` was not made by `format_jti`.
    """
    grant_id, _, generation = jti.rpartition(".")
    if not grant_id or not (generation.isascii() and generation.isdigit()):
        raise ClaimError("jti names no grant")
    return grant_id, int(generation)
