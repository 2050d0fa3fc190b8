"""Sessions at the gateway."""

from __future__ import annotations

import httpx2

from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.resource_service.service import bearer


def opened(client: httpx2.Client, token: str) -> dict[str, str]:
    """Open a session; the headers that name it."""
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=INITIALIZE)
    assert response.status_code == 200, response.text
    session = MESSAGE | {"Mcp-Session-Id": response.headers["mcp-session-id"]}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert client.post("/mcp", headers=bearer(token) | session, json=ready).status_code == 202
    return session
