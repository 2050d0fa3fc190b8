"""The memory of a session at the joined URL for its requests is bounded (GW-3, BOUND-1)."""

from __future__ import annotations

import tracemalloc

import pytest

from resource_service.joined.sessions import MAX_REQUESTS, SentKeys
from resource_service.messages.request_ids import key_of

pytestmark = pytest.mark.requirement("GW-3", "BOUND-1")

LONG = "x" * 1_000_000


def test_the_mount_of_a_request_is_found_by_its_id_and_nobody_else_s() -> None:
    sent = SentKeys()
    for at, request_id in enumerate((1, "1", LONG, LONG + "y", "\ud800" * 300)):
        sent.note(request_id, f"mount-{at}")
    ids = (1, "1", LONG, LONG + "y", "\ud800" * 300)
    assert [sent.mount_of(key_of(each)) for each in ids] == [f"mount-{at}" for at in range(5)]
    assert sent.mount_of(key_of(LONG + "z")) is None


def test_long_ids_take_no_more_room_than_short_ones() -> None:
    sent = SentKeys()
    tracemalloc.start()
    try:
        for number in range(MAX_REQUESTS + 5):
            sent.note(f"{number}{LONG[:20_000]}", "mount")
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < MAX_REQUESTS * 1_000
