"""A failure uses up nothing: the same token request works when it is repeated, whatever the grant type."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from auth_service.grants.base import TokenRequest
from auth_service.protocol import device, jwt_bearer
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidGrantError
from auth_service.protocol.grant import Grant
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.proof_source import ProofSource
from shared.storage import StoreUnavailableError
from tests.auth_service.grants.assertions import id_jag
from tests.auth_service.grants.installation import Installation
from tests.auth_service.protocol.builders import REDIRECT_URI, VERIFIER
from tests.auth_service.service import RESOURCE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12")]

WRITES = ("create", "replace", "put_once", "count", "index_add")
Request = tuple[str, Client, dict[str, str]]
"""The grant type, the client, and the parameters."""


async def of_code(here: Installation, username: str) -> Request:
    client = await here.client()
    code = await here.code(client, await here.session(username))
    parameters = {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return "authorization_code", client, parameters


async def of_refresh_token(here: Installation, username: str) -> Request:
    client = await here.client()
    grant = await here.grant(client, (await here.session(username)).owner)
    return "refresh_token", client, {"refresh_token": (await here.tokens(grant, client))["refresh_token"]}


async def of_client(here: Installation, _: str) -> Request:
    return "client_credentials", await here.client("client_secret_basic"), {}


async def of_device(here: Installation, username: str) -> Request:
    client, session = await here.client(), await here.session(username)
    devices = here.parts.grants.devices
    device_code, request = await devices.begin(client.client_id, ("notes:read",), RESOURCE)
    pending = await devices.by_user_code(request.user_code)
    assert pending is not None
    assert await devices.approve(pending[0], session, ("notes:read",))
    return device.GRANT_TYPE, client, {"device_code": device_code}


async def of_assertion(here: Installation, _: str) -> Request:
    client = await here.client("client_secret_basic")
    return jwt_bearer.GRANT_TYPE, client, {"assertion": id_jag(client)}


KINDS = pytest.mark.parametrize("begin", [of_code, of_refresh_token, of_client, of_device, of_assertion])
SINGLE_USE = pytest.mark.parametrize("begin", [of_device, of_assertion])
Begin = Callable[[Installation, str], Awaitable[Request]]


async def redeem(here: Installation, request: Request, prepare: Any = None) -> Grant:
    name, client, parameters = request
    return await here.grant_types[name].redeem(
        TokenRequest(
            client=client,
            parameters=Parameters(parameters, (RESOURCE,)),
            now=int(here.now),
            proof_source=ProofSource("192.0.2.1"),
            prepare=prepare,
        )
    )


class Outage:
    """Lets one write of a store fail: the one with this number."""

    def __init__(self, number: int) -> None:
        self.remaining = number

    def begin(self, here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in WRITES:
            monkeypatch.setattr(here.store, name, self._failing(getattr(here.store, name)))

    def _failing(self, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **more: Any) -> Any:
            self.remaining -= 1
            if self.remaining == 0:
                raise StoreUnavailableError("down")
            return await write(*arguments, **more)

        return call


@KINDS
async def test_a_request_works_when_it_is_repeated_after_a_failure_of_any_write(
    here: Installation, monkeypatch: pytest.MonkeyPatch, begin: Begin
) -> None:
    number, failed = 0, True
    while failed:
        number, failed = number + 1, False
        request, outage = await begin(here, f"user{number}"), Outage(number)
        with monkeypatch.context() as patched:
            outage.begin(here, patched)
            try:
                grant = await redeem(here, request)
            except StoreUnavailableError:
                failed = True
        if failed:
            grant = await redeem(here, request)
        stored = await here.grants.get(grant.grant_id)
        assert stored is not None
        assert stored.state == "active"
    assert number > 1


@KINDS
async def test_a_request_works_when_it_is_repeated_after_its_response_could_not_be_made(
    here: Installation, begin: Begin
) -> None:
    request = await begin(here, "alice")
    prepared: list[Grant] = []

    async def fail(grant: Grant) -> None:
        prepared.append(grant)
        raise LookupError("no key signs with RS256")

    with pytest.raises(LookupError):
        await redeem(here, request, fail)
    assert len(prepared) == 1

    async def prepare(grant: Grant) -> None:
        prepared.append(grant)

    assert await redeem(here, request, prepare) == prepared[-1]


@SINGLE_USE
async def test_of_concurrent_requests_one_gets_tokens_and_no_other_grant_stays_active(
    here: Installation, begin: Begin
) -> None:
    request = await begin(here, "alice")
    client = request[1]
    outcomes = await asyncio.gather(*(redeem(here, request) for _ in range(4)), return_exceptions=True)
    winners = [each for each in outcomes if isinstance(each, Grant)]
    assert len(winners) == 1
    assert all(isinstance(each, InvalidGrantError) for each in outcomes if each not in winners), outcomes
    listed = await here.store.index_list(f"doorward:client-grants:{client.client_id}")
    active = [each for name in listed if (each := await here.grants.get(name)) and each.state == "active"]
    assert [each.grant_id for each in active] == [winners[0].grant_id]
