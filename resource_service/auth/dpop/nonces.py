"""Nonces for proofs of possession (RFC 9449 §9): each says when it was made, and none is kept."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared import base64url
from shared.clock import Clock

LIFETIME_S = 300
SKEW_S = 30
"""How far apart the clocks of two processes may be."""


class Nonces:
    """Makes nonces, and knows its own and those of other processes with the same secret.

    A proof that was used before this process started cannot be known as used. So no nonce from before counts:
    the client is asked to try again with one of now.

    Args:
        secret: what the tags are made with is derived from it.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._key = HKDF(SHA256(), 32, salt=None, info=b"doorward dpop nonces").derive(secret.encode())
        self._clock = clock
        self._started_ms = self._now_ms()

    def fresh(self) -> str:
        """A nonce of now."""
        made_ms = str(self._now_ms())
        return f"{made_ms}.{self._tag(made_ms)}"

    def is_good(self, nonce: object) -> bool:
        """Whether `nonce` was made with this secret, since the start, and not long ago."""
        made_ms, _, tag = nonce.partition(".") if isinstance(nonce, str) else ("", "", "")
        if not hmac.compare_digest(self._tag(made_ms).encode(), tag.encode("utf-8", "surrogatepass")):
            return False
        age_ms = self._now_ms() - int(made_ms)
        return int(made_ms) >= self._started_ms and -SKEW_S * 1_000 <= age_ms <= LIFETIME_S * 1_000

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)

    def _tag(self, text: str) -> str:
        tag = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64url.encode(tag)
