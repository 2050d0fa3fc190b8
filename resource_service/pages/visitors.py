"""Which page is for what: the root, an MCP URL, an error."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import HTMLResponse

from resource_service.pages.connecting import Connecting
from resource_service.settings import ResourceSettings
from shared.asgi import Refused
from shared.home_networks import WARNING
from shared.pages.refused import refused_page
from shared.pages.standalone import StandalonePages


class VisitorPages:
    """The pages of this service.

    Args:
        resources: the settings of everything that is served here.
    """

    def __init__(self, settings: ResourceSettings, resources: Iterable[ResourceSettings]) -> None:
        self._base_path = settings.base_path
        self._servers = {resource.mcp_path: _connecting(resource) for resource in resources}
        self._pages = StandalonePages(
            "resource_service.pages",
            icon=f"{settings.base_path}/docs/assets/doorward.svg",
            warning=WARNING if settings.allow_http_networks else None,
            issuer=settings.issuer,
            home=f"{settings.base_url}/",
            docs=settings.documentation_url,
        )

    def home(self) -> HTMLResponse:
        """Who this is, and where its MCP servers are."""
        return self._pages.render("home.html", servers=list(self._servers.values()))

    def refused(self, refused: Refused) -> HTMLResponse:
        """The page for an error; for an MCP URL without a token, how programs connect to it."""
        path = f"{refused.path}/".removeprefix(f"{self._base_path}/").strip("/")
        server = self._servers.get(f"/{path}" if path else "")
        if server is not None and refused.status == 401:
            return self._pages.render("mcp.html", server=server)
        return refused_page(self._pages, refused)


def _connecting(resource: ResourceSettings) -> Connecting:
    hosted = resource.secure and not resource.on_loopback
    return Connecting(resource.resource_name, resource.resource, hosted)
