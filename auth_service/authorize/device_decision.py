"""The end of a device's request: what the person decided is kept for the device, and shown."""

from __future__ import annotations

from starlette.responses import Response

from auth_service.device.repository import DeviceRequestRepository
from auth_service.users.sessions import Session
from auth_service.web.render import PageTemplates


class DeviceDecision:
    """Answers a device, which will ask, in place of a redirect URI, which would be told."""

    def __init__(self, devices: DeviceRequestRepository, templates: PageTemplates) -> None:
        self._devices = devices
        self._templates = templates

    async def approve(self, name: str, session: Session, scopes: tuple[str, ...]) -> Response:
        """Let the device have `scopes` on behalf of the person of `session`."""
        return self.page(connected=await self._devices.approve(name, session, scopes))

    async def deny(self, name: str) -> Response:
        """Let the device have nothing."""
        await self._devices.deny(name)
        return self.page(connected=False)

    def page(self, *, connected: bool) -> Response:
        """The page that says what was decided."""
        return self._templates.render("device_done.html", {"connected": connected})
