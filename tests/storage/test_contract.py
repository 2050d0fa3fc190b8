"""The contract of `shared.storage.interface`, on every backend."""

from __future__ import annotations

import asyncio
import time

import pytest

from shared.storage import Store, open_store
from shared.storage.interface import START, Position
from tests.storage.calls import COUNTER, INDEX, KEY, becomes

pytestmark = pytest.mark.anyio


async def test_a_missing_key_is_none(store: Store) -> None:
    assert await store.get(KEY) is None


async def test_what_is_created_can_be_read_back_byte_for_byte(store: Store) -> None:
    value = bytes(range(256)) * 300
    assert await store.create(KEY, value, ttl_s=None)
    assert await store.get(KEY) == value


async def test_the_time_is_that_of_the_backend(store: Store) -> None:
    before = time.time()
    assert before - 1 <= await store.time() <= time.time() + 1  # the backend runs on this machine


async def test_values_read_together_come_in_the_order_of_their_keys(store: Store) -> None:
    await store.create(KEY, b"value", ttl_s=60)
    await store.create(f"{KEY}:empty", b"", ttl_s=60)
    read = await store.get_many([f"{KEY}:empty", f"{KEY}:missing", KEY, KEY])
    assert read == [b"", None, b"value", b"value"]


async def test_an_empty_value_is_not_a_missing_one(store: Store) -> None:
    await store.create(KEY, b"", ttl_s=None)
    assert await store.get(KEY) == b""
    assert await store.replace(KEY, b"", b"\x00", ttl_s=None)
    assert await store.get(KEY) == b"\x00"


async def test_creating_an_existing_key_changes_nothing(store: Store) -> None:
    await store.create(KEY, b"first", ttl_s=None)
    assert not await store.create(KEY, b"second", ttl_s=1)
    assert await store.get(KEY) == b"first"


async def test_keys_are_distinguished_by_every_character(store: Store) -> None:
    names = ["doorward:a", "doorward:A", "doorward:a ", "doorward:ä", "doorward:a%", "doorward:\x00"]
    for name in names:
        assert await store.create(name, name.encode(), ttl_s=None)
    assert [await store.get(name) for name in names] == [name.encode() for name in names]


async def test_replace_needs_the_old_value(store: Store) -> None:
    await store.create(KEY, b"one", ttl_s=None)
    assert not await store.replace(KEY, b"One", b"two", ttl_s=None)
    assert not await store.replace(KEY, b"one ", b"two", ttl_s=None)
    assert await store.get(KEY) == b"one"
    assert await store.replace(KEY, b"one", b"two", ttl_s=None)
    assert await store.get(KEY) == b"two"


async def test_replace_does_not_create(store: Store) -> None:
    assert not await store.replace(KEY, b"", b"value", ttl_s=None)
    assert await store.get(KEY) is None


async def test_delete_says_whether_there_was_anything(store: Store) -> None:
    await store.create(KEY, b"value", ttl_s=None)
    assert await store.delete(KEY)
    assert not await store.delete(KEY)
    assert await store.get(KEY) is None


async def test_a_deleted_key_can_be_created_again(store: Store) -> None:
    await store.create(KEY, b"one", ttl_s=60)
    await store.delete(KEY)
    assert await store.create(KEY, b"two", ttl_s=None)
    assert await store.get(KEY) == b"two"


async def test_put_once_succeeds_once(store: Store) -> None:
    assert await store.put_once(KEY, ttl_s=60)
    assert not await store.put_once(KEY, ttl_s=60)


async def test_everything_ends_with_its_lifetime(store: Store) -> None:
    await asyncio.gather(
        store.create("doorward:created", b"value", ttl_s=1),
        store.put_once("doorward:once", ttl_s=1),
        store.index_add(INDEX, "member", ttl_s=1),
    )
    assert await store.get("doorward:created") == b"value"
    assert await store.index_list(INDEX) == ["member"]

    async def all_gone() -> bool:
        deleted = await store.get("doorward:created") is None and await store.index_list(INDEX) == []
        return deleted and await store.put_once("doorward:once", ttl_s=60)

    assert await becomes(all_gone)


