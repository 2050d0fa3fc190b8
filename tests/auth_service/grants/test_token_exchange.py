"""Exchanging tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from auth_service.protocol.claims_request import ACR_MFA
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidRequestError, InvalidTargetError, OAuthError
from auth_service.protocol.grant import Grant
from auth_service.protocol.owner import Owner
from auth_service.protocol.reasons import Reason
from auth_service.protocol.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from tests.auth_service.grants.installation import Installation
from tests.auth_service.service import OTHER_RESOURCE, RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12")]

RULE = {"client_id": "exchanger", "sources": [RESOURCE], "targets": [OTHER_RESOURCE]}


class Exchange:
    """An installation where one client may exchange tokens."""

    def __init__(self, directory: Path) -> None:
        self.here = Installation(directory, token_exchange=[RULE])
        metadata = {"token_endpoint_auth_method": "client_secret_basic", "grant_types": [GRANT_TYPE]}
        self.client = Client(client_id="exchanger", created_at=0, metadata=metadata)

    async def begin(self) -> None:
        await self.here.parts.clients.repository.save_document(self.client)
        self.owner = (await self.here.session()).owner
        self.user_client = await self.here.client()
        self.source = await self.here.grant(self.user_client, self.owner)
        self.token = (await self.here.tokens(self.source, self.user_client))["access_token"]

    async def exchange(self, *resources: str, jkt: str | None = None, **values: str | None) -> Grant:
        form = {"subject_token": self.token, "subject_token_type": ACCESS_TOKEN, **values}
        expected = {name: value for name, value in form.items() if value is not None}
        return await self.here.redeem(GRANT_TYPE, self.client, *resources, jkt=jkt, **expected)


@pytest.fixture
async def exchange(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Exchange]:
    exchange = Exchange(tmp_path)
    await exchange.begin()
    yield exchange
    await exchange.here.parts.grants.confirmations.aclose()
    await exchange.here.store.aclose()


async def test_the_new_grant_is_narrower_and_ends_with_the_first(exchange: Exchange) -> None:
    grant = await exchange.exchange(OTHER_RESOURCE, jkt="key")
    assert (grant.scopes, grant.resource) == (("notes:read",), OTHER_RESOURCE)
    assert (grant.parent_grants, grant.jkt) == ((exchange.source.grant_id,), "key")
    assert (grant.subject, grant.username) == (exchange.owner.subject, exchange.owner.username)
    assert (grant.session_id, grant.auth_time) == (None, exchange.owner.auth_time)
    assert (grant.refreshable, grant.act) == (False, {"sub": "exchanger"})
    assert grant.expires_at == exchange.source.access_expires_at
    assert await exchange.here.parts.grants.repository.within_parents(grant) == grant
    await exchange.here.grants.revoke(exchange.source.grant_id)
    assert await exchange.here.parts.grants.repository.within_parents(grant) is None


async def test_an_audience_is_a_target_too(exchange: Exchange) -> None:
    assert (await exchange.exchange(audience=OTHER_RESOURCE)).resource == OTHER_RESOURCE
    explicit = await exchange.exchange(OTHER_RESOURCE, requested_token_type=ACCESS_TOKEN)
    assert explicit.resource == OTHER_RESOURCE


@pytest.mark.parametrize(
    ("resources", "values", "error", "reason"),
    [
        ((), {}, InvalidTargetError, Reason.RESOURCE_MISSING),
        ((RESOURCE,), {}, InvalidTargetError, Reason.EXCHANGE_NOT_ALLOWED),
        ((OTHER_RESOURCE,), {"audience": OTHER_RESOURCE}, InvalidTargetError, Reason.EXCHANGE_MALFORMED),
        ((OTHER_RESOURCE,), {"subject_token": "x"}, InvalidRequestError, Reason.EXCHANGED_TOKEN_INVALID),
        ((OTHER_RESOURCE,), {"subject_token_type": "x"}, InvalidRequestError, Reason.EXCHANGE_MALFORMED),
        ((OTHER_RESOURCE,), {"requested_token_type": "x"}, InvalidRequestError, Reason.EXCHANGE_MALFORMED),
        (
            (OTHER_RESOURCE,),
            {"actor_token_type": ACCESS_TOKEN},
            InvalidRequestError,
            Reason.EXCHANGE_MALFORMED,
        ),
    ],
)
async def test_anything_else_is_refused(
    exchange: Exchange,
    resources: tuple[str, ...],
    values: dict[str, str],
    error: type[OAuthError],
    reason: Reason,
) -> None:
    with pytest.raises(error, check=because(reason)):
        await exchange.exchange(*resources, **values)


async def test_the_actor_is_the_subject_of_the_actor_token_or_its_client(exchange: Exchange) -> None:
    here = exchange.here
    for owner, actor in ((Owner(subject="somebody", assertion_issuer="i"), "somebody"), (None, "exchanger")):
        own = await here.grant(exchange.client, owner)
        token = (await here.tokens(own, exchange.client))["access_token"]
        grant = await exchange.exchange(OTHER_RESOURCE, actor_token=token, actor_token_type=ACCESS_TOKEN)
        assert grant.act == {"sub": actor}
    with pytest.raises(InvalidRequestError, check=because(Reason.EXCHANGED_TOKEN_INVALID)):
        await exchange.exchange(OTHER_RESOURCE, actor_token=exchange.token, actor_token_type=ACCESS_TOKEN)


async def test_subjects_of_other_issuers_and_clients_stay_what_they_are(exchange: Exchange) -> None:
    here = exchange.here
    asserted = Owner(subject="x", username="x@corp.example", assertion_issuer="https://idp.example")
    for owner, expected in ((asserted, ("x", "https://idp.example")), (None, (None, None))):
        source = await here.grant(exchange.user_client, owner)
        token = (await here.tokens(source, exchange.user_client))["access_token"]
        grant = await exchange.exchange(OTHER_RESOURCE, subject_token=token)
        assert (grant.subject, grant.assertion_issuer) == expected


@pytest.mark.requirement("ID-5")
@pytest.mark.parametrize(
    "policy", [{"resources": [OTHER_RESOURCE]}, {"scopes": ["notes:read"]}], ids=["resource", "scope"]
)
async def test_a_token_of_a_login_without_a_second_factor_is_not_exchanged_where_one_is_needed(
    exchange: Exchange, tmp_path: Path, policy: dict[str, list[str]]
) -> None:
    await exchange.here.store.aclose()
    exchange.here = here = Installation(tmp_path, token_exchange=[RULE], second_factor=policy)
    with pytest.raises(InvalidTargetError, check=because(Reason.SECOND_FACTOR_REQUIRED)):
        await exchange.exchange(OTHER_RESOURCE)
    strong = await here.grant(exchange.user_client, replace(exchange.owner, acr=ACR_MFA))
    exchange.token = (await here.tokens(strong, exchange.user_client))["access_token"]
    assert (await exchange.exchange(OTHER_RESOURCE)).scopes == ("notes:read",)
    # Nobody has logged in here for these.
    asserted = Owner(subject="somebody", assertion_issuer="i")
    other = await here.grant(exchange.user_client, asserted)
    exchange.token = (await here.tokens(other, exchange.user_client))["access_token"]
    assert (await exchange.exchange(OTHER_RESOURCE)).scopes == ("notes:read",)
