"""One server for the libraries: which store it has makes no difference to what they see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, SCOPES, AuthorizationServer, running

JWT_RESOURCE = "https://jwt.example/mcp"


@pytest.fixture(scope="package")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    resources = [
        {"resource": RESOURCE, "name": "Notes", "scopes": SCOPES},
        {"resource": JWT_RESOURCE, "name": "JWT", "scopes": SCOPES, "access_token_format": "jwt"},
    ]
    servers = [{"id": "resource", "secret": RESOURCE_SECRET, "resources": resources}]
    with running(
        f"sqlite:///{tmp_path_factory.mktemp('libraries')}/d.db", resource_servers=servers
    ) as server:
        yield server
