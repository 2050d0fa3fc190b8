"""The keys of checkpoints: one for each master key, so they rotate with it."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auth_service.crypto.keyring import KeyRing
from shared.journal.checkpoint import CheckpointKey

_PURPOSE = "journal checkpoints"


def signing_key(key_ring: KeyRing) -> CheckpointKey:
    """Return the key that new checkpoints are signed with."""
    return CheckpointKey(key_ring.current_id, key_ring.derived(_PURPOSE)[key_ring.current_id])


def public_keys(key_ring: KeyRing) -> Mapping[int, Ed25519PublicKey]:
    """Return the keys that verify checkpoints, by the id of the master key."""
    return {key_id: CheckpointKey(key_id, seed).public for key_id, seed in key_ring.derived(_PURPOSE).items()}
