"""Signing keys at rest: under the newest master key once the server has started with it, on both stores."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from auth_service.crypto.keyring import SealBrokenError, sealed_by
from auth_service.crypto.pairwise import PairwiseSubjects
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.protocol.key_rotation import Schedule
from auth_service.storage import keys
from shared.clock import system_clock
from shared.jose import parse
from shared.storage.interface import Store
from tests.auth_service.crypto.key_rings import ring
from tests.auth_service.service import MASTER_KEY, running
from tests.cli.command import doorward

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-17")]

NEWER = "A" * 42 + "E"


def signing_keys(store: Store, *key_ids: int) -> SigningKeys:
    """As a server with these master keys has them, the newest first."""
    return SigningKeys(store, ring(*key_ids), Schedule(86_400, 600, 86_400), system_clock)


async def seal_of(store: Store) -> int:
    sealed = await store.get(keys.signing_keys())
    assert sealed
    return sealed_by(sealed)


async def test_the_old_master_key_can_be_dropped_after_a_start_with_the_new_one(store: Store) -> None:
    before = signing_keys(store, 1)
    await before.prepare()
    token = await before.sign({"sub": "x"})
    await signing_keys(store, 2, 1).prepare()
    assert await seal_of(store) == 2
    after = signing_keys(store, 2)
    await after.prepare()
    assert await after.verify_own_jws(parse(token), "jwt") == {"sub": "x"}
    assert await after.jwks() == await before.jwks()


async def test_a_start_with_the_same_master_key_writes_nothing(store: Store) -> None:
    await signing_keys(store, 1).prepare()
    sealed = await store.get(keys.signing_keys())
    await signing_keys(store, 1).prepare()
    assert await store.get(keys.signing_keys()) == sealed


async def test_reading_the_keys_leaves_the_seal_to_the_start(store: Store) -> None:
    await signing_keys(store, 1).prepare()
    await signing_keys(store, 2, 1).jwks()
    assert await seal_of(store) == 1


async def test_processes_that_start_together_keep_the_same_keys(store: Store) -> None:
    await signing_keys(store, 1).prepare()
    before = await signing_keys(store, 1).jwks()
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(signing_keys(store, 2, 1).prepare)
            tasks.start_soon(signing_keys(store, 2, 1).rotate)
    assert await seal_of(store) == 2
    published = (await signing_keys(store, 2).jwks())["keys"]
    assert all(key in published for key in before["keys"])


async def test_without_its_master_key_a_server_makes_no_new_keys(store: Store) -> None:
    await signing_keys(store, 1).prepare()
    with pytest.raises(SealBrokenError):
        await signing_keys(store, 2).prepare()
    assert await seal_of(store) == 1


@pytest.mark.requirement("OP-2")
async def test_the_command_says_whether_an_older_master_key_is_needed(store_url: str, tmp_path: Path) -> None:
    both = f"2:{NEWER},1:{MASTER_KEY}"

    def listed(master_keys: str) -> str:
        settings = {"DOORWARD_STORE": store_url, "DOORWARD_MASTER_KEYS": master_keys}
        done = doorward("keys", "list", cwd=tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        return done.stderr

    with running(store_url):
        assert "encrypted under the newest master key, 1" in listed(f"1:{MASTER_KEY}")
    older = listed(both)
    assert "signing keys are encrypted under master key 1, not the newest, 2" in older
    assert "pairwise subjects are encrypted under master key 1" in older
    with running(store_url, master_keys=both):
        assert "encrypted under the newest master key, 2" in listed(both)
    assert "encrypted under the newest master key, 2" in listed(f"2:{NEWER}")


async def test_both_kinds_of_sealed_documents_are_sealed_again_at_the_start(
    store: Store, store_url: str
) -> None:
    with running(store_url):
        pass
    with running(store_url, master_keys=f"2:{NEWER},1:{MASTER_KEY}"):
        pass
    for name in (keys.signing_keys(), keys.pseudonym_key()):
        sealed = await store.get(name)
        assert sealed
        assert sealed_by(sealed) == 2
    with pytest.raises(SealBrokenError):
        await PairwiseSubjects(store, ring(1)).prepare()
