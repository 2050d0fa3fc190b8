"""Proofs count once, within the share of what they are counted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.proof_source import SHORT_S, ProofSource
from shared.storage.sqlite import SqliteStore
from tests.auth_service.client_auth.spending import proof_replay_cache

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12")]

NETWORK, CLIENT = ProofSource("192.0.2.1"), ProofSource("client-1", is_client=True)


async def test_each_source_and_lifetime_has_a_share_of_its_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db", clock=lambda: 0.0)
    spent = proof_replay_cache(store, of_network=1, of_client=2)
    try:
        for source, room in ((NETWORK, 1), (CLIENT, 2)):
            for ttl_s in (SHORT_S, SHORT_S + 1):
                names = [f"{source.name} {ttl_s} {number}" for number in range(room + 1)]
                for name in names[:room]:
                    assert await spent.use(name, source, ttl_s=ttl_s)
                with pytest.raises(SlowDownError):
                    await spent.use(names[room], source, ttl_s=ttl_s)
    finally:
        await store.aclose()


async def test_a_replay_is_noticed_and_takes_no_room(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db", clock=lambda: 0.0)
    spent = proof_replay_cache(store, of_network=2)
    try:
        assert await spent.use("one", NETWORK, ttl_s=SHORT_S)
        assert not await spent.use("one", NETWORK, ttl_s=SHORT_S)
        assert await spent.use("two", NETWORK, ttl_s=SHORT_S)
    finally:
        await store.aclose()


async def test_the_share_of_short_lived_proofs_is_free_again_sooner(tmp_path: Path) -> None:
    now = 0.0
    store = SqliteStore(tmp_path / "store.db", clock=lambda: now)
    spent = proof_replay_cache(store, of_network=1)

    async def has_room(name: str, ttl_s: int) -> bool:
        try:
            return await spent.use(name, NETWORK, ttl_s=ttl_s)
        except SlowDownError:
            return False

    try:
        assert await has_room("one", SHORT_S - 1)
        assert not await has_room("two", SHORT_S)
        assert await has_room("three", SHORT_S + 1)
        assert not await has_room("four", SHORT_S + 2)
        now += SHORT_S + 1
        assert await has_room("five", SHORT_S)
        assert not await has_room("six", SHORT_S + 1)
    finally:
        await store.aclose()
