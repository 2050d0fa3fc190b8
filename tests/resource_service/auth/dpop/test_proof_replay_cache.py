"""The replay cache of proofs: contents, lifetime, and limit."""

from __future__ import annotations

import pytest

from resource_service.auth.dpop.proof_replay_cache import ProofReplayCache, QuotaExceededError
from shared.dpop import REMEMBER_S, Proof

pytestmark = pytest.mark.requirement("EXT-3")
NOW = 1_800_000_000.0


def proof(jkt: str, jti: str) -> Proof:
    return Proof(jkt, jti)


def test_a_proof_is_spent_once() -> None:
    spent = ProofReplayCache()
    assert [spent.spend(proof("key", "1"), NOW) for _ in range(3)] == [True, False, False]


def test_the_same_jti_of_another_key_is_another_proof() -> None:
    spent = ProofReplayCache()
    pairs = [("a", "1"), ("b", "1"), ("a", "2"), ("a", "\ud800"), ("a", "1.2")]
    assert all(spent.spend(proof(*pair), NOW) for pair in pairs)


def test_a_proof_is_remembered_until_it_is_too_old_to_be_taken_and_no_longer() -> None:
    spent = ProofReplayCache()
    spent.spend(proof("key", "1"), NOW)
    assert not spent.spend(proof("key", "1"), NOW + REMEMBER_S - 0.001)
    spent.spend(proof("key", "2"), NOW + REMEMBER_S)
    assert len(spent) == 1


def test_a_full_cache_does_not_evict_valid_entries() -> None:
    spent = ProofReplayCache(max_proofs=3)
    for n in range(3):
        spent.spend(proof(f"key {n}", "1"), NOW)
    with pytest.raises(QuotaExceededError):
        spent.spend(proof("key 3", "1"), NOW)
    assert not spent.spend(proof("key 0", "1"), NOW), "what is known is still known"
    assert spent.spend(proof("key 3", "1"), NOW + REMEMBER_S)


def test_the_owner_of_one_key_cannot_take_up_all_the_room() -> None:
    spent = ProofReplayCache(max_proofs=100, max_of_a_key=2)
    spent.spend(proof("greedy", "1"), NOW)
    spent.spend(proof("greedy", "2"), NOW)
    with pytest.raises(QuotaExceededError):
        spent.spend(proof("greedy", "3"), NOW)
    assert spent.spend(proof("modest", "1"), NOW)
    assert spent.spend(proof("greedy", "3"), NOW + REMEMBER_S), "room comes back as proofs get old"
