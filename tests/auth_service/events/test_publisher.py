"""No grant ends unannounced: the event is sent before the write, or nothing is written. On both stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from auth_service.events.publisher import decode_event
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant, redeem, refresh, revoke_by_client
from auth_service.storage import keys
from shared.storage import Store, StoreUnavailableError
from tests.auth_service.protocol.builders import (
    LIFETIMES,
    NOW,
    active_grant,
    code_grant,
    redemption,
    refreshing,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-16", "SEC-9")]


class Noting:
    """A real store that notes who is told of what, and when a grant is written; and that can fail to tell."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: list[str] = []
        self.mute = False
        self.lose = 0
        self.now, self.attempt_s = float(NOW), 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def publish(self, channel: str, message: bytes) -> None:
        if self.mute:
            raise StoreUnavailableError("mute")
        assert channel == keys.revocations()
        event = decode_event(message)
        self.calls.append(f"told of {event.grant_id}: {event.reason}")
        await self._store.publish(channel, message)

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl_s: int | None) -> bool:
        if self.lose:
            self.lose -= 1
            self.now += self.attempt_s
            self.calls.append("overtaken")
            return False
        self.calls.append("written")
        return await self._store.replace(key, old, new, ttl_s=ttl_s)


@pytest.fixture
def noting(store: Store) -> Noting:
    return Noting(store)


@pytest.fixture
async def grants(noting: Noting, anyio_backend: str) -> GrantRepository:
    grants = GrantRepository(cast("Store", noting), lambda: noting.now)
    await grants.open(GRANT)
    return grants


GRANT = replace(active_grant(), generation=9)  # so that there are older refresh tokens
ID = GRANT.grant_id

End = Callable[[GrantRepository], Awaitable[object]]
ENDS: dict[str, End] = {
    "it was revoked": lambda grants: grants.revoke(ID),
    "the client revoked it": lambda grants: grants.change(ID, lambda g: revoke_by_client(g, "client-1")),
    "its code was used twice": lambda grants: grants.change(
        ID, lambda grant: redeem(grant, redemption(), LIFETIMES, NOW + 11)
    ),
    "one of its refresh tokens was used twice": lambda grants: grants.change(
        ID, lambda grant: refresh(grant, refreshing(7), LIFETIMES, NOW)
    ),
    "the user was disabled": lambda grants: grants.revoke_of_subject(str(GRANT.subject)),
    "the client was deleted": lambda grants: grants.revoke_of_client(GRANT.client_id),
}


async def state(grants: GrantRepository) -> Grant:
    grant = await grants.get(ID)
    assert grant
    return grant


@pytest.mark.parametrize("reason", ENDS)
async def test_it_is_announced_before_it_is_written_and_again_after(
    grants: GrantRepository, noting: Noting, reason: str
) -> None:
    await ENDS[reason](grants)
    entry = f"told of {ID}: {reason}"
    assert noting.calls == [entry, "written", entry]
    grant = await state(grants)
    assert (grant.state, grant.revocation_reason) == ("revoked", reason)


@pytest.mark.parametrize("reason", ENDS)
async def test_what_cannot_be_told_does_not_happen(
    grants: GrantRepository, noting: Noting, reason: str
) -> None:
    noting.mute = True
    with pytest.raises(StoreUnavailableError):
        await ENDS[reason](grants)
    assert noting.calls == []
    assert (await state(grants)).state == "active"
    noting.mute = False
    await ENDS[reason](grants)
    assert (await state(grants)).state == "revoked"


async def test_it_is_announced_once_before_several_attempts(grants: GrantRepository, noting: Noting) -> None:
    noting.lose = 2
    await grants.revoke(ID)
    entry = f"told of {ID}: it was revoked"
    assert noting.calls == [entry, "overtaken", "overtaken", "written", entry]


async def test_what_is_written_is_what_was_decided_last(grants: GrantRepository, noting: Noting) -> None:
    noting.lose = 1
    results = iter(["overtaken", "written"])
    assert await grants.change(ID, lambda grant: (replace(grant, acr="x"), next(results))) == "written"


@pytest.mark.parametrize(("attempt_s", "times"), [(19.9, 1), (20.0, 2)])
async def test_it_is_announced_again_if_writing_takes_twenty_seconds(
    grants: GrantRepository, noting: Noting, attempt_s: float, times: int
) -> None:
    noting.lose, noting.attempt_s = 1, attempt_s
    await grants.revoke(ID)
    assert noting.calls.index("written") == 1 + times


async def test_a_grant_that_waits_for_its_code_is_announced_too(
    grants: GrantRepository, noting: Noting
) -> None:
    await grants.open(code_grant(grant_id="waiting"))
    await grants.revoke("waiting")
    assert noting.calls[0] == "told of waiting: it was revoked"


async def test_what_ends_nothing_is_not_told(grants: GrantRepository, noting: Noting) -> None:
    await grants.change(ID, lambda grant: revoke_by_client(grant, "client-2"))
    await grants.change(ID, lambda grant: refresh(grant, refreshing(9), LIFETIMES, NOW))
    assert noting.calls == ["written"]
    await grants.revoke(ID)
    noting.calls.clear()
    assert await grants.revoke(ID) is False
    assert await grants.revoke("unknown") is False
    assert noting.calls == []