async def test_an_expired_key_is_absent_to_every_write(store: Store) -> None:
    for name in ("replaced", "deleted", "created"):
        await store.create(f"doorward:{name}", b"old", ttl_s=1)
    assert await becomes(lambda: _is_gone(store, "doorward:created"))
    assert not await store.replace("doorward:replaced", b"old", b"new", ttl_s=60)
    assert not await store.delete("doorward:deleted")
    assert await store.create("doorward:created", b"new", ttl_s=60)


async def _is_gone(store: Store, key: str) -> bool:
    return await store.get(key) is None


async def test_replace_gives_the_key_a_new_lifetime(store: Store) -> None:
    await store.create("doorward:kept", b"1", ttl_s=1)
    await store.create("doorward:bounded", b"1", ttl_s=None)
    await store.create("doorward:witness", b"1", ttl_s=1)
    await store.replace("doorward:kept", b"1", b"2", ttl_s=None)
    await store.replace("doorward:bounded", b"1", b"2", ttl_s=1)
    assert await becomes(lambda: _is_gone(store, "doorward:bounded"))
    assert await becomes(lambda: _is_gone(store, "doorward:witness"))
    assert await store.get("doorward:kept") == b"2"


@pytest.mark.requirement("BOUND-4")
async def test_a_counter_admits_up_to_its_limit_and_counts_no_more(store: Store) -> None:
    counts = [await store.count(COUNTER, ttl_s=60, limit=3) for _ in range(5)]
    assert [(count.admitted, count.value) for count in counts] == [
        *((True, 1), (True, 2), (True, 3)),
        *((False, 3), (False, 3)),
    ]
    assert all(55 <= count.remaining_s <= 60 for count in counts)


async def test_a_counter_admits_a_step_that_fits_and_refuses_one_that_does_not(store: Store) -> None:
    assert await store.count(COUNTER, ttl_s=60, limit=10, by=11) == (False, 0, 60)
    assert (await store.count(COUNTER, ttl_s=60, limit=10, by=8))[:2] == (True, 8)
    assert (await store.count(COUNTER, ttl_s=60, limit=10, by=3))[:2] == (False, 8)
    assert (await store.count(COUNTER, ttl_s=60, limit=10, by=2))[:2] == (True, 10)
    assert await store.get(COUNTER) == b"10"


async def test_a_counter_is_taken_back_to_zero_and_no_further(store: Store) -> None:
    await store.uncount(COUNTER)
    assert await store.get(COUNTER) is None
    await store.count(COUNTER, ttl_s=60, limit=9, by=3)
    await store.uncount(COUNTER)
    assert await store.get(COUNTER) == b"2"
    await store.uncount(COUNTER, by=5)
    assert await store.get(COUNTER) == b"0"


async def test_a_counter_expires_with_the_window_of_its_first_count(store: Store) -> None:
    await store.count(COUNTER, ttl_s=2, limit=2)
    await store.count(COUNTER, ttl_s=60, limit=2)
    await store.uncount(COUNTER)
    await store.count(COUNTER, ttl_s=60, limit=2)

    async def starts_from_zero() -> bool:
        return (await store.count(COUNTER, ttl_s=60, limit=2)).admitted

    assert not await starts_from_zero()
    assert await becomes(starts_from_zero)
    admitted, value, remaining_s = await store.count(COUNTER, ttl_s=60, limit=2)
    assert (admitted, value) == (True, 2)
    assert 2 < remaining_s <= 60


