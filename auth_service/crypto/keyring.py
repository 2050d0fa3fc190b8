"""Keys derived from the master keys, one for each purpose (RFC 5869), and sealing under them."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth_service.settings import MasterKey
from shared import base64url

_NONCE_BYTES = 12


class SealBrokenError(Exception):
    """The sealed bytes cannot be opened with any configured master key."""


class KeyRing:
    """The master keys, newest first: the first key signs and seals, all of them verify and open."""

    def __init__(self, master_keys: Iterable[MasterKey]) -> None:
        self._masters = {key.key_id: _decoded(key) for key in master_keys}
        self.current_id = next(iter(self._masters))

    def derived(self, purpose: str) -> dict[int, bytes]:
        """Derive a 256-bit key for `purpose` from each master key, by key id."""
        return {
            key_id: HKDF(SHA256(), 32, salt=None, info=f"doorward {purpose}".encode()).derive(master)
            for key_id, master in self._masters.items()
        }

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Encrypt with AES-256-GCM; the key id comes first and is authenticated too."""
        key_id, nonce = bytes([self.current_id]), os.urandom(_NONCE_BYTES)
        key = self.derived(purpose)[self.current_id]
        return key_id + nonce + AESGCM(key).encrypt(nonce, plain, key_id)

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """Decrypt the output of `seal`.

        Raises:
            SealBrokenError: the bytes were sealed under an unknown key or for another purpose, or changed.
        """
        key = self.derived(purpose).get(sealed[0]) if sealed else None
        if key is None:
            raise SealBrokenError("sealed under a master key that is not configured")
        nonce, encrypted = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, encrypted, sealed[:1])
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError("not sealed under this master key, or changed since") from error

    def is_newest(self, sealed: bytes) -> bool:
        """Check whether `sealed`, which `open` has verified, was sealed under the newest master key."""
        return sealed_by(sealed) == self.current_id


def sealed_by(sealed: bytes) -> int:
    """Return the id of the master key that `sealed` was sealed under."""
    return sealed[0]


class Tagger:
    """Computes short authentication tags over text, for one purpose."""

    def __init__(self, keys: KeyRing, purpose: str) -> None:
        self._keys = keys.derived(purpose)
        self._current_id = keys.current_id

    def tag(self, text: str) -> str:
        """Return a base64url tag that only an owner of the master key can compute."""
        return self._tag(self._keys[self._current_id], text)

    def is_tag(self, text: str, tag: str) -> bool:
        """Check in constant time whether `tag` is a valid tag for `text`."""
        encoded = tag.encode("utf-8", "surrogatepass")
        return any(hmac.compare_digest(self._tag(key, text).encode(), encoded) for key in self._keys.values())

    @staticmethod
    def _tag(key: bytes, text: str) -> str:
        return base64url.encode(hmac.digest(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256))


def _decoded(key: MasterKey) -> bytes:
    return base64url.decode(key.key.get_secret_value())
