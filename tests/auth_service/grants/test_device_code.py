"""Polling with a device code."""

from __future__ import annotations

import pytest

from auth_service.protocol.device import GRANT_TYPE
from auth_service.protocol.errors import AccessDeniedError, InvalidGrantError, OAuthError
from auth_service.protocol.reasons import Reason
from tests.auth_service.grants.installation import Installation
from tests.auth_service.service import RESOURCE
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12")]


async def test_an_approval_leads_to_the_scopes_that_were_granted(here: Installation) -> None:
    client, session = await here.client(), await here.session()
    devices = here.parts.grants.devices
    device_code, request = await devices.begin(client.client_id, ("notes:read", "notes:write"), RESOURCE)
    with pytest.raises(OAuthError) as pending:
        await here.redeem(GRANT_TYPE, client, device_code=device_code)
    assert pending.value.code == "authorization_pending"
    device = await devices.by_user_code(request.user_code)
    assert device is not None
    assert await devices.approve(device[0], session, ("notes:read",))
    here.now += 60
    grant = await here.redeem(GRANT_TYPE, client, device_code=device_code, jkt="key")
    assert (grant.scopes, grant.resource, grant.jkt) == (("notes:read",), RESOURCE, "key")
    assert (grant.subject, grant.session_key, grant.state) == (session.subject, session.key, "active")


async def test_an_unknown_device_code_is_not_valid(here: Installation) -> None:
    with pytest.raises(InvalidGrantError, check=because(Reason.DEVICE_CODE_INVALID)):
        await here.redeem(GRANT_TYPE, await here.client(), device_code="dw_dc_x")


async def test_an_approval_that_has_ended_is_denied_at_every_poll(here: Installation) -> None:
    client, session = await here.client(), await here.session()
    devices = here.parts.grants.devices
    device_code, request = await devices.begin(client.client_id, ("notes:read",), RESOURCE)
    device = await devices.by_user_code(request.user_code)
    assert device is not None
    await devices.approve(device[0], session, ("notes:read",))
    users = here.parts.users.repository
    alice = await users.set_disabled(await users.named("alice"), True)
    with pytest.raises(AccessDeniedError, check=because(Reason.USER_NOT_ALLOWED)):
        await here.redeem(GRANT_TYPE, client, device_code=device_code)
    await users.set_disabled(alice, False)
    here.now += 60
    with pytest.raises(AccessDeniedError):
        await here.redeem(GRANT_TYPE, client, device_code=device_code)
