"""The messages of a process wait for clients: in order, bounded, and for a limited time."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from resource_service.gateway.event_log import EventLog, Reading, Stream

pytestmark = pytest.mark.anyio


async def read(reading: Reading, count: int) -> list[bytes]:
    events = [await reading.next() for _ in range(count)]
    return [event.data for event in events if event is not None]


async def test_events_come_in_order_to_the_stream_they_are_for() -> None:
    outbox = EventLog()
    a, b = outbox.open("a"), outbox.open("b")
    for data, stream in ((b"1", a), (b"2", b), (b"3", a)):
        await outbox.put(stream, data, last=data == b"3")
    reading = Reading(a, after=0)
    assert await read(reading, 3) == [b"1", b"3"]
    assert await reading.next() is None


async def test_a_reader_waits_for_what_is_yet_to_come() -> None:
    outbox = EventLog()
    stream = outbox.open("a")
    reading = Reading(stream, after=0)
    waiting = asyncio.create_task(reading.next())
    await anyio.lowlevel.checkpoint()
    assert not waiting.done()
    await outbox.put(stream, b"late")
    event = await waiting
    assert event is not None
    assert event.data == b"late"


async def test_a_stream_is_resumed_after_the_event_that_is_named() -> None:
    outbox = EventLog()
    stream = outbox.open("a")
    for number in range(5):
        await outbox.put(stream, b"%d" % number, last=number == 4)
    first = Reading(stream, after=0)
    second_event = [await first.next() for _ in range(2)][-1]
    assert second_event is not None
    first.stop()
    assert await read(Reading(stream, after=second_event.number), 3) == [b"2", b"3", b"4"]


async def test_the_next_reader_of_a_stream_takes_it_over() -> None:
    outbox = EventLog()
    stream = outbox.open("a")
    first = Reading(stream, after=0)
    waiting = asyncio.create_task(first.next())
    await anyio.lowlevel.checkpoint()
    second = Reading(stream, after=0)
    assert await waiting is None
    await outbox.put(stream, b"1")
    assert await read(second, 1) == [b"1"]


async def test_unread_events_are_dropped_at_the_limit_and_the_loss_is_reported() -> None:
    outbox = EventLog(kept_bytes=100)
    stream = outbox.open("a")
    for number in range(30):
        await outbox.put(stream, b"%10d" % number)
    assert [int(event.data) for event in stream.events] == list(range(20, 30))
    assert stream.lost == stream.events[0].number - 1


async def test_the_number_of_events_is_bounded_too() -> None:
    outbox = EventLog(kept_events=3)
    stream = outbox.open("a")
    for _ in range(10):
        await outbox.put(stream, b"")
    assert len(stream.events) == 3


async def test_a_writer_waits_instead_of_dropping_events_that_are_read() -> None:
    outbox = EventLog(kept_events=2)
    stream = outbox.open("a")
    reading = Reading(stream, after=0)
    total = 50

    async def write() -> None:
        for number in range(total):
            await outbox.put(stream, b"%d" % number, last=number == total - 1)

    writing = asyncio.create_task(write())
    for _ in range(10):
        await anyio.lowlevel.checkpoint()
    assert len(stream.events) == 2
    assert not writing.done()
    assert await read(reading, total) == [b"%d" % number for number in range(total)]
    assert await reading.next() is None
    await writing


async def test_a_reader_that_is_too_slow_holds_the_others_up_no_longer_than_patience() -> None:
    outbox = EventLog(kept_events=2, patience_s=0.05)
    slow, quick = outbox.open("slow"), outbox.open("quick")
    Reading(slow, after=0)
    for _ in range(2):
        await outbox.put(slow, b"unread")
    reading = Reading(quick, after=0)
    with anyio.fail_after(5):
        await outbox.put(quick, b"1")
        assert await read(reading, 1) == [b"1"]
    assert slow.turn is None


async def test_a_message_larger_than_all_room_passes_all_the_same() -> None:
    outbox = EventLog(kept_bytes=10)
    stream = outbox.open("a")
    await outbox.put(stream, b"x" * 1_000)
    assert await read(Reading(stream, after=0), 1) == [b"x" * 1_000]


async def test_a_stream_is_forgotten_with_its_last_event() -> None:
    outbox = EventLog(kept_events=2)
    for number in range(10):
        await outbox.put(outbox.open(f"s{number}"), b"", last=True)
    numbers = [number for number in range(10) if outbox.stream(f"s{number}")]
    assert numbers == [8, 9]


async def test_closing_lets_every_reader_finish_what_there_is() -> None:
    outbox = EventLog()
    streams: list[Stream] = [outbox.open(name) for name in "ab"]
    await outbox.put(streams[0], b"1")
    readings = [Reading(stream, after=0) for stream in streams]
    outbox.close()
    assert await read(readings[0], 2) == [b"1"]
    assert await read(readings[1], 1) == []
