"""Server-sent events as bytes: when each is passed on, and what stands for its data."""

from __future__ import annotations

import pytest

from resource_service.policy.event_stream import Events, edited


def shouted(data: bytes) -> bytes | None:
    return data.upper() if data.startswith(b"say") else None


@pytest.mark.parametrize(
    ("event", "passed"),
    [
        (b"data: say data: twice\n\n", b"data: SAY DATA: TWICE\n\n"),
        (b"data:say\r\ndata: hello\n\n", b"data: SAY\nHELLO\r\n\n"),
        (b"id: 1\ndata: say it\nretry: 5\n\n", b"id: 1\ndata: SAY IT\nretry: 5\n\n"),
        (b"data: nothing\n\n", b"data: nothing\n\n"),
        (b"event: say\n\n", b"event: say\n\n"),
    ],
)
def test_the_data_is_replaced_and_every_other_line_stays(event: bytes, passed: bytes) -> None:
    assert edited(event, shouted) == passed


def test_the_data_is_what_follows_the_first_colon_of_each_line() -> None:
    seen: list[bytes] = []
    edited(b"data: a data: b\ndata:c\ndata\ndata:  d\n\n", seen.append)
    assert seen == [b"a data: b\nc\n\n d"]


def test_events_are_passed_on_as_soon_as_they_end_even_empty_ones() -> None:
    events = Events(shouted, max_bytes=100)
    assert events.feed(b"\n\n") == b"\n\n"
    assert events.feed(b":a\n\n\n\ndata: say") == b":a\n\n\n\n"
    assert events.feed(b"\n") == b""
    assert events.feed(b"\n") == b"data: SAY\n\n"
    assert events.feed(b"\n") == b""
    assert events.feed(b"\n") == b"\n\n"


def test_an_event_up_to_the_bound_is_held_and_edited_and_a_larger_one_is_not_held() -> None:
    held = b"data: say " + b"x" * 90
    events = Events(shouted, max_bytes=100)
    assert events.feed(held) == b""
    assert events.feed(b"\n\n") == held.replace(b"say", b"SAY").replace(b"x", b"X") + b"\n\n"
    assert events.feed(held + b"x") == (held + b"x")[:-4]
    assert events.feed(b"yz\n\ndata: say\n\n") == b"xxxxyz\n\ndata: SAY\n\n"
    assert events.rest() == b""
