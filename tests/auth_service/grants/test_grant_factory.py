"""Opening grants: their lifetimes, and who must still exist."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.access_document import parse_access
from auth_service.protocol.admin_access import SCOPE
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidClientError, InvalidGrantError
from auth_service.protocol.jwt_bearer import WORKLOAD_PREFIX
from auth_service.protocol.narrowed_grants import AccessNotGrantedError
from auth_service.protocol.owner import Owner
from auth_service.protocol.reasons import Reason
from tests.auth_service.grants.installation import Installation
from tests.auth_service.protocol.builders import NOW
from tests.auth_service.service import RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12")]

SOMEBODY = Owner(subject="s", assertion_issuer="https://idp.example")


@pytest.mark.parametrize(
    ("grant_types", "scopes", "owner", "refreshable"),
    [
        (["refresh_token"], (), SOMEBODY, True),
        (["authorization_code"], ("offline_access",), SOMEBODY, True),
        (["authorization_code"], (), SOMEBODY, False),
        (["refresh_token"], ("offline_access",), None, False),
    ],
)
async def test_a_refresh_token_is_for_users_whose_client_can_use_it(
    here: Installation,
    grant_types: list[str],
    scopes: tuple[str, ...],
    owner: Owner | None,
    refreshable: bool,
) -> None:
    client = await here.client(grant_types=grant_types)
    draft = here.parts.grants.factory.draft(client, scopes, RESOURCE, NOW, owner=owner)
    lifetimes = here.parts.grants.lifetimes
    life_s = lifetimes.refresh_absolute_s if refreshable else lifetimes.access_s
    assert (draft.refreshable, draft.expires_at, draft.state) == (refreshable, NOW + life_s, "active")
    assert (draft.scopes, draft.resource, draft.created_at) == (scopes, RESOURCE, NOW)
    assert (draft.subject, draft.client_id) == (owner.subject if owner else None, client.client_id)
    waiting = here.parts.grants.factory.draft(client, scopes, None, NOW, owner=owner, waits_s=1)
    assert (waiting.state, waiting.expires_at) == ("code", NOW + 1 + life_s)


async def test_a_client_that_is_gone_gets_no_grant(here: Installation) -> None:
    client = await here.client()
    await here.parts.clients.repository.delete(client.client_id)
    draft = here.parts.grants.factory.draft(client, (), RESOURCE, NOW)
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_NOT_ALLOWED)):
        await here.parts.grants.factory.open_active(draft)
    assert await here.grants.of_client(client.client_id) == []


async def test_a_disabled_client_gets_no_grant(here: Installation) -> None:
    client = await here.client()
    await here.parts.clients.repository.set_disabled(client.client_id, True)
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_NOT_ALLOWED)):
        await here.grant(client)


@pytest.mark.requirement("ID-8")
async def test_only_a_client_of_the_operator_with_the_scope_is_granted_the_administration(
    here: Installation,
) -> None:
    clients = here.parts.clients.repository
    theirs = (await clients.register((await here.client(scope=SCOPE)).metadata, unused_ttl_s=60)).client
    for client in (theirs, await here.client()):
        with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_NOT_ALLOWED)):
            await here.grant(client, scopes=(SCOPE,))
    assert (await here.grant(await here.client(scope=SCOPE), scopes=(SCOPE,))).state == "active"


@pytest.mark.requirement("ID-3")
async def test_a_person_who_may_hold_no_part_of_it_gets_no_grant(here: Installation) -> None:
    client, session = await here.client(), await here.session()
    rules = here.parts.access.rules
    await rules.save(parse_access({"people": {"bob": {RESOURCE: "*"}}}), (await rules.load()).version)
    with pytest.raises(AccessNotGrantedError):
        await here.grant(client, session.owner)
    assert await here.grants.of_client(client.client_id) == []


async def test_a_workload_is_not_registered(here: Installation) -> None:
    workload = Client(client_id=f"{WORKLOAD_PREFIX}x", created_at=0, metadata={})
    assert (await here.grant(workload)).state == "active"


async def test_users_who_are_disabled_or_deleted_or_logged_out_get_no_grant(here: Installation) -> None:
    client, session = await here.client(), await here.session()
    users = here.parts.users.repository
    alice = await users.named("alice")
    assert (await here.grant(client, session.owner)).generation == 1
    await users.set_disabled(alice, True)
    with pytest.raises(InvalidGrantError, check=because(Reason.USER_NOT_ALLOWED)):
        await here.grant(client, session.owner)
    await users.set_disabled(alice, False)
    with pytest.raises(InvalidGrantError, check=because(Reason.USER_NOT_ALLOWED)):
        await here.grant(client, Owner(subject="nobody"))
    await here.parts.users.sessions.end("the session of alice")
    with pytest.raises(InvalidGrantError, check=because(Reason.SESSION_ENDED)):
        await here.grant(client, session.owner)
    assert [grant.state for grant in await here.grants.of_subject(session.subject)] == ["active"]
    assert (await here.grant(client, replace(SOMEBODY, subject="nobody"))).state == "active"


async def test_the_registration_of_a_client_lasts_as_long_as_its_grants(here: Installation) -> None:
    clients = here.parts.clients.repository
    registered = await clients.register({"token_endpoint_auth_method": "none"}, unused_ttl_s=60)
    grant = await here.grant(registered.client)
    stored = await clients.get(registered.client.client_id)
    assert stored is not None
    longest = max(grant.expires_at, NOW + here.parts.grants.lifetimes.refresh_absolute_s)
    assert stored.expires_at == longest + 86_400
    assert await here.grant(stored)
    assert await clients.get(stored.client_id) == stored
