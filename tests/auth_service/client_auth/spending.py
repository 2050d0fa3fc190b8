"""Replay caches with a given limit."""

from __future__ import annotations

from auth_service.client_auth.proof_replay_cache import ProofReplayCache, ProofThrottles
from auth_service.protocol.proof_source import LONG_S, SHORT_S
from auth_service.protocol.rate_limit import Limit
from auth_service.rate_limits import Throttle
from shared.storage import Store


def proof_replay_cache(store: Store, of_network: int = 1_000, of_client: int = 1_000) -> ProofReplayCache:
    """Return a cache with these limits per network and per client, for each lifetime."""

    def throttles(kind: str, attempts: int) -> ProofThrottles:
        return ProofThrottles(
            Throttle(store, kind, Limit(attempts, SHORT_S)),
            Throttle(store, f"long-{kind}", Limit(attempts, LONG_S)),
        )

    return ProofReplayCache(
        store, networks=throttles("network", of_network), clients=throttles("client", of_client)
    )
