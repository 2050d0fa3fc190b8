"""Redeeming codes."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.crypto.handles import Handle, Kind, new_grant_id
from auth_service.grants.permissions import Narrow, StoredRules
from auth_service.protocol.errors import InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from tests.auth_service.grants.installation import Installation
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import REDIRECT_URI, VERIFIER
from tests.auth_service.service import OTHER_RESOURCE, RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-1", "AS-12")]

CODE = "authorization_code"
PRESENTED: dict[str, Any] = {"redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}


async def test_a_code_leads_to_a_grant_that_is_bound_to_the_key_of_the_request(here: Installation) -> None:
    client = await here.client()
    code = await here.code(client, await here.session())
    grant = await here.redeem(CODE, client, RESOURCE, code=code, jkt=KeyPair().thumbprint, **PRESENTED)
    assert (grant.state, grant.client_id, grant.generation) == ("active", client.client_id, 1)
    assert await here.grants.get(grant.grant_id) == grant
    assert grant.jkt is not None


async def test_a_second_use_later_revokes_the_grant(here: Installation) -> None:
    client = await here.client()
    code = await here.code(client, await here.session())
    grant = await here.redeem(CODE, client, code=code, **PRESENTED)
    here.now += 11
    with pytest.raises(InvalidGrantError, check=because(Reason.CODE_USED_TWICE)):
        await here.redeem(CODE, client, code=code, **PRESENTED)
    after = await here.grants.get(grant.grant_id)
    assert after is not None
    assert after.state == "revoked"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"redirect_uri": "https://other.example/"}, Reason.REDIRECT_URI_MISMATCH),
        ({"code_verifier": "x" * 43}, None),
    ],
)
async def test_what_is_presented_must_fit_the_request(
    here: Installation, changed: dict[str, str], reason: Reason | None
) -> None:
    client = await here.client()
    code = await here.code(client, await here.session())
    with pytest.raises(OAuthError) as refused:
        await here.redeem(CODE, client, code=code, **{**PRESENTED, **changed})
    assert reason in (None, refused.value.reason)
    with pytest.raises(OAuthError, check=because(Reason.RESOURCE_NOT_GRANTED)):
        await here.redeem(CODE, client, OTHER_RESOURCE, code=code, **PRESENTED)


async def test_tokens_and_codes_of_no_grant_are_not_valid(here: Installation) -> None:
    client = await here.client()
    grant = await here.grant(client, (await here.session()).owner)
    tokens = await here.tokens(grant, client)
    unknown = Handle(kind=Kind.CODE, grant_id=new_grant_id(), generation=0, expires_at=int(here.now) + 60)
    for code in ("x", tokens["access_token"], here.parts.grants.handles.encode(unknown)):
        with pytest.raises(InvalidGrantError, check=because(Reason.CODE_INVALID)):
            await here.redeem(CODE, client, code=code, **PRESENTED)


async def test_a_code_ends_with_the_session_it_was_given_in(here: Installation) -> None:
    client = await here.client()
    code = await here.code(client, await here.session())
    await here.parts.users.sessions.end("the session of alice")
    with pytest.raises(InvalidGrantError, check=because(Reason.SESSION_ENDED)):
        await here.redeem(CODE, client, code=code, **PRESENTED)
    with pytest.raises(InvalidGrantError, check=because(Reason.GRANT_REVOKED)):
        await here.redeem(CODE, client, code=code, **PRESENTED)


async def test_a_code_that_expires_while_it_is_redeemed_is_not_valid(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await here.client()
    code = await here.code(client, await here.session())
    permissions = here.parts.grants.permissions
    narrowing = permissions.narrowing

    async def after_its_expiry(grant: Grant, _: StoredRules) -> Narrow:
        here.now = grant.expires_at
        return await narrowing(grant)

    monkeypatch.setattr(permissions, "narrowing", after_its_expiry)
    with pytest.raises(InvalidGrantError, check=because(Reason.CODE_INVALID)):
        await here.redeem(CODE, client, code=code, **PRESENTED)
