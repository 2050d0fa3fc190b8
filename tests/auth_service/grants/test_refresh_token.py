"""Refreshing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auth_service.access.components import AccessComponents
from auth_service.crypto.handles import Handle, Kind, new_grant_id
from auth_service.protocol.access_document import parse_access
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from tests.auth_service.grants.installation import JWT_SERVER, Installation
from tests.auth_service.service import OTHER_RESOURCE, RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-13")]

REFRESH = "refresh_token"


async def refresh_token(here: Installation, method: str = "none", **metadata: Any) -> tuple[Client, str]:
    client = await here.client(method, **metadata)
    grant = await here.grant(client, (await here.session()).owner)
    return client, (await here.tokens(grant, client))["refresh_token"]


async def test_a_refresh_rotates(here: Installation) -> None:
    client, token = await refresh_token(here)
    grant = await here.redeem(REFRESH, client, RESOURCE, refresh_token=token, scope="notes:read")
    assert (grant.generation, grant.scopes_of(2)) == (2, ("notes:read",))
    assert grant.unconfirmed_since == here.now
    with pytest.raises(OAuthError, check=because(Reason.RESOURCE_NOT_GRANTED)):
        await here.redeem(REFRESH, client, OTHER_RESOURCE, refresh_token=token)


@pytest.mark.parametrize(("method", "moves"), [("none", False), ("client_secret_basic", True)])
async def test_only_an_authenticated_client_moves_its_tokens_to_another_key(
    here: Installation, method: str, moves: bool
) -> None:
    client, token = await refresh_token(here, method)
    grant = await here.redeem(REFRESH, client, refresh_token=token, jkt="one")
    assert grant.jkt == "one"
    token = (await here.tokens(grant, client))["refresh_token"]
    if moves:
        assert (await here.redeem(REFRESH, client, refresh_token=token, jkt="two")).jkt == "two"
        return
    with pytest.raises(OAuthError, check=because(Reason.DPOP_KEY_MISMATCH)):
        await here.redeem(REFRESH, client, refresh_token=token, jkt="two")


async def test_other_texts_and_tokens_of_no_grant_are_not_valid(here: Installation) -> None:
    client = await here.client()
    grant = await here.grant(client, (await here.session()).owner)
    access = (await here.tokens(grant, client))["access_token"]
    unknown = Handle(
        kind=Kind.REFRESH_TOKEN, grant_id=new_grant_id(), generation=1, expires_at=int(here.now) + 60
    )
    for token in ("x", access, here.parts.grants.handles.encode(unknown)):
        with pytest.raises(InvalidGrantError, check=because(Reason.REFRESH_TOKEN_INVALID)):
            await here.redeem(REFRESH, client, refresh_token=token)


@pytest.mark.parametrize(
    ("metadata", "unconfirmed"), [({}, False), ({"subject_type": "pairwise"}, True)], ids=["JWTs", "opaque"]
)
async def test_no_confirmation_is_expected_of_tokens_that_are_verified_locally(
    tmp_path: Path, metadata: dict[str, str], unconfirmed: bool
) -> None:
    here = Installation(tmp_path, resource_servers=[JWT_SERVER])
    client, token = await refresh_token(here, **metadata)
    grant = await here.redeem(REFRESH, client, refresh_token=token)
    assert (grant.unconfirmed_since > 0) == unconfirmed
    await here.store.aclose()


async def test_groups_are_renewed_only_for_an_active_grant_of_the_client(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, token = await refresh_token(here)
    renewed: list[str] = []

    async def renew(grant: Grant) -> bool:
        renewed.append(grant.state)
        return False

    monkeypatch.setattr(here.parts.grants.permissions, "renew", renew)
    grant = await here.redeem(REFRESH, client, refresh_token=token)
    assert renewed == ["active"]
    with pytest.raises(InvalidGrantError):
        await here.redeem(REFRESH, await here.client(), refresh_token=token)
    await here.grants.revoke(grant.grant_id)
    with pytest.raises(InvalidGrantError, check=because(Reason.GRANT_REVOKED)):
        await here.redeem(REFRESH, client, refresh_token=token)
    assert renewed == ["active"]


async def test_rules_that_change_while_the_provider_is_asked_apply_to_the_refresh(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, token = await refresh_token(here)

    async def renew(_: Grant) -> bool:
        rules = AccessComponents.of_store(here.store, lambda: here.now, None).rules
        await rules.save(parse_access({"people": {}}), 0)
        return True

    monkeypatch.setattr(here.parts.grants.permissions, "renew", renew)
    with pytest.raises(OAuthError, check=because(Reason.ACCESS_NOT_GRANTED)):
        await here.redeem(REFRESH, client, refresh_token=token)


async def test_a_token_whose_grant_expires_while_it_is_refreshed_is_not_valid(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, token = await refresh_token(here)

    async def expire(grant: Grant) -> bool:
        here.now = grant.expires_at
        return True

    monkeypatch.setattr(here.parts.grants.permissions, "renew", expire)
    with pytest.raises(InvalidGrantError, check=because(Reason.REFRESH_TOKEN_INVALID)):
        await here.redeem(REFRESH, client, refresh_token=token)
