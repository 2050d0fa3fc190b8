"""The device authorization grant (RFC 8628 §3.4): polling for an approval given elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from auth_service.device.repository import DeviceRequestRepository
from auth_service.grants.base import TokenRequest
from auth_service.grants.grant_factory import GrantFactory
from auth_service.protocol.device import GRANT_TYPE, DeviceRequest
from auth_service.protocol.errors import AccessDeniedError, InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from shared.replacing import replace
from shared.storage.interface import StoreUnavailableError


class DeviceCode:
    """Exchanges an approved device code for tokens, once."""

    name = GRANT_TYPE

    def __init__(self, devices: DeviceRequestRepository, grant_factory: GrantFactory) -> None:
        self._devices = devices
        self._grant_factory = grant_factory

    async def redeem(self, request: TokenRequest) -> Grant:
        device_code = request.parameters.require("device_code")
        opened: list[Grant] = []

        # Before the approval is used up: what fails until then leaves it usable.
        async def open_grant(approved: DeviceRequest) -> None:
            opened.append(await self._open(approved, request))

        try:
            outcome = await self._devices.poll(device_code, request.client.client_id, request.now, open_grant)
        except InvalidGrantError as error:
            await self._abandon(opened)
            # RFC 8628 §3.5: the approval has ended, not the client; every later poll gets the same error.
            await self._devices.withdraw(device_code)
            raise AccessDeniedError(error.reason, error.description) from error
        except (OAuthError, StoreUnavailableError):
            await self._abandon(opened)
            raise
        if not isinstance(outcome, DeviceRequest):
            await self._abandon(opened)
            raise outcome or InvalidGrantError(
                Reason.DEVICE_CODE_INVALID, "the device code is not valid, or has expired"
            )
        await self._abandon(opened[:-1])
        return opened[-1]

    async def _open(self, approved: DeviceRequest, request: TokenRequest) -> Grant:
        draft = self._grant_factory.draft(
            request.client, approved.scopes, approved.resource, request.now, owner=approved.owner
        )
        return await self._grant_factory.open_active(replace(draft, jkt=request.jkt), request.prepare)

    async def _abandon(self, grants: Sequence[Grant]) -> None:
        for grant in grants:
            await self._grant_factory.abandon(grant)
