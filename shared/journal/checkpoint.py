"""Checkpoints: signed entries of a chain, which also name the heads of the other chains.

An entry before a checkpoint cannot be changed without the key. Entries after the last checkpoint of a chain
are protected as far as another chain, or the other service, has named a later head.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared import base64url
from shared.journal.chain import Head
from shared.journal.event import Event, EventKind, canonical

_CONTEXT = b"doorward journal checkpoint\n"
"""Keeps signatures of checkpoints apart from other uses of a key."""


class CheckpointKey:
    """An Ed25519 key (RFC 8032) that signs checkpoints.

    Args:
        key_id: names the key in checkpoints.
        seed: 32 bytes.
    """

    def __init__(self, key_id: int, seed: bytes) -> None:
        self.key_id = key_id
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> Ed25519PublicKey:
        """The key that verifies its signatures."""
        return self._private.public_key()

    def checkpoint(self, head: Head, heads: Iterable[Head], time_ms: int) -> Event:
        """Return a checkpoint that follows `head`.

        Args:
            heads: the heads of other chains.
            time_ms: milliseconds since 1970.
        """
        members = {"heads": [other.to_json() for other in heads], "key": self.key_id}
        signature = self._private.sign(_signed(head, time_ms, members))
        return Event(
            kind=EventKind.CHECKPOINT,
            time_ms=time_ms,
            members={**members, "signature": base64url.encode(signature)},
        )


def is_signed(entry: Mapping[str, Any], before: Head, keys: Mapping[int, Ed25519PublicKey]) -> bool:
    """Check the signature of a checkpoint.

    Args:
        before: the entry before it.
        keys: by key id.
    """
    members = {"heads": entry.get("heads"), "key": entry.get("key")}
    try:
        if key := keys.get(entry["key"]):
            key.verify(base64url.decode(entry["signature"]), _signed(before, int(entry["time_ms"]), members))
            return True
    except (InvalidSignature, KeyError, TypeError, ValueError, AttributeError):
        pass
    return False


def _signed(head: Head, time_ms: int, members: Mapping[str, Any]) -> bytes:
    return _CONTEXT + canonical({**members, "after": head.to_json(), "time_ms": time_ms})
