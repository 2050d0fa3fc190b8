"""Select the page: the root, an MCP URL, or an error."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import HTMLResponse

from resource_service.settings import ResourceSettings
from shared.appearance.brand import Brand
from shared.asgi import Refused
from shared.home_networks import WARNING
from shared.pages.connecting import Connecting
from shared.pages.refused import refused_page
from shared.pages.standalone import StandalonePages


class VisitorPages:
    """The pages of this service.

    Args:
        resources: the settings of all resources of this service.
        brand: the name, logo and colors.
    """

    def __init__(
        self, settings: ResourceSettings, resources: Iterable[ResourceSettings], brand: Brand
    ) -> None:
        self._base_path = settings.base_path
        self._servers = {resource.mcp_path: _connecting(resource) for resource in resources}
        self._pages = StandalonePages(
            "resource_service.pages",
            brand=brand,
            warning=WARNING if settings.allow_http_networks else None,
            issuer=settings.issuer,
            home=f"{settings.base_url}/",
            docs=settings.documentation_url,
        )

    def home(self) -> HTMLResponse:
        """Render the start page: what this service is, and its MCP servers."""
        return self._pages.render("home.html", servers=list(self._servers.values()))

    def refused(self, refused: Refused) -> HTMLResponse:
        """Render an error page, or for an MCP URL without a token, instructions for connecting."""
        path = f"{refused.path}/".removeprefix(f"{self._base_path}/").strip("/")
        server = self._servers.get(f"/{path}" if path else "")
        if server is not None and refused.status == 401:
            return self._pages.render("mcp.html", server=server)
        return refused_page(self._pages, refused)


def _connecting(resource: ResourceSettings) -> Connecting:
    hosted = resource.secure and not resource.on_loopback
    return Connecting(resource.resource_name, resource.resource, hosted)
