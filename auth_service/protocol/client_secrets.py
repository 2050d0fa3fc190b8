"""The rotation of client secrets: the previous one works beside the new one for a while."""

from __future__ import annotations

from dataclasses import replace

from auth_service.protocol.client import Client

OVERLAP_S = 7 * 86_400
"""How long the previous secret works after a rotation, so that clients switch without an outage."""


def rotated(client: Client, secret_hash: str, now: int) -> Client | None:
    """Return the client with a new secret; None if it has no secret, or already has this one.

    A secret from before the previous one stops working at once.
    """
    if not client.has_secret or client.secret_hash == secret_hash:
        return None
    return replace(
        client,
        secret_hash=secret_hash,
        previous_secret_hash=client.secret_hash,
        previous_secret_until=now + OVERLAP_S,
    )


def accepted_hashes(client: Client, now: float) -> tuple[str | None, ...]:
    """Return the SHA-256 of every secret with which the client may authenticate."""
    if client.previous_secret_hash is None or now >= client.previous_secret_until:
        return (client.secret_hash,)
    return (client.secret_hash, client.previous_secret_hash)
