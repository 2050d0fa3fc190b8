"""Where in the stream of events a receiver is, and when that is no longer known."""

from __future__ import annotations

import pytest

from auth_service.events.event_buffer import Batch, EventBuffer
from auth_service.protocol.errors import UnknownPositionError
from shared.security_events import SecurityEvent

pytestmark = pytest.mark.requirement("AS-16", "RS-7")


def event(number: int) -> SecurityEvent:
    return SecurityEvent(jti=f"jti-{number}", occurred_at=number, grant_id=f"grant-{number}")


def ring_of(count: int, size: int = 4) -> EventBuffer:
    ring = EventBuffer(size)
    for number in range(count):
        ring.add(event(number))
    return ring


def test_everything_after_the_newest_known_event_is_handed_out() -> None:
    ring = ring_of(4)
    position = ring.after(["jti-0", "jti-1", "of another process"])
    assert position is not None
    assert ring.batch(position, 10) == Batch([event(2), event(3)], more=False)
    assert ring.batch(position, 1) == Batch([event(2)], more=True)
    assert ring.batch(position, 0) == Batch([], more=True)
    assert ring.batch(ring.end, 10) == Batch([], more=False)


def test_the_oldest_event_is_dropped_with_the_receivers_at_that_position() -> None:
    ring = ring_of(4)
    position = ring.after(["jti-0"])
    assert position is not None
    ring.add(event(4))
    assert ring.after(["jti-0"]) is None
    assert ring.batch(position, 1).events == [event(1)]
    ring.add(event(5))
    with pytest.raises(UnknownPositionError):
        ring.batch(position, 1)


def test_after_a_break_nobody_knows_where_they_are_not_even_who_had_everything() -> None:
    ring = ring_of(3)
    before = ring.end
    ring.break_off()
    assert ring.after(["jti-2"]) is None
    with pytest.raises(UnknownPositionError):
        ring.batch(before, 1)
    now = ring.end
    ring.add(event(3))
    assert ring.batch(now, 10) == Batch([event(3)], more=False)
