"""The journal is read newest first, a page at a time, within a limit of entries. On both stores."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.journal.newest_first import Place, newest_first, read_place
from auth_service.journal.query import JournalQuery, Outcome
from auth_service.journal.search import JournalPage, JournalSearch
from auth_service.storage import keys
from shared.journal.chain import Chain
from shared.journal.event import Event, EventKind
from shared.storage import Store
from shared.storage.interface import Position

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-5")]

CALLS = "resource.a-process-of-22-letters.0"


class Journal:
    """Chains that are written entry by entry."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._chains: dict[str, Chain] = {}

    async def write(self, chain: str, time_ms: int, *events: tuple[EventKind, dict[str, Any]]) -> None:
        """Add events to a chain, as one write."""
        if chain not in self._chains:
            self._chains[chain] = Chain(chain)
            await self.store.index_add(keys.journal_chains(), chain, ttl_s=None)
        lines = [
            self._chains[chain].append(Event(kind=kind, time_ms=time_ms, members=members))
            for kind, members in events
        ]
        position = Position(time_ms, self._chains[chain].head.sequence)
        assert await self.store.log_append(keys.journal(chain), position, b"\n".join(lines))


def login(number: int, **members: Any) -> tuple[EventKind, dict[str, Any]]:
    return EventKind.LOGIN, {"number": number, **members}


@pytest.fixture
async def journal(store: Store) -> Journal:
    """Three chains with the logins 0 to 29; several have the same time, and writes have three entries."""
    journal = Journal(store)
    for number in range(0, 30, 3):
        chain = ("a", "ab", "b")[number % 9 // 3]
        numbers = [login(number + each) for each in range(3)]
        await journal.write(chain, 1_000 + number // 9, *numbers)
    return journal


async def pages(search: JournalSearch, query: JournalQuery, limit: int) -> list[JournalPage]:
    """All pages of a search."""
    read = [await search.page(query, limit=limit)]
    while (after := read[-1].after) is not None:
        read.append(await search.page(query, after=after, limit=limit))
    return read


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("max_read", [1, 5, 10_000])
async def test_pages_contain_each_event_once_newest_first(
    journal: Journal, limit: int, max_read: int
) -> None:
    search = JournalSearch(journal.store, max_read=max_read)
    read = await pages(search, JournalQuery(), limit)
    events = [event for page in read for event in page.events]
    assert sorted(event["number"] for event in events) == list(range(30))
    places = [read_place(event["id"]) for event in events]
    assert places == sorted(places, reverse=True)
    assert all(len(page.events) <= limit for page in read)
    assert max_read == 1 or len(read) <= 30 // min(limit, max_read) + 1


async def test_a_page_reads_a_limited_number_of_entries_and_the_next_continues(journal: Journal) -> None:
    query = JournalQuery(members={"subject": "nobody"})
    read = await pages(JournalSearch(journal.store, max_read=7), query, 10)
    assert [len(page.events) for page in read] == [0] * 5
    assert (await JournalSearch(journal.store).page(query, limit=10)).after is None


async def test_a_search_in_a_period_reads_nothing_older(journal: Journal) -> None:
    query = JournalQuery(since_ms=1_001, until_ms=1_003)
    page = await JournalSearch(journal.store).page(query, limit=100)
    assert sorted({event["time_ms"] for event in page.events}) == [1_001, 1_002]
    assert len(page.events) == 18
    limited = await JournalSearch(journal.store, max_read=21).page(query, limit=100)
    assert len(limited.events) == 18, "3 later and 18 of the period"
    assert limited.after is None


async def test_any_place_of_a_chain_is_a_beginning(journal: Journal) -> None:
    whole = [place async for place, _ in newest_first(journal.store, ["a", "ab", "b"])]
    assert len(whole) == 30
    for number, place in enumerate(whole):
        rest = [each async for each, _ in newest_first(journal.store, ["a", "ab", "b"], place)]
        assert rest == whole[number + 1 :]


async def test_calls_have_their_outcome_on_each_page(journal: Journal) -> None:
    begun = [(EventKind.CALL_BEGUN, {"call": number, "name": f"tool-{number}"}) for number in range(6)]
    results = ("ok", "error", "refused", "failed", "cut off")
    ended = [
        (EventKind.CALL_COMPLETED, {"call": number, "result": result})
        for number, result in enumerate(results)
    ]
    for time_ms, event in enumerate([*begun, *ended], start=2_000):
        await journal.write(CALLS, time_ms, event)
    search = JournalSearch(journal.store)
    for limit in (1, 2, 6):
        read = await pages(search, JournalQuery(members={"kind": "call"}), limit)
        outcomes = [event["result"] for page in read for event in page.events]
        assert outcomes == ["not ended", "cut off", "failed", "refused", "error", "ok"]
    earlier = JournalQuery(members={"kind": "call"}, until_ms=2_002)
    assert [event["result"] for event in (await search.page(earlier, limit=9)).events] == ["error", "ok"]
    for outcome, count in ((Outcome.SUCCEEDED, 1), (Outcome.FAILED, 4), (Outcome.UNKNOWN, 1)):
        query = JournalQuery(members={"kind": "call"}, outcome=outcome)
        assert len((await search.page(query, limit=9)).events) == count
        assert sum(len(page.events) for page in await pages(search, query, 1)) == count
    page = await search.page(JournalQuery(members={"kind": "call"}), limit=9)
    one = await search.event(read_place(page.events[-1]["id"]))
    assert one == page.events[-1]


async def test_an_event_that_does_not_exist_is_not_found(journal: Journal) -> None:
    search = JournalSearch(journal.store)
    event = await search.event(Place(1_000, "a", 2))
    assert event is not None
    assert event["number"] == 1
    for place in (Place(1_000, "a", 4), Place(999, "a", 2), Place(1_000, "c", 1), Place(1_000, "a", 0)):
        assert await search.event(place) is None


async def test_values_are_found_however_they_are_written(journal: Journal) -> None:
    name = 'quotes " and \\ and ä and \u2028'
    await journal.write("b", 9_000, login(99, name=name))
    page = await JournalSearch(journal.store).page(JournalQuery(members={"name": name}), limit=9)
    assert [event["number"] for event in page.events] == [99]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1-2",
        "1-2-",
        "x-2-a",
        "1--a",
        "1-2-a/b",
        "9" * 17 + "-1-a",
        "1-2-ä",
        "1-2-" + "a" * 129,
        "²-1-a",
    ],
)
async def test_what_is_not_a_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="place"):
        read_place(text)
    assert read_place("1-2-a.b-c_d.0") == Place(1, "a.b-c_d.0", 2)
