"""Reversible pseudonyms that only this server can compute, per sector and user (OIDC Core §8.1)."""

from __future__ import annotations

import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.storage import keys as store_keys
from shared import base64url
from shared.storage.interface import Store

_PURPOSE = "pseudonyms"
_KEY_BITS = 512


def opened_key(key_ring: KeyRing, sealed: str) -> bytes | None:
    """Return the decrypted key of an installation; None if it cannot be decrypted."""
    try:
        key = key_ring.open(_PURPOSE, base64url.decode(sealed))
    except (SealBrokenError, binascii.Error, ValueError):
        return None
    return key if len(key) * 8 == _KEY_BITS else None


class PairwiseSubjects:
    """Pairwise subject identifiers: deterministic encryption (RFC 5297), the sector as associated data.

    Clients store these names permanently, so the key never changes: it is generated at the first start and
    stored sealed under the newest master key. Names are encrypted rather than hashed, so that a name that a
    client presents leads to the user without a table.
    """

    def __init__(self, store: Store, keys: KeyRing) -> None:
        self._store = store
        self._keys = keys
        self._cipher: AESSIV | None = None

    async def prepare(self) -> AESSIV:
        """Read or generate the key, and seal it under the newest master key.

        Raises:
            SealBrokenError: the master key that sealed it is not configured.
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

    async def sealed_key(self) -> str | None:
        """Return the encrypted key as text, to store it elsewhere; None before the first start."""
        sealed = await self._store.get(store_keys.pseudonym_key())
        return None if sealed is None else base64url.encode(sealed)

    async def restore_key(self, sealed: str, *, before: str | None) -> bool:
        """Replace the key; processes that have read the previous one use it until their next start.

        Args:
            before: what `sealed_key` returned.

        Returns:
            whether the key was still that.
        """
        name, new = store_keys.pseudonym_key(), base64url.decode(sealed)
        self._cipher = None
        if before is None:
            return await self._store.create(name, new, ttl_s=None)
        return await self._store.replace(name, base64url.decode(before), new, ttl_s=None)

    async def pairwise_subject(self, name: str, sector: str, kind: str) -> str:
        """Return the pseudonym of `name` in `sector`.

        Args:
            kind: the kind of thing named; the same name has different pseudonyms for different kinds.
        """
        cipher = self._cipher or await self.prepare()
        encrypted = cipher.encrypt(name.encode(), [kind.encode(), sector.encode()])
        return base64url.encode(encrypted)

    async def local_subject(self, pseudonym: str, sector: str, kind: str) -> str | None:
        """Return the name behind `pseudonym`; None unless this server issued it for this sector and kind."""
        cipher = self._cipher or await self.prepare()
        try:
            encrypted = base64url.decode(pseudonym)
            return cipher.decrypt(encrypted, [kind.encode(), sector.encode()]).decode()
        except (InvalidTag, binascii.Error, ValueError):
            return None
