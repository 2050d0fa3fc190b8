"""The shared store is opened only if it is not the authorization server's; its keys are written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auth_service.storage import keys as keys_of_authorization_server
from resource_service.auth.dpop.proof_replay_cache import QuotaExceededError
from resource_service.auth.dpop.shared_proofs import SharedProofs
from resource_service.storage import keys
from resource_service.storage.shared_store import ForeignStoreError, SharedStore
from shared.dpop import Proof
from shared.storage import StoreUnavailableError, open_store
from tests.machine import require
from tests.servers import RedisServer, free_port, redis_running

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("EXT-3")]

STORAGE_MD = Path(__file__).parents[3] / "docs" / "reference" / "storage.md"
LIMITED = "~doorward-resource:* +@read +@write +@scripting +@connection"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(tmp_path, "--save", "") as server:
        yield server


async def fill_as_authorization_server(url: str) -> None:
    store = open_store(url)
    await store.create(keys_of_authorization_server.signing_keys(), b"{}", ttl_s=None)
    await store.aclose()


def proofs(store: SharedStore, **changes: object) -> SharedProofs:
    return SharedProofs(**{"store": store, "server_id": "resource", **changes})  # type: ignore[arg-type]


async def test_the_store_of_the_authorization_server_is_refused_at_the_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/auth.db"
    await fill_as_authorization_server(url)
    with pytest.raises(ForeignStoreError, match="store of the authorization server"):
        async with SharedStore(url).run():
            pass


async def test_on_its_redis_a_user_that_is_limited_to_the_keys_of_this_service_is_accepted(
    redis: RedisServer,
) -> None:
    await fill_as_authorization_server(f"{redis.url}/0")
    with pytest.raises(ForeignStoreError):
        async with SharedStore(f"{redis.url}/0").run():
            pass
    redis.command("ACL", "SETUSER", "resource", "on", ">pw", *LIMITED.split())
    store = SharedStore(f"redis://resource:pw@127.0.0.1:{redis.port}/0")
    async with store.run():
        spent = proofs(store)
        assert [await spent.spend(Proof("key", "1"), "owner") for _ in range(2)] == [True, False]


async def test_the_start_does_not_wait_for_a_store_that_does_not_respond() -> None:
    store = SharedStore(f"redis://127.0.0.1:{free_port()}")
    async with store.run():
        with pytest.raises(StoreUnavailableError):
            await proofs(store).spend(Proof("key", "1"), "owner")


async def test_an_owner_cannot_fill_the_store_and_a_replay_does_not_count(tmp_path: Path) -> None:
    store = SharedStore(f"sqlite:///{tmp_path}/shared.db")
    async with store.run():
        spent = proofs(store, max_of_owner=2)
        first = Proof("key", "1")
        assert [await spent.spend(first, "greedy") for _ in range(2)] == [True, False]
        assert await spent.spend(Proof("key", "2"), "greedy")
        with pytest.raises(QuotaExceededError):
            await spent.spend(Proof("key", "3"), "greedy")
        assert await spent.spend(Proof("key", "4"), "modest")


def test_the_keys_are_written_down() -> None:
    assert keys.schema_table() in STORAGE_MD.read_text()
    assert LIMITED in STORAGE_MD.read_text()


@pytest.mark.parametrize("text", ["", "a:b", "\ud800", "{slot}", "a" * 10_000])
def test_every_key_is_short_plain_and_of_this_service(text: str) -> None:
    for key in (keys.dpop_proof("id", text, text), keys.dpop_proofs_of("id", text)):
        assert key.startswith("doorward-resource:id:")
        assert key.isascii()
        assert len(key) < 120
    assert keys.dpop_proof("id", "a", "b") != keys.dpop_proof("id", "ab", "")


def test_the_key_that_gives_the_other_store_away_is_one_of_the_authorization_server() -> None:
    assert keys_of_authorization_server.signing_keys() == keys.OF_AUTHORIZATION_SERVER
