"""Tokens for a client that acts on its own behalf."""

from __future__ import annotations

import pytest

from auth_service.protocol.errors import UnauthorizedClientError
from auth_service.protocol.reasons import Reason
from tests.auth_service.grants.installation import Installation
from tests.auth_service.service import RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12")]

GRANT = "client_credentials"


async def test_a_public_client_is_refused(here: Installation) -> None:
    with pytest.raises(UnauthorizedClientError, check=because(Reason.CLIENT_NOT_CONFIDENTIAL)):
        await here.redeem(GRANT, await here.client(), RESOURCE)


@pytest.mark.parametrize(
    ("registered", "requested", "granted"),
    [
        (None, None, ("notes:read", "notes:write")),
        (None, "notes:read openid", ("notes:read",)),
        ("notes:read", None, ("notes:read",)),
        ("notes:read", "notes:write notes:read", ("notes:read",)),
        ("notes:read", "notes:write", ()),
    ],
)
async def test_it_gets_what_it_registered_and_no_scope_of_users(
    here: Installation, registered: str | None, requested: str | None, granted: tuple[str, ...]
) -> None:
    client = await here.client("client_secret_basic", **({"scope": registered} if registered else {}))
    values = {"scope": requested} if requested else {}
    grant = await here.redeem(GRANT, client, RESOURCE, jkt="key", **values)
    assert (grant.scopes, grant.resource, grant.jkt) == (granted, RESOURCE, "key")
    assert (grant.subject, grant.refreshable, grant.generation) == (None, False, 1)


async def test_where_there_are_several_resources_and_none_is_named_it_is_for_none(here: Installation) -> None:
    client = await here.client("client_secret_basic")
    assert (await here.redeem(GRANT, client)).resource is None
