"""The members of a token response."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from auth_service.crypto.handles import Kind
from tests.auth_service.grants.installation import ISSUER, JWT_SERVER, Installation
from tests.auth_service.service import RESOURCE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12", "AS-17", "AS-19")]

OPENID = ("openid", "profile", "notes:read")


def unverified(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


async def test_tokens_are_handles_to_the_grant_and_its_generation(here: Installation) -> None:
    client = await here.client()
    grant = await here.grant(client, (await here.session()).owner)
    members = await here.tokens(grant, client)
    assert members == await here.tokens(grant, client)
    assert set(members) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    for name, kind, until in (
        ("access_token", Kind.ACCESS_TOKEN, grant.access_expires_at),
        ("refresh_token", Kind.REFRESH_TOKEN, grant.refresh_expires_at),
    ):
        handle = here.parts.grants.handles.read_handle(members[name], here.now)
        assert handle is not None
        assert (handle.kind, handle.grant_id, handle.generation) == (kind, grant.grant_id, 1)
        assert handle.expires_at == until
    unrefreshable = await here.tokens(await here.grant(client), client)
    assert "refresh_token" not in unrefreshable


@pytest.mark.parametrize(("jkt", "bound"), [(None, False), ("thumbprint", True)])
async def test_tokens_say_that_they_are_bound_and_access_tokens_that_they_are_narrowed(
    here: Installation, jkt: str | None, bound: bool
) -> None:
    client = await here.client()
    grant = await here.grant(client, (await here.session()).owner)
    for narrowed in ({"1": "notes:read"}, {"2": "notes:read"}):
        members = await here.tokens(replace(grant, jkt=jkt, narrowed=narrowed), client)
        access = here.parts.grants.handles.read_handle(members["access_token"], here.now)
        refresh = here.parts.grants.handles.read_handle(members["refresh_token"], here.now)
        assert access is not None
        assert refresh is not None
        assert (access.narrowed, refresh.narrowed) == ("1" in narrowed, False)
        assert (access.bound, refresh.bound) == (bound, bound)


async def test_the_code_is_of_generation_0(here: Installation) -> None:
    grant = await here.grant(await here.client())
    code = here.parts.grants.token_issuer.authorization_code(grant, int(here.now) + 7)
    handle = here.parts.grants.handles.read_handle(code, here.now)
    assert handle is not None
    assert (handle.kind, handle.generation, handle.expires_at) == (Kind.CODE, 0, here.now + 7)


async def test_an_id_token_comes_with_the_first_tokens_of_a_user_who_signs_in(here: Installation) -> None:
    client = await here.client()
    session = await here.session(name="Alice A.")
    grant = await here.grant(client, session.owner, scopes=OPENID)
    claims = unverified((await here.tokens(grant, client))["id_token"])
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, client.client_id, session.subject)
    assert "name" not in claims
    requested = replace(grant, id_token_claims=("name",))
    assert unverified((await here.tokens(requested, client))["id_token"])["name"] == "Alice A."
    without = [
        replace(grant, generation=2),
        replace(grant, subject=None),
        replace(grant, scopes=("notes:read",)),
        replace(grant, parent_grants=("x",)),
    ]
    for other in without:
        assert "id_token" not in await here.tokens(other, client)


async def test_an_exchanged_token_says_what_it_is(here: Installation) -> None:
    client = await here.client()
    grant = replace(await here.grant(client), parent_grants=("x",))
    issued = (await here.tokens(grant, client))["issued_token_type"]
    assert issued == "urn:ietf:params:oauth:token-type:access_token"


async def test_only_a_resource_that_takes_them_and_a_client_with_public_subjects_get_jwts(
    tmp_path: Path,
) -> None:
    here = Installation(tmp_path, resource_servers=[JWT_SERVER])
    public, pairwise = await here.client(), await here.client(subject_type="pairwise")
    grant = await here.grant(public, (await here.session()).owner)
    token = (await here.tokens(grant, public))["access_token"]
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert unverified(token)["aud"] == RESOURCE
    here.now += 30 * 86_400  # the keys have been changed by then
    assert (await here.tokens(grant, public))["access_token"] == token
    for of, changed in ((pairwise, grant), (public, replace(grant, resource=None))):
        assert (await here.tokens(changed, of))["access_token"].startswith("dw_at_")
    await here.store.aclose()
