"""Detect replayed proofs in all processes that share a store."""

from __future__ import annotations

from dataclasses import dataclass

from resource_service.auth.dpop.nonces import SKEW_S
from resource_service.auth.dpop.proof_replay_cache import QuotaExceededError
from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore
from shared.dpop import REMEMBER_S, Proof

MAX_PROOFS_OF_OWNER = 25_000

LIFETIME_S = REMEMBER_S + SKEW_S
"""Longer than one process would accept the proof: the clock of another may be behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedProofs:
    """Remembers each proof in the store until it would be rejected as too old.

    Attributes:
        server_id: the id of this service; another service with another id may share the store.
        max_of_owner: the maximum for one owner, so that nobody can fill the store.
    """

    store: SharedStore
    server_id: str
    max_of_owner: int = MAX_PROOFS_OF_OWNER

    async def spend(self, proof: Proof, owner: str) -> bool:
        """Record `proof`, and return whether this is its first use, by any process.

        Raises:
            QuotaExceededError: too many proofs of `owner` are remembered.
            StoreUnavailableError: it is not known whether the proof was used before.
        """
        store = await self.store.current()
        counter = keys.dpop_proofs_of(self.server_id, owner)
        count = await store.count(counter, ttl_s=LIFETIME_S, limit=self.max_of_owner)
        if not count.admitted:
            raise QuotaExceededError(f"{count.value} of this owner")
        if await store.put_once(keys.dpop_proof(self.server_id, proof.jkt, proof.jti), ttl_s=LIFETIME_S):
            return True
        await store.uncount(counter)
        return False