@pytest.mark.parametrize("by", [0, -1])
async def test_a_counter_changes_by_at_least_one(store: Store, by: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await store.count(COUNTER, ttl_s=60, limit=9, by=by)
    with pytest.raises(ValueError, match="at least 1"):
        await store.uncount(COUNTER, by=by)
    assert await store.get(COUNTER) is None


async def test_an_index_lists_its_members_sorted_and_once(store: Store) -> None:
    for member in ("b", "a", "ü", "a", "https://client.example/a:b"):
        await store.index_add(INDEX, member, ttl_s=None)
    assert await store.index_list(INDEX) == ["a", "b", "https://client.example/a:b", "ü"]
    assert await store.index_list(f"{INDEX}:other") == []


async def test_an_index_forgets_a_removed_member(store: Store) -> None:
    await store.index_add(INDEX, "a", ttl_s=None)
    await store.index_add(INDEX, "b", ttl_s=60)
    await store.index_remove(INDEX, "a")
    await store.index_remove(INDEX, "never there")
    assert await store.index_list(INDEX) == ["b"]
    await store.index_remove(INDEX, "b")
    assert await store.index_list(INDEX) == []


async def test_adding_a_member_again_renews_it_alone(store: Store) -> None:
    await store.index_add(INDEX, "renewed", ttl_s=1)
    await store.index_add(INDEX, "left", ttl_s=1)
    await store.index_add(INDEX, "renewed", ttl_s=60)

    async def only_the_renewed() -> bool:
        return await store.index_list(INDEX) == ["renewed"]

    assert await becomes(only_the_renewed)


async def test_an_index_that_is_full_lets_its_own_members_in_and_no_other(store: Store) -> None:
    for member in ("a", "b"):
        assert await store.index_add_within(INDEX, member, ttl_s=60, limit=2)
    assert not await store.index_add_within(INDEX, "c", ttl_s=60, limit=2)
    assert await store.index_add_within(INDEX, "b", ttl_s=60, limit=2)
    assert await store.index_list(INDEX) == ["a", "b"]
    assert await store.index_add_within(f"{INDEX}:other", "c", ttl_s=60, limit=1)


async def test_there_is_room_in_an_index_again_once_members_leave_or_expire(store: Store) -> None:
    await store.index_add_within(INDEX, "short", ttl_s=1, limit=2)
    await store.index_add_within(INDEX, "long", ttl_s=None, limit=2)
    assert not await store.index_add_within(INDEX, "next", ttl_s=60, limit=2)
    await store.index_remove(INDEX, "long")
    assert await store.index_add_within(INDEX, "next", ttl_s=60, limit=2)

    async def the_short_one_has_left() -> bool:
        return await store.index_add_within(INDEX, "third", ttl_s=60, limit=2)

    assert await becomes(the_short_one_has_left)
    assert await store.index_list(INDEX) == ["next", "third"]


async def test_an_index_outlives_a_removed_member_that_had_no_end(store: Store) -> None:
    await store.index_add(INDEX, "endless", ttl_s=None)
    await store.index_add(INDEX, "short", ttl_s=1)
    await store.index_remove(INDEX, "endless")
    assert await store.index_list(INDEX) == ["short"]


@pytest.mark.parametrize("ttl_s", [0, -1])
async def test_a_lifetime_below_a_second_is_a_mistake_of_the_caller(store: Store, ttl_s: int) -> None:
    await store.create(KEY, b"value", ttl_s=None)
    with pytest.raises(ValueError, match="at least one second"):
        await store.create("doorward:other", b"value", ttl_s=ttl_s)
    with pytest.raises(ValueError, match="at least one second"):
        await store.replace(KEY, b"value", b"new", ttl_s=ttl_s)
    with pytest.raises(ValueError, match="at least one second"):
        await store.put_once("doorward:other", ttl_s=ttl_s)
    with pytest.raises(ValueError, match="at least one second"):
        await store.index_add(INDEX, "member", ttl_s=ttl_s)
    with pytest.raises(ValueError, match="at least one second"):
        await store.index_add_within(INDEX, "member", ttl_s=ttl_s, limit=1)
    assert await store.get(KEY) == b"value"
    assert await store.get("doorward:other") is None
    assert await store.index_list(INDEX) == []


async def test_text_that_is_not_unicode_is_a_mistake_that_harms_no_other_call(store: Store) -> None:
    await store.create(KEY, b"value", ttl_s=None)
    outcomes = await asyncio.gather(
        store.get("doorward:\ud800"),
        store.get(KEY),
        store.create("doorward:\ud800", b"", ttl_s=None),
        store.create("doorward:other", b"", ttl_s=None),
        store.index_add(INDEX, "\ud800", ttl_s=None),
        return_exceptions=True,
    )
    assert [isinstance(outcome, ValueError) for outcome in outcomes] == [True, False, True, False, True]
    assert outcomes[1] == b"value"
    assert outcomes[3] is True


async def test_many_concurrent_reads_each_get_their_own_answer(store: Store) -> None:
    names = [f"doorward:{number}" for number in range(50)]
    await asyncio.gather(*(store.create(name, name.encode(), ttl_s=60) for name in names[::2]))
    values = await asyncio.gather(*(store.get(name) for name in names * 3))
    assert values == [name.encode() if number % 2 == 0 else None for number, name in enumerate(names)] * 3


async def test_a_read_sees_every_write_acknowledged_before_it(store: Store) -> None:
    async def written_then_read(key: str) -> bool:
        await store.create(key, b"value", ttl_s=60)
        return await store.get(key) == b"value"

    assert all(await asyncio.gather(*(written_then_read(f"doorward:{number}") for number in range(100))))


async def test_a_cancelled_call_leaves_the_store_usable(store: Store) -> None:
    calls = [asyncio.ensure_future(store.create(f"doorward:{number}", b"", ttl_s=60)) for number in range(20)]
    calls += [asyncio.ensure_future(_is_gone(store, f"doorward:{number}")) for number in range(20)]
    for call in calls:
        await asyncio.sleep(0)
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    for number in range(20):
        await store.create(f"doorward:after:{number}", str(number).encode(), ttl_s=60)
    values = await asyncio.gather(*(store.get(f"doorward:after:{number}") for number in range(20)))
    assert values == [str(number).encode() for number in range(20)]


async def test_the_store_outlives_the_process_that_wrote_it(store: Store, store_url: str) -> None:
    await store.create(KEY, b"value", ttl_s=None)
    await store.index_add(INDEX, "member", ttl_s=None)
    await store.aclose()
    reopened = open_store(store_url)
    try:
        assert await reopened.get(KEY) == b"value"
        assert await reopened.index_list(INDEX) == ["member"]
    finally:
        await reopened.aclose()


async def test_ping_returns_while_the_store_accepts_writes(store: Store) -> None:
    await store.ping()
    await store.ping()


async def test_a_store_as_we_set_it_up_has_no_misconfiguration(store: Store) -> None:
    assert await store.misconfigurations() == []


LOG = f"{KEY}:log"


async def test_entries_of_a_log_are_read_in_order_after_a_position(store: Store) -> None:
    binary = bytes(range(256))
    places = [Position(1, 1), Position(1, 2), Position(2, 1), Position(2, 10)]
    for number, position in enumerate(places):
        assert await store.log_append(LOG, position, binary + bytes([number]))
    read = await store.log_read(LOG, after=Position(1, 1), limit=2)
    assert read == [(Position(1, 2), binary + b"\x01"), (Position(2, 1), binary + b"\x02")]
    assert [position for position, _ in await store.log_read(LOG, after=START, limit=9)] == places
    assert await store.log_last(LOG) == (Position(2, 10), binary + b"\x03")


async def test_entries_of_a_log_are_read_backwards_before_a_position(store: Store) -> None:
    places = [Position(1, 1), Position(1, 2), Position(2, 1), Position(2, 10)]
    for number, position in enumerate(places):
        await store.log_append(LOG, position, bytes([number]))
    read = await store.log_read_back(LOG, before=Position(2, 10), limit=2)
    assert read == [(Position(2, 1), b"\x02"), (Position(1, 2), b"\x01")]
    assert [place for place, _ in await store.log_read_back(LOG, before=Position(3, 0), limit=9)] == places[
        ::-1
    ]
    assert await store.log_read_back(LOG, before=Position(1, 1), limit=9) == []


async def test_an_entry_that_is_not_later_is_not_added(store: Store) -> None:
    assert await store.log_append(LOG, Position(2, 2), b"first")
    for position in (Position(2, 2), Position(2, 1), Position(1, 9)):
        assert not await store.log_append(LOG, position, b"second")
    assert await store.log_read(LOG, after=START, limit=9) == [(Position(2, 2), b"first")]


async def test_a_log_is_trimmed_before_a_position_and_logs_are_apart(store: Store) -> None:
    for sequence in (1, 2, 3):
        await store.log_append(LOG, Position(5, sequence), b"entry")
    await store.log_append(f"{LOG}:other", Position(1, 1), b"other")
    await store.log_trim(LOG, before=Position(5, 3))
    assert await store.log_read(LOG, after=START, limit=9) == [(Position(5, 3), b"entry")]
    assert await store.log_read(f"{LOG}:other", after=START, limit=9) == [(Position(1, 1), b"other")]


async def test_trimming_everything_leaves_nothing(store: Store) -> None:
    await store.log_append(LOG, Position(5, 1), b"entry")
    await store.log_trim(LOG, before=Position(6, 0))
    await store.log_trim(LOG, before=Position(6, 0))
    assert await store.log_read(LOG, after=START, limit=9) == []
    assert await store.log_last(LOG) is None
    assert await store.log_append(LOG, Position(5, 1), b"entry")
