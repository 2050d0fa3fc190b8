"""Both services for the profiles: an authorization server that can forget all, and a resource server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from auth_service.fetching import Fetcher
from shared.cli.installation import resource_servers
from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer, running
from tests.e2e.services import Service, start
from tests.profiles.client import Client, Kept
from tests.profiles.credentials import Signer
from tests.profiles.profile import PROFILES, Way
from tests.servers import free_port

EACH = [(name, way) for name, profile in PROFILES.items() for way in profile.ways]
"""Every client, in every way in which it introduces itself."""


class Deployment:
    """The services.

    Args:
        new_store: gives the URL of an empty store.
        new_fetcher: what finds the documents of clients.
        signer: of the clients that sign.
        directory: for the log of the resource server.
    """

    def __init__(
        self,
        new_store: Callable[[], str],
        new_fetcher: Callable[[], Fetcher],
        signer: Signer,
        directory: Path,
    ) -> None:
        self._new_store = new_store
        self._new_fetcher = new_fetcher
        self._signer = signer
        self._directory = directory
        self._auth_port, self._resource_port = free_port(), free_port()
        self._running = ExitStack()
        self.mcp_url = f"http://127.0.0.1:{self._resource_port}/mcp"
        self.server: AuthorizationServer

    def client(self, name: str, way: Way, kept: Kept | None = None, *, slash: str = "") -> Client:
        """A start of the client of that profile, given the URL with `slash` at its end."""
        pasted = f"{self.mcp_url}{slash}"
        return Client(PROFILES[name], way, pasted, self.server.person, self._signer, kept)

    def start_empty(self) -> None:
        """Start the authorization server where it was, with an empty store."""
        self._running.close()
        server = running(
            self._new_store(),
            port=self._auth_port,
            fetcher=self._new_fetcher(),
            resource_servers=resource_servers(self.mcp_url, RESOURCE_SECRET),
        )
        self.server = self._running.enter_context(server)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Both services for the length of the context; the one in front must not answer 5xx meanwhile."""
        settings = {
            "DOORWARD_ISSUER": f"http://127.0.0.1:{self._auth_port}",
            "DOORWARD_RESOURCE": self.mcp_url,
            "DOORWARD_RESOURCE_SECRET": RESOURCE_SECRET,
        }
        resource = Service("resource", self._resource_port, settings, self._directory / "resource.log")
        with self._running:
            try:
                start([resource])
                self.start_empty()
                yield
            finally:
                resource.kill()
        assert "Traceback" not in resource.log, resource.log
