"""Recording that a refresh response has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from auth_service.grants import confirmations as module
from auth_service.grants.confirmations import Confirmations
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant
from tests.auth_service.protocol.builders import NOW, active_grant

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-13")]

UNCONFIRMED = active_grant(unconfirmed_since=NOW)


class Writing:
    """A stand-in for the store: notes writes, which last until they are let go, and may fail."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Grant | None]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.broken = False
        self.cancelled = 0

    async def change(self, grant_id: str, rule: Callable[[Grant], tuple[Grant | None, Any]]) -> Any:
        self.written.append((grant_id, rule(UNCONFIRMED)[0]))
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.broken:
            raise OSError("broken")


def confirming(writing: Writing) -> Confirmations:
    return Confirmations(cast("GrantRepository", writing), lambda: NOW)


async def test_it_is_written_once_and_only_for_the_current_generation() -> None:
    writing = Writing()
    confirmations = confirming(writing)
    confirmations.note(UNCONFIRMED, UNCONFIRMED.generation - 1)
    confirmations.note(replace(UNCONFIRMED, unconfirmed_since=0), UNCONFIRMED.generation)
    confirmations.note(UNCONFIRMED, UNCONFIRMED.generation)
    confirmations.note(UNCONFIRMED, UNCONFIRMED.generation)
    await confirmations.aclose()
    assert writing.written == [(UNCONFIRMED.grant_id, replace(UNCONFIRMED, unconfirmed_since=0))]


async def test_after_a_failure_the_next_request_tries_again() -> None:
    writing = Writing()
    writing.broken = True
    confirmations = confirming(writing)
    with capture_logs() as lines:
        for _ in range(2):
            confirmations.note(UNCONFIRMED, UNCONFIRMED.generation)
            await confirmations.aclose()
            await asyncio.sleep(0)
    assert len(writing.written) == 2
    assert [line["reason"] for line in lines] == ["broken", "broken"]


async def test_too_many_at_once_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 2)
    writing = Writing()
    confirmations = confirming(writing)
    for number in range(3):
        confirmations.note(replace(UNCONFIRMED, grant_id=str(number)), UNCONFIRMED.generation)
    await confirmations.aclose()
    assert [grant_id for grant_id, _ in writing.written] == ["0", "1"]


async def test_what_takes_too_long_is_cancelled_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT_S", 0.01)
    writing = Writing()
    writing.go_on.clear()
    confirmations = confirming(writing)
    confirmations.note(UNCONFIRMED, UNCONFIRMED.generation)
    await confirmations.aclose()
    assert writing.cancelled == 1
