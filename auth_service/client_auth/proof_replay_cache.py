"""The DPoP proofs and assertions that were used: each counts once, and a source has so many remembered."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.protocol.proof_source import SHORT_S, ProofSource
from auth_service.rate_limits import Throttle
from shared.storage.interface import Store


@dataclass(frozen=True, slots=True)
class ProofThrottles:
    """The limits of one kind of source.

    Attributes:
        short: of proofs that are remembered for `SHORT_S` at most.
        long: of those that are remembered for longer.
    """

    short: Throttle
    long: Throttle

    def for_lifetime(self, ttl_s: int) -> Throttle:
        """The limit of proofs that are remembered for `ttl_s` seconds."""
        return self.short if ttl_s <= SHORT_S else self.long


class ProofReplayCache:
    """Remembers proofs, within the share of whom they are counted for."""

    def __init__(self, store: Store, *, networks: ProofThrottles, clients: ProofThrottles) -> None:
        self._store = store
        self._networks = networks
        self._clients = clients

    async def was_used(self, key: str) -> bool:
        """Whether the proof with that `key` was used; of concurrent requests, `use` decides."""
        return await self._store.get(key) is not None

    async def use(self, key: str, source: ProofSource, *, ttl_s: int) -> bool:
        """Remember a proof by its `key`; False where it was used before.

        Args:
            ttl_s: how long it could be used again.

        Raises:
            SlowDownError: as many of this source are remembered as may be.
        """
        throttle = (self._clients if source.is_client else self._networks).for_lifetime(ttl_s)
        await throttle.attempt(source.name)
        if await self._store.put_once(key, ttl_s=ttl_s):
            return True
        await throttle.refund(source.name)
        return False
