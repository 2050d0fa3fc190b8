"""Detect replayed proofs of possession: used proofs are held in memory until they expire."""

from __future__ import annotations

import hashlib
from collections import Counter

from shared.dpop import REMEMBER_S, Proof

MAX_PROOFS = 100_000
MAX_PROOFS_OF_A_KEY = 25_000


class QuotaExceededError(Exception):
    """The cache is full. Dropping an entry would allow its proof to be reused."""


class ProofReplayCache:
    """Remembers each proof until it would be rejected as too old.

    Args:
        max_proofs: the maximum number of entries.
        max_of_a_key: the maximum for one key, so that its owner cannot fill the cache.
    """

    def __init__(self, *, max_proofs: int = MAX_PROOFS, max_of_a_key: int = MAX_PROOFS_OF_A_KEY) -> None:
        self._max_proofs = max_proofs
        self._max_of_a_key = max_of_a_key
        self._until: dict[bytes, tuple[float, str]] = {}
        self._of_key: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._until)

    def spend(self, proof: Proof, now: float) -> bool:
        """Record `proof`, and return whether this is its first use. Of concurrent equal proofs, one is first.

        Raises:
            QuotaExceededError: too many proofs are remembered.
        """
        self._forget_until(now)
        name = hashlib.sha256(f"{proof.jkt}.{proof.jti}".encode("utf-8", "surrogatepass")).digest()
        if name in self._until:
            return False
        if self._of_key[proof.jkt] >= self._max_of_a_key or len(self._until) >= self._max_proofs:
            raise QuotaExceededError(f"{self._of_key[proof.jkt]} of this key, {len(self._until)} in all")
        self._until[name] = (now + REMEMBER_S, proof.jkt)
        self._of_key[proof.jkt] += 1
        return True

    def _forget_until(self, now: float) -> None:
        # Entries expire in insertion order.
        while self._until:
            name, (until, jkt) = next(iter(self._until.items()))
            if until > now:
                return
            del self._until[name]
            self._of_key[jkt] -= 1
            if not self._of_key[jkt]:
                del self._of_key[jkt]
