"""Pairwise subjects: the same within a sector, useless to another, and permanent, on both stores."""

from __future__ import annotations

import base64

import anyio
import pytest

from auth_service.crypto.keyring import SealBrokenError
from auth_service.crypto.pairwise import PairwiseSubjects
from auth_service.storage import keys
from shared.storage.interface import Store
from tests.auth_service.crypto.key_rings import ring

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-17")]

NAME = "Zm9vYmFyYmF6cXV4MTIzNA"


@pytest.fixture
def pseudonyms(store: Store) -> PairwiseSubjects:
    return PairwiseSubjects(store, ring(1))


async def test_one_leads_back_in_its_own_sector_alone(pseudonyms: PairwiseSubjects) -> None:
    one = await pseudonyms.pairwise_subject(NAME, "client.example", "subject")
    assert one == await pseudonyms.pairwise_subject(NAME, "client.example", "subject")
    assert await pseudonyms.local_subject(one, "client.example", "subject") == NAME
    assert await pseudonyms.local_subject(one, "other.example", "subject") is None
    assert await pseudonyms.local_subject(one, "client.example", "session") is None


async def test_two_sectors_kinds_or_names_never_have_one_in_common(pseudonyms: PairwiseSubjects) -> None:
    subjects = [
        await pseudonyms.pairwise_subject(name, sector, kind)
        for name in (NAME, "another")
        for sector in ("client.example", "other.example")
        for kind in ("subject", "session")
    ]
    assert len(set(subjects)) == len(subjects)
    # OpenID Connect Core §2: at most 255 ASCII characters.
    assert all(
        pseudonym.isascii() and len(pseudonym) <= 255 and NAME not in pseudonym for pseudonym in subjects
    )


@pytest.mark.parametrize("text", ["", "x", NAME, "é", "a.b", "=" * 8, "A" * 51, "A" * 10_000])
async def test_what_was_not_made_here_means_nothing(pseudonyms: PairwiseSubjects, text: str) -> None:
    assert await pseudonyms.local_subject(text, "client.example", "subject") is None


async def test_a_character_changed_is_another(pseudonyms: PairwiseSubjects) -> None:
    one = await pseudonyms.pairwise_subject(NAME, "client.example", "subject")
    for place in range(len(one)):
        changed = one[:place] + ("A" if one[place] != "A" else "B") + one[place + 1 :]
        if base64.urlsafe_b64decode(changed + "=") != base64.urlsafe_b64decode(one + "="):
            assert await pseudonyms.local_subject(changed, "client.example", "subject") is None


async def test_processes_that_start_together_agree(store: Store) -> None:
    subjects: list[str] = []

    async def start() -> None:
        subjects.append(
            await PairwiseSubjects(store, ring(1)).pairwise_subject(NAME, "client.example", "subject")
        )

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(start)
    assert len(subjects) == 10
    assert len(set(subjects)) == 1


async def test_they_outlive_the_master_key_they_were_begun_with(store: Store) -> None:
    before = await PairwiseSubjects(store, ring(1)).pairwise_subject(NAME, "client.example", "subject")
    await PairwiseSubjects(store, ring(2, 1)).prepare()
    assert (
        await PairwiseSubjects(store, ring(2)).pairwise_subject(NAME, "client.example", "subject") == before
    )


async def test_without_its_master_key_nothing_is_made_up(store: Store) -> None:
    await PairwiseSubjects(store, ring(1)).prepare()
    with pytest.raises(SealBrokenError):
        await PairwiseSubjects(store, ring(2)).prepare()


async def test_the_key_is_in_the_store_under_a_seal(store: Store) -> None:
    await PairwiseSubjects(store, ring(1)).prepare()
    sealed = await store.get(keys.pseudonym_key())
    assert sealed
    assert len(sealed) == 1 + 12 + 64 + 16
