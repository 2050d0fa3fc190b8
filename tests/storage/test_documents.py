"""Typed documents over a store."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.storage import Store, StoreUnavailableError
from shared.storage.documents import MAX_ATTEMPTS, Collection, Decision
from shared.storage.json_codec import JsonCodec, UnreadableDocumentError
from tests.storage.calls import becomes

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Ticket:
    owner: str
    ttl_s: int | None = None
    used: int = 0


codec = JsonCodec(Ticket)


def key(ticket_id: str) -> str:
    return f"doorward:ticket:{ticket_id}"


@pytest.fixture
def tickets(store: Store) -> Collection[Ticket]:
    return Collection(store, key, codec, lambda ticket: ticket.ttl_s)


def use(ticket: Ticket) -> Decision[Ticket, int]:
    return Decision(replace(ticket, used=ticket.used + 1), ticket.used + 1)


async def test_a_document_is_created_read_and_deleted_by_its_id(
    tickets: Collection[Ticket], store: Store
) -> None:
    assert await tickets.get("a") is None
    assert await tickets.create("a", Ticket("ada"))
    assert not await tickets.create("a", Ticket("bob"))
    assert await tickets.get("a") == Ticket("ada")
    assert await store.get(key("a")) == codec.encode(Ticket("ada"))
    assert await tickets.delete("a")
    assert not await tickets.delete("a")
    assert await tickets.get("a") is None


async def test_a_document_that_was_read_is_changed_without_reading_it_again(
    tickets: Collection[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    await tickets.create("a", Ticket("ada"))
    read = await tickets.read("a")
    assert read
    with monkeypatch.context() as patched:
        patched.setattr(tickets.store, "get", None)
        assert await tickets.update("a", use, was=read) == 1
    assert await tickets.get("a") == Ticket("ada", used=1)
    assert await tickets.read("b") is None


async def test_what_changed_since_it_was_read_is_read_again(tickets: Collection[Ticket]) -> None:
    await tickets.create("a", Ticket("ada"))
    read = await tickets.read("a")
    assert await tickets.update("a", use) == 1
    assert await tickets.update("a", use, was=read) == 2
    assert await tickets.get("a") == Ticket("ada", used=2)
    assert await tickets.update("a", lambda ticket: (None, ticket.used), was=read) == 2
    await tickets.delete("a")
    assert await tickets.update("a", use, was=read) is None
    assert await tickets.update("a", lambda ticket: (None, ticket.used), was=read) is None


async def test_update_writes_what_the_rule_decides_and_returns_its_result(
    tickets: Collection[Ticket],
) -> None:
    await tickets.create("a", Ticket("ada"))
    assert await tickets.update("a", use) == 1
    assert await tickets.update("a", use) == 2
    assert await tickets.get("a") == Ticket("ada", used=2)


async def test_update_does_not_call_the_rule_without_a_document(tickets: Collection[Ticket]) -> None:
    def rule(ticket: Ticket) -> Decision[Ticket, str]:
        raise AssertionError("there is nothing to decide on")

    assert await tickets.update("a", rule) is None
    assert await tickets.get("a") is None


async def test_a_rule_that_keeps_the_document_writes_nothing(
    tickets: Collection[Ticket], store: Store
) -> None:
    await store.create(key("a"), b'{"owner": "ada", "from": "a newer release"}', ttl_s=None)
    assert await tickets.update("a", lambda ticket: Decision(None, ticket.owner)) == "ada"
    assert await store.get(key("a")) == b'{"owner": "ada", "from": "a newer release"}'


async def test_an_overtaken_update_decides_again_on_what_is_there_now(tickets: Collection[Ticket]) -> None:
    await tickets.create("a", Ticket("ada"))
    seen = []

    async def overtaken(ticket_id: str) -> str | None:
        def rule(ticket: Ticket) -> Decision[Ticket, str]:
            seen.append(ticket.owner)
            return Decision(replace(ticket, used=ticket.used + 1), ticket.owner)

        return await tickets.update(ticket_id, rule)

    async def overtake(owner: str) -> None:
        await tickets.update("a", lambda ticket: Decision(replace(ticket, owner=owner), None))

    results = await asyncio.gather(overtaken("a"), overtake("bob"), overtake("cleo"))
    assert results[0] == seen[-1]
    final = await tickets.get("a")
    assert final is not None
    assert final.used == 1
    assert final.owner in ("bob", "cleo")


async def test_a_document_that_is_deleted_meanwhile_is_not_brought_back(tickets: Collection[Ticket]) -> None:
    for attempt in range(20):
        ticket_id = str(attempt)
        await tickets.create(ticket_id, Ticket("ada"))
        updates = (tickets.update(ticket_id, use) for _ in range(5))
        *_, deleted = await asyncio.gather(*updates, tickets.delete(ticket_id))
        assert deleted
        assert await tickets.get(ticket_id) is None


async def test_an_update_that_is_overtaken_without_end_gives_up(
    tickets: Collection[Ticket], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.storage.documents.LONGEST_PAUSE_S", 0.001)
    await tickets.create("a", Ticket("ada"))
    rivals = iter(range(MAX_ATTEMPTS + 1))
    decisions = 0

    def rule(ticket: Ticket) -> Decision[Ticket, None]:
        nonlocal decisions
        decisions += 1
        return Decision(replace(ticket, owner="never written"), None)

    class Overtaken(Collection[Ticket]):
        async def _replaced(self, key: str, old: bytes, document: Ticket, **more: Any) -> bool:
            await self.store.replace(key, old, codec.encode(Ticket("rival", used=next(rivals))), ttl_s=None)
            return await super()._replaced(key, old, document, **more)

    overtaken = Overtaken(store, key, codec, lambda ticket: None)
    with pytest.raises(StoreUnavailableError, match="overtaken"):
        await overtaken.update("a", rule)
    assert decisions == MAX_ATTEMPTS
    assert await tickets.get("a") == Ticket("rival", used=MAX_ATTEMPTS - 1)


@pytest.mark.parametrize("ttl_s", [-5, 0, 1])
async def test_a_document_whose_life_is_over_is_kept_for_the_shortest_time(
    tickets: Collection[Ticket], ttl_s: int
) -> None:
    assert await tickets.create("created", Ticket("ada", ttl_s=ttl_s))
    await tickets.create("updated", Ticket("ada"))
    await tickets.update("updated", lambda ticket: Decision(replace(ticket, ttl_s=ttl_s), None))

    async def both_gone() -> bool:
        return await tickets.get("created") is None and await tickets.get("updated") is None

    assert await becomes(both_gone)


async def test_malformed_documents_are_errors_not_absent(tickets: Collection[Ticket], store: Store) -> None:
    await store.create(key("a"), b"not JSON", ttl_s=None)
    with pytest.raises(UnreadableDocumentError):
        await tickets.get("a")
    with pytest.raises(UnreadableDocumentError):
        await tickets.update("a", use)


@pytest.mark.requirement("OP-5")
async def test_an_update_keeps_what_a_newer_release_wrote_into_the_document(
    tickets: Collection[Ticket], store: Store
) -> None:
    await store.create(key("a"), b'{"v":2,"owner":"ada","used":0,"seat":"12B"}', ttl_s=None)
    assert await tickets.update("a", use) == 1
    value = await store.get(key("a"))
    assert value is not None
    assert json.loads(value) == {"v": 2, "owner": "ada", "used": 1, "seat": "12B"}
