"""The device authorization grant (RFC 8628 §3.4): polling for an approval given elsewhere."""

from __future__ import annotations

from auth_service.device.repository import DeviceRequestRepository
from auth_service.grants.base import TokenRequest
from auth_service.grants.grant_factory import GrantFactory
from auth_service.protocol.device import GRANT_TYPE
from auth_service.protocol.errors import AccessDeniedError, InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from shared.replacing import replace


class DeviceCode:
    """Exchanges an approved device code for tokens, once."""

    name = GRANT_TYPE

    def __init__(self, devices: DeviceRequestRepository, grant_factory: GrantFactory) -> None:
        self._devices = devices
        self._grant_factory = grant_factory

    async def redeem(self, request: TokenRequest) -> Grant:
        device_code = request.parameters.require("device_code")
        outcome = await self._devices.poll(device_code, request.client.client_id, request.now)
        if outcome is None:
            raise InvalidGrantError(
                Reason.DEVICE_CODE_INVALID, "the device code is not valid, or has expired"
            )
        if isinstance(outcome, OAuthError):
            raise outcome
        draft = self._grant_factory.draft(
            request.client, outcome.scopes, outcome.resource, request.now, owner=outcome.owner
        )
        try:
            return await self._grant_factory.open_active(replace(draft, jkt=request.jkt))
        except InvalidGrantError as error:
            # RFC 8628 §3.5: the approval has ended, not the client; every later poll gets the same error.
            await self._devices.withdraw(device_code)
            raise AccessDeniedError(error.reason, error.description) from error
