"""Stateless nonces for proofs of possession (RFC 9449 §9): each nonce contains its creation time."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared import base64url
from shared.clock import Clock

LIFETIME_S = 300
SKEW_S = 30
"""Tolerated clock difference between two processes."""


class Nonces:
    """Issues nonces, and accepts those of any process with the same secret.

    Without a shared store, this process cannot recognize proofs that were used before it started. Nonces from
    before the start are then invalid, and the client retries with a new one.

    Args:
        secret: the key for the tags is derived from this secret.
        shared: whether a store remembers the proofs that were used before the start.
    """

    def __init__(self, secret: str, clock: Clock, *, shared: bool = False) -> None:
        self._key = HKDF(SHA256(), 32, salt=None, info=b"doorward dpop nonces").derive(secret.encode())
        self._clock = clock
        self._oldest_ms = 0 if shared else self._now_ms()

    def fresh(self) -> str:
        """Return a new nonce."""
        made_ms = str(self._now_ms())
        return f"{made_ms}.{self._tag(made_ms)}"

    def is_good(self, nonce: object) -> bool:
        """Check whether `nonce` was issued with this secret, after the start and within its lifetime."""
        made_ms, _, tag = nonce.partition(".") if isinstance(nonce, str) else ("", "", "")
        if not hmac.compare_digest(self._tag(made_ms).encode(), tag.encode("utf-8", "surrogatepass")):
            return False
        age_ms = self._now_ms() - int(made_ms)
        return int(made_ms) >= self._oldest_ms and -SKEW_S * 1_000 <= age_ms <= LIFETIME_S * 1_000

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)

    def _tag(self, text: str) -> str:
        tag = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64url.encode(tag)
