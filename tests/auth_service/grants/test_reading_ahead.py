"""Grants that are read before the client of a token request is authenticated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from auth_service.grants.base import Begun
from auth_service.grants.reading_ahead import begin_reading, end_reading
from auth_service.protocol.parameters import Parameters
from tests.auth_service.grants.installation import Installation

pytestmark = pytest.mark.anyio

GRANT_TYPES = pytest.mark.parametrize(
    ("name", "parameter"), [("authorization_code", "code"), ("refresh_token", "refresh_token")]
)


async def genuine(here: Installation, parameter: str) -> str:
    client, session = await here.client(), await here.session()
    if parameter == "code":
        return await here.code(client, session)
    token: str = (await here.tokens(await here.grant(client, session.owner), client))[parameter]
    return token


def sends_at_once(here: Installation, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Let the store send reads at once, as Redis does; return the keys of each."""
    sent: list[Sequence[str]] = []

    def get_many(keys: Sequence[str]) -> asyncio.Future[list[bytes | None]]:
        sent.append(keys)
        return asyncio.get_running_loop().create_future()

    monkeypatch.setattr(here.store, "get_many", get_many)
    return sent


def begun(here: Installation, name: str, **parameters: str) -> Begun | None:
    return begin_reading(here.grant_types.get(name), Parameters(parameters), int(here.now))


@GRANT_TYPES
async def test_the_grant_of_a_genuine_token_is_read_beside_the_client(
    here: Installation, monkeypatch: pytest.MonkeyPatch, name: str, parameter: str
) -> None:
    token = await genuine(here, parameter)
    sent = sends_at_once(here, monkeypatch)
    reading = begun(here, name, **{parameter: token})
    assert reading is not None
    assert len(sent) == 1
    assert sent[0][0].endswith(reading.handle.grant_id)
    end_reading(reading)
    assert isinstance(reading.values, asyncio.Future)
    assert reading.values.cancelled()


@GRANT_TYPES
async def test_nothing_is_read_for_strangers_and_for_clients_that_may_be_fetched(
    here: Installation, monkeypatch: pytest.MonkeyPatch, name: str, parameter: str
) -> None:
    token = await genuine(here, parameter)
    sent = sends_at_once(here, monkeypatch)
    assert begun(here, name) is None
    assert begun(here, name, **{parameter: f"{token}x"}) is None
    assert begun(here, name, **{parameter: token}, client_id="https://app.example/client.json") is None
    assert begun(here, name, **{parameter: token}, client_assertion="a.b.c") is None
    assert begun(here, "client_credentials", **{parameter: token}) is None
    assert begun(here, "unknown", **{parameter: token}) is None
    assert sent == []


@GRANT_TYPES
async def test_a_store_that_does_not_send_at_once_is_read_later(
    here: Installation, name: str, parameter: str
) -> None:
    assert begun(here, name, **{parameter: await genuine(here, parameter)}) is None


async def test_a_failed_reading_that_was_not_used_is_dropped_silently() -> None:
    failed: asyncio.Future[list[bytes | None]] = asyncio.get_running_loop().create_future()
    failed.set_exception(ConnectionError("gone"))
    end_reading(Begun(None, failed))  # type: ignore[arg-type] # of no matter here
    end_reading(None)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    del failed
    assert complaints == []
