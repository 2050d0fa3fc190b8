"""Checks values that an export carries encrypted under the master keys."""

from __future__ import annotations

from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.pairwise import opened_key
from auth_service.crypto.totp import SealedSecrets


class SealedValues:
    """Opens encrypted values.

    Args:
        key_ring: None for a command without the master keys, which opens nothing.
    """

    def __init__(self, key_ring: KeyRing | None) -> None:
        self._key_ring = key_ring

    def opens_app(self, subject: str, sealed: str) -> bool:
        """Whether this is the secret of an authenticator app of the account `subject`."""
        return self._key_ring is not None and SealedSecrets(self._key_ring).open(subject, sealed) is not None

    def pairwise_key(self, sealed: str) -> bytes | None:
        """Return the key of pairwise subjects; None if it cannot be opened."""
        return None if self._key_ring is None else opened_key(self._key_ring, sealed)
