"""Finding the grant of a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auth_service.crypto.handles import Handle, Kind, new_grant_id
from auth_service.protocol.access_token import access_token_claims
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from shared.access_tokens import TYPE
from tests.auth_service.grants.installation import ISSUER, JWT_SERVER, Installation
from tests.auth_service.service import OTHER_RESOURCE, OTHER_RESOURCE_SERVER, RESOURCE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-15", "AS-19")]


@pytest.fixture
async def here(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Installation]:
    """One resource takes JWTs, the other does not."""
    here = Installation(tmp_path, resource_servers=[JWT_SERVER, OTHER_RESOURCE_SERVER])
    yield here
    await here.parts.grants.confirmations.aclose()
    await here.store.aclose()


async def issued(here: Installation, resource: str) -> tuple[Grant, dict[str, Any]]:
    client = await here.client()
    grant = await here.grant(client, (await here.session()).owner, resource=resource)
    return grant, await here.tokens(grant, client)


@pytest.mark.parametrize("resource", [RESOURCE, OTHER_RESOURCE])
async def test_a_token_leads_to_its_grant_until_it_expires(here: Installation, resource: str) -> None:
    reader = here.parts.grants.token_reader
    grant, tokens = await issued(here, resource)
    expected = (
        Handle(
            kind=Kind.ACCESS_TOKEN, grant_id=grant.grant_id, generation=1, expires_at=grant.access_expires_at
        ),
        grant,
    )
    assert await reader.read_token(tokens["access_token"]) == expected
    assert await reader.live_access(tokens["access_token"]) == expected
    refresh = await reader.read_token(tokens["refresh_token"])
    assert refresh is not None
    assert refresh[0].is_refresh_token
    assert await reader.live_access(tokens["refresh_token"]) is None
    for later_s in (0, 1):
        here.now = float(grant.access_expires_at + later_s)
        assert await reader.read_token(tokens["access_token"]) is None


@pytest.mark.parametrize("resource", [RESOURCE, OTHER_RESOURCE])
async def test_a_revoked_grant_has_no_live_token(here: Installation, resource: str) -> None:
    reader = here.parts.grants.token_reader
    grant, tokens = await issued(here, resource)
    await here.grants.revoke(grant.grant_id)
    assert await reader.read_token(tokens["access_token"]) is not None
    assert await reader.live_access(tokens["access_token"]) is None


async def test_a_token_ends_with_any_grant_it_was_derived_from(here: Installation) -> None:
    client, reader = await here.client(), here.parts.grants.token_reader
    parent = await here.grant(client)
    child = replace(await here.grant(client, resource=OTHER_RESOURCE), parent_grants=(parent.grant_id,))
    child = replace(child, grant_id=new_grant_id())
    await here.grants.open(child)
    token = (await here.tokens(child, client))["access_token"]
    assert await reader.live_access(token) is not None
    await here.grants.revoke(parent.grant_id)
    assert await reader.live_access(token) is None


async def test_a_live_token_that_is_presented_confirms_the_refresh(here: Installation) -> None:
    client = await here.client()
    grant = replace(await here.grant(client), unconfirmed_since=int(here.now), grant_id=new_grant_id())
    await here.grants.open(grant)
    token = (await here.tokens(grant, client))["access_token"]
    assert await here.parts.grants.token_reader.live_access(token) is not None
    await here.parts.grants.confirmations.aclose()
    confirmed = await here.grants.get(grant.grant_id)
    assert confirmed is not None
    assert confirmed.unconfirmed_since == 0


@pytest.mark.parametrize(
    "changed", [{"iss": "https://other.example"}, {"exp": None}, {"jti": None}, {"jti": "x"}, {"exp": "soon"}]
)
async def test_a_jwt_with_other_claims_is_not_read(here: Installation, changed: dict[str, Any]) -> None:
    grant, _ = await issued(here, RESOURCE)
    claims = {**access_token_claims(grant, ISSUER), **changed}
    members = {name: value for name, value in claims.items() if value is not None}
    signed = await here.parts.base.signing_keys.sign(members, typ=TYPE, alg="RS256")
    assert await here.parts.grants.token_reader.read_token(signed) is None


async def test_a_jwt_of_another_type_or_with_another_signature_is_not_read(here: Installation) -> None:
    grant, tokens = await issued(here, RESOURCE)
    claims = access_token_claims(grant, ISSUER)
    other_type = await here.parts.base.signing_keys.sign(claims, typ="JWT", alg="RS256")
    head, body, signature = tokens["access_token"].split(".")
    forged = f"{head}.{body}.{'A' * len(signature)}"
    for token in (other_type, forged, "a.b.c", f"{tokens['access_token']}.x"):
        assert await here.parts.grants.token_reader.read_token(token) is None


async def test_the_log_says_why_a_token_was_not_found(here: Installation) -> None:
    reader = here.parts.grants.token_reader
    grant, tokens = await issued(here, OTHER_RESOURCE)
    unknown = Handle(
        kind=Kind.ACCESS_TOKEN, grant_id=new_grant_id(), generation=1, expires_at=grant.access_expires_at
    )
    encoded = here.parts.grants.handles.encode(unknown)
    early = here.parts.grants.handles.encode(replace(unknown, expires_at=1))
    assert reader.why_not_found("x")[0] is Reason.TOKEN_NOT_OF_THIS_INSTALLATION
    assert await reader.read_token(encoded) is None
    assert reader.why_not_found(encoded)[0] is Reason.TOKEN_GRANT_GONE
    assert reader.why_not_found(early)[0] is Reason.TOKEN_EXPIRED
    here.now = float(grant.access_expires_at)
    assert reader.why_not_found(tokens["access_token"])[0] is Reason.TOKEN_EXPIRED
