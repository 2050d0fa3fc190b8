"""A verification accepts retention at random times, and finds each edit of what is left (JR-3, JR-6)."""

from __future__ import annotations

import base64
import random

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.journal.checkpoints import Checkpoints
from auth_service.journal.keys import public_keys, signing_key
from auth_service.journal.limits import JournalLimit
from auth_service.journal.reader import JournalReader
from auth_service.journal.retention import Retention
from auth_service.journal.writer import JournalWriter
from auth_service.settings import MasterKey
from shared.journal.chain import empty
from shared.journal.event import EventKind
from shared.journal.verification import VerifiedChain, verify
from shared.storage import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-3", "JR-6")]

DAY_S = 86_400
KEY_RING = KeyRing([MasterKey(key_id=1, key=base64.urlsafe_b64encode(bytes(32)).decode())])  # type: ignore[arg-type]


def problems_of(writer: str, entries: list[bytes]) -> int:
    chain = VerifiedChain(writer=writer, head=empty(writer))
    for entry in entries:
        chain.add(entry, public_keys(KEY_RING))
    return len(list(verify([chain], ())))


def edited(entries: list[bytes], dice: random.Random) -> list[bytes]:
    """One entry changed, removed or moved; the last two, which nothing may sign yet, stay."""
    changed, place = list(entries), dice.randrange(1, len(entries) - 3)
    match dice.randrange(3):
        case 0:
            changed[place] = entries[place].replace(b'"time_ms":1', b'"time_ms":2', 1)
        case 1:
            del changed[place]
        case _:
            changed[place], changed[place + 1] = changed[place + 1], changed[place]
    return changed


@pytest.mark.parametrize("seed", range(3))
async def test_random_retention_is_accepted_and_random_edits_are_found(store: Store, seed: int) -> None:
    dice, now = random.Random(seed), 1_800_000_000.0  # noqa: S311 -- the same edits in each run

    def clock() -> float:
        return now

    reader, removed = JournalReader(store), 0
    journal = JournalWriter(store, signing_key(KEY_RING), clock)
    for _ in range(30):
        for _ in range(dice.randrange(1, 4)):
            await journal.record(EventKind.LOGIN, subject=f"s{dice.random()}")
        await Checkpoints(journal, reader).sign()
        now += dice.choice((60, 3_600, DAY_S))
        retention = Retention(
            store,
            reader,
            journal,
            clock,
            keep_s=5 * DAY_S,
            limit=JournalLimit(store, dice.randrange(2_000, 20_000)),
        )
        removed += await retention.apply()
        assert (await reader.verify(public_keys(KEY_RING))).problems == ()
    entries = [entry async for _, written in reader.written(journal.writer) for entry in written]
    assert removed
    assert problems_of(journal.writer, entries) == 0
    for _ in range(50):
        assert problems_of(journal.writer, edited(entries, dice))
