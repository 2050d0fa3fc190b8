"""Issuing codes after a consent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auth_service.grants import code_issuer
from auth_service.protocol.claims_request import ACR_MFA, ACR_PASSWORD
from auth_service.protocol.interaction import Outcome
from tests.auth_service.grants.installation import Installation, authorization_request
from tests.auth_service.protocol.builders import REDIRECT_URI

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-1")]

FAPI: dict[str, Any] = {
    "method": "private_key_jwt",
    "dpop_bound_access_tokens": True,
    "require_pushed_authorization_requests": True,
}


async def test_the_grant_holds_what_the_request_asked_for(here: Installation) -> None:
    client, session = await here.client(), await here.session()
    request = authorization_request(
        client,
        nonce="n",
        dpop_jkt="jkt",
        redirect_uri_given=False,
        id_token_claims=("name",),
        userinfo_claims=("email",),
    )
    outcome = here.codes.outcome(client)
    code = await here.codes.issue(outcome, request, session, ("notes:read",), client=client)
    grant = await here.grants.get(outcome.grant_id or "")
    assert grant is not None
    assert (grant.state, grant.scopes, grant.subject) == ("code", ("notes:read",), session.subject)
    assert (grant.redirect_uri, grant.redirect_uri_given) == (REDIRECT_URI, False)
    assert (grant.nonce, grant.code_jkt, grant.code_challenge) == ("n", "jkt", request.code_challenge)
    assert (grant.id_token_claims, grant.userinfo_claims) == (("name",), ("email",))
    assert (grant.resource, grant.refreshable) == (request.resource, True)
    lifetimes = here.parts.grants.lifetimes
    assert grant.expires_at == here.now + lifetimes.code_s + lifetimes.refresh_absolute_s
    assert await here.codes.again(outcome) == code


@pytest.mark.parametrize(("acr", "held"), [(ACR_MFA, ACR_MFA), (ACR_PASSWORD, None)])
async def test_the_grant_holds_the_context_of_the_login_unless_it_was_a_password(
    here: Installation, acr: str, held: str | None
) -> None:
    client, session = await here.client(), await here.session()
    outcome, request = here.codes.outcome(client), authorization_request(client)
    of_login = SimpleNamespace(owner=session.owner, acr=acr)
    await here.codes.issue(outcome, request, of_login, request.scopes, client=client)  # type: ignore[arg-type]
    grant = await here.grants.get(outcome.grant_id or "")
    assert grant is not None
    assert grant.acr == held


async def test_a_request_without_a_grant_id_gets_one(here: Installation) -> None:
    client, session = await here.client(), await here.session()
    outcome = Outcome(grant_id=None, code_expires_at=int(here.now) + 5)
    code = await here.codes.issue(
        outcome, authorization_request(client), session, ("notes:read",), client=client
    )
    assert code is not None
    handle = here.parts.grants.handles.read_handle(code, here.now + 4)
    assert handle is not None
    assert await here.grants.get(handle.grant_id) is not None


@pytest.mark.parametrize(("configured_s", "fapi_s"), [(30, 30), (90, 60)])
async def test_codes_of_clients_that_follow_fapi_live_a_minute_at_most(
    tmp_path: Path, configured_s: int, fapi_s: int
) -> None:
    here = Installation(tmp_path, code_ttl_s=configured_s)
    usual, fapi = await here.client(), await here.client(**FAPI)
    assert here.codes.outcome(usual).code_expires_at == here.now + configured_s
    assert here.codes.outcome(fapi).code_expires_at == here.now + fapi_s
    await here.store.aclose()


async def test_no_code_is_issued_once_the_client_the_user_or_the_session_is_gone(here: Installation) -> None:
    client, session = await here.client(), await here.session()
    outcome, request = here.codes.outcome(client), authorization_request(client)
    await here.parts.users.sessions.end("the session of alice")
    assert await here.codes.issue(outcome, request, session, request.scopes, client=client) is None
    await here.parts.clients.repository.delete(client.client_id)
    assert (
        await here.codes.issue(here.codes.outcome(client), request, session, request.scopes, client=client)
        is None
    )


async def test_a_code_that_was_never_issued_is_waited_for_only_a_while(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pytest.approx(2) == code_issuer._LOOKS * code_issuer._LOOK_EVERY_S  # noqa: SLF001
    monkeypatch.setattr(code_issuer, "_LOOK_EVERY_S", 0)
    client = await here.client()
    assert await here.codes.again(here.codes.outcome(client)) is None
    assert await here.codes.again(Outcome(grant_id=None, code_expires_at=0)) is None


async def test_a_code_that_is_still_on_its_way_is_waited_for(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, session = await here.client(), await here.session()
    outcome, request = here.codes.outcome(client), authorization_request(client)
    codes: list[str | None] = []

    async def issue_meanwhile(_: float) -> None:
        codes.append(await here.codes.issue(outcome, request, session, request.scopes, client=client))

    # In this module alone: servers of other tests may be sleeping in this process, too.
    monkeypatch.setattr(code_issuer, "asyncio", SimpleNamespace(sleep=issue_meanwhile))
    assert [await here.codes.again(outcome)] == codes
