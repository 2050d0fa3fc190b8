"""The end of a device request: stores the person's decision for the device and shows a page."""

from __future__ import annotations

from starlette.responses import Response

from auth_service.device.repository import DeviceRequestRepository
from auth_service.users.sessions import Session
from auth_service.web.render import PageTemplates


class DeviceDecision:
    """Completes a device request, which has no redirect URI: the device polls for the decision."""

    def __init__(self, devices: DeviceRequestRepository, templates: PageTemplates) -> None:
        self._devices = devices
        self._templates = templates

    async def approve(self, name: str, session: Session, scopes: tuple[str, ...]) -> Response:
        """Grant the device `scopes` on behalf of the person of `session`."""
        return self.page(connected=await self._devices.approve(name, session, scopes))

    async def deny(self, name: str) -> Response:
        """Deny the device's request."""
        await self._devices.deny(name)
        return self.page(connected=False)

    def page(self, *, connected: bool) -> Response:
        """Return the page that shows the decision."""
        return self._templates.render("device_done.html", {"connected": connected})
