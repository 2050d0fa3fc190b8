"""Assertions of trusted issuers as grants."""

from __future__ import annotations

import pytest

from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidGrantError, InvalidTargetError, UnauthorizedClientError
from auth_service.protocol.jwt_bearer import GRANT_TYPE, WORKLOAD_PREFIX
from auth_service.protocol.proof_source import ProofSource
from auth_service.protocol.reasons import Reason
from tests.auth_service.grants.assertions import id_jag, workload
from tests.auth_service.grants.installation import IDP, IDP_KEY, Installation
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import NOW
from tests.auth_service.service import RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12", "EXT-2")]


async def confidential(here: Installation) -> Client:
    return await here.client("client_secret_basic")


async def test_an_identity_assertion_lets_a_client_act_for_a_user(here: Installation) -> None:
    client = await confidential(here)
    for email, username in (("alice@corp.example", "alice@corp.example"), (None, "alice"), (7, "alice")):
        grant = await here.redeem(GRANT_TYPE, client, assertion=id_jag(client, email=email), jkt="key")
        assert (grant.username, grant.assertion_issuer, grant.jkt) == (username, IDP, "key")
        assert (grant.scopes, grant.resource) == (("notes:read", "notes:write"), RESOURCE)
        assert (grant.client_id, grant.refreshable) == (client.client_id, False)
        assert grant.expires_at == NOW + 300
        assert grant.subject != "alice"


async def test_scopes_must_be_asserted_requested_and_of_the_resource(here: Installation) -> None:
    client = await confidential(here)
    narrow = await here.redeem(GRANT_TYPE, client, assertion=id_jag(client, scope="notes:read openid"))
    assert narrow.scopes == ("notes:read",)
    form = {"assertion": id_jag(client), "scope": "notes:write openid"}
    assert (await here.redeem(GRANT_TYPE, client, **form)).scopes == ("notes:write",)


@pytest.mark.parametrize("lives_s", [-5, 1, 2, 3_600])
async def test_the_grant_ends_with_the_assertion_or_as_an_access_token_does(
    here: Installation, lives_s: int
) -> None:
    client = await here.client("client_secret_basic", grant_types=[GRANT_TYPE])
    grant = await here.redeem(GRANT_TYPE, client, assertion=id_jag(client, exp=NOW + lives_s))
    assert grant.expires_at == NOW + max(1, min(lives_s, here.parts.grants.lifetimes.access_s))


async def test_an_assertion_is_good_once_for_as_long_as_it_is_accepted(here: Installation) -> None:
    client = await confidential(here)
    assertion = id_jag(client)
    for later_s in (0, 300, 329):
        here.now = NOW + float(later_s)
        if later_s == 0:
            await here.redeem(GRANT_TYPE, client, assertion=assertion)
        with pytest.raises(InvalidGrantError, check=because(Reason.ASSERTION_REPLAYED)):
            await here.redeem(GRANT_TYPE, client, assertion=assertion)


async def test_its_use_is_forgotten_soon_after_it_has_expired(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered: list[int] = []

    async def use(key: str, source: ProofSource, *, ttl_s: int) -> bool:
        remembered.append(ttl_s)
        return True

    monkeypatch.setattr(here.parts.client_auth.proof_replay_cache, "use", use)
    client = await confidential(here)
    await here.redeem(GRANT_TYPE, client, assertion=id_jag(client))
    assert remembered == [300 + 60]


async def test_assertions_that_are_not_what_they_must_be_are_refused(here: Installation) -> None:
    client = await confidential(here)
    forged = KeyPair()
    forged.kid = IDP_KEY.kid
    refused = {
        "x": Reason.ASSERTION_INVALID,
        id_jag(client, forged): Reason.ASSERTION_INVALID,
        id_jag(client, aud="https://other.example"): Reason.ASSERTION_INVALID,
        id_jag(client, jti=None): Reason.ASSERTION_INVALID,
        id_jag(client, iss="https://stranger.example"): Reason.ASSERTION_ISSUER_UNTRUSTED,
        id_jag(client, resource="https://unknown.example"): Reason.ASSERTION_RESOURCE_UNKNOWN,
        workload(repository="other/app"): Reason.WORKLOAD_NOT_ADMITTED,
    }
    for assertion, reason in refused.items():
        with pytest.raises(InvalidGrantError, check=because(reason)):
            await here.redeem(GRANT_TYPE, client, assertion=assertion)


async def test_an_identity_assertion_is_for_clients_that_authenticate(here: Installation) -> None:
    client = await here.client()
    with pytest.raises(UnauthorizedClientError, check=because(Reason.CLIENT_NOT_CONFIDENTIAL)):
        await here.redeem(GRANT_TYPE, client, assertion=id_jag(client))


async def test_a_workload_acts_for_itself_as_often_as_it_likes(here: Installation) -> None:
    client = await here.client()
    assertion = workload(jti="one")
    for presented in (assertion, assertion, workload(jti=7), workload()):
        grant = await here.redeem(GRANT_TYPE, client, RESOURCE, assertion=presented)
        assert grant.client_id == f"{WORKLOAD_PREFIX}{grant.subject}"
        assert (grant.scopes, grant.username) == (("notes:read",), "repo:acme/app")
    with pytest.raises(InvalidTargetError, check=because(Reason.RESOURCE_MISSING)):
        await here.redeem(GRANT_TYPE, client, assertion=assertion)
