"""Both services as Chromium meets them: at ``localhost``, at the root of their hosts or under a path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.cli.installation import Secrets, resource_servers, sqlite_url
from tests.e2e.services import NO_BRAKES, Service, start
from tests.servers import free_port


@dataclass(frozen=True)
class Pair:
    """The two services, by their public URLs."""

    issuer: str
    mcp_url: str

    @property
    def resource_service(self) -> str:
        """The base URL of everything but the metadata."""
        return self.mcp_url.removesuffix("/mcp")


@contextmanager
def pair(directory: Path, *, issuer_path: str = "", resource_path: str = "") -> Iterator[Pair]:
    """Both services, healthy, for the length of the context; nothing between them and the browser.

    Args:
        issuer_path: of the issuer; empty, or begins with a slash.
        resource_path: what comes before ``/mcp``; empty, or begins with a slash.
    """
    auth_port, resource_port = free_port(), free_port()
    issuer = f"http://localhost:{auth_port}{issuer_path}"
    mcp_url = f"http://localhost:{resource_port}{resource_path}/mcp"
    secrets = Secrets.fresh()
    for_auth = {
        **NO_BRAKES,
        "DOORWARD_ISSUER": issuer,
        "DOORWARD_STORE": sqlite_url(directory / "auth.sqlite3"),
        "DOORWARD_MASTER_KEYS": secrets.master_keys,
        "DOORWARD_RESOURCE_SERVERS": json.dumps(resource_servers(mcp_url, secrets.resource_secret)),
        "DOORWARD_DEMO_USER": "true",
    }
    for_resource = {
        "DOORWARD_ISSUER": issuer,
        "DOORWARD_RESOURCE": mcp_url,
        "DOORWARD_RESOURCE_SECRET": secrets.resource_secret,
    }
    services = [
        Service("auth", auth_port, for_auth, directory / "auth.log"),
        Service("resource", resource_port, for_resource, directory / "resource.log"),
    ]
    with ExitStack() as stack:
        for service in services:
            stack.callback(service.kill)
        start(services)
        yield Pair(issuer, mcp_url)
    for service in services:
        assert "Traceback" not in service.log, service.log
