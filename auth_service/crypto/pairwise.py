"""Names that only this server can make, and lead back from: one for each sector and user (OIDC Core §8.1)."""

from __future__ import annotations

import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from auth_service.crypto.keyring import KeyRing
from auth_service.storage import keys as store_keys
from auth_service.storage.interface import Store
from shared import base64url

_PURPOSE = "pseudonyms"
_KEY_BITS = 512


class PairwiseSubjects:
    """Deterministic encryption (RFC 5297) with the sector as associated data.

    Clients keep these names for good, so the key never changes: it is drawn at the first start, and kept in
    the store under the newest master key. Encrypted rather than hashed, so that a name that a client shows
    leads to the user without a table.
    """

    def __init__(self, store: Store, keys: KeyRing) -> None:
        self._store = store
        self._keys = keys
        self._cipher: AESSIV | None = None

    async def prepare(self) -> AESSIV:
        """Read the key or draw it, and seal it under the newest master key.

        Raises:
            SealBrokenError: the master key it was sealed under is not configured.
        """
        name = store_keys.pseudonym_key()
        while True:
            sealed = await self._store.get(name)
            if sealed is None:
                fresh = self._keys.seal(_PURPOSE, AESSIV.generate_key(_KEY_BITS))
                await self._store.create(name, fresh, ttl_s=None)
                continue
            key = self._keys.open(_PURPOSE, sealed)
            if self._keys.is_newest(sealed) or await self._store.replace(
                name, sealed, self._keys.seal(_PURPOSE, key), ttl_s=None
            ):
                self._cipher = AESSIV(key)
                return self._cipher

    async def pairwise_subject(self, name: str, sector: str, kind: str) -> str:
        """What `name` is called in `sector`.

        Args:
            kind: what is named, so that a name of one thing is none of another.
        """
        cipher = self._cipher or await self.prepare()
        encrypted = cipher.encrypt(name.encode(), [kind.encode(), sector.encode()])
        return base64url.encode(encrypted)

    async def local_subject(self, pseudonym: str, sector: str, kind: str) -> str | None:
        """What is called so; None where it was not made here, for this sector and kind."""
        cipher = self._cipher or await self.prepare()
        try:
            encrypted = base64url.decode(pseudonym)
            return cipher.decrypt(encrypted, [kind.encode(), sector.encode()]).decode()
        except (InvalidTag, binascii.Error, ValueError):
            return None
