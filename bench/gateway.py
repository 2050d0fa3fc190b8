"""Calls of a tool: of an MCP server itself, and of the same server behind the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from bench.operations import Operation, repeated
from bench.processes import Place, asgi_server, place_of
from tests.e2e.services import Deployment, Service, start
from tests.e2e.volley import request
from tests.flow import Client, Person
from tests.servers import free_port

DIRECT = "tools/call, unprotected"
REVISION = "2026-07-28"
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": REVISION,
    "Mcp-Method": "tools/call",
    "Mcp-Name": "add",
}
CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {
        "name": "add",
        "arguments": {"a": 1, "b": 2},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}


@contextmanager
def tool_calls(deployment: Deployment, directory: Path) -> Iterator[list[tuple[Place, Operation]]]:
    """Run an MCP server, and gateways in front of it. Yield the calls of its tool through each."""
    with asgi_server("bench.upstream:app") as upstream:
        settings = {"DOORWARD_UPSTREAM": f"http://127.0.0.1:{upstream[0]}/mcp"}
        cached = _gateway(deployment, directory, settings)
        asking = _gateway(deployment, directory, settings | {"DOORWARD_INTROSPECTION_CACHE_S": "0"})
        try:
            start([cached, asking])
            scripts = repeated(_call({"Authorization": f"Bearer {_token(deployment)}"}))
            yield [
                (upstream, Operation(name=DIRECT, scripts=repeated(_call({})))),
                (place_of(cached), Operation(name="tools/call, gateway, cached answer", scripts=scripts)),
                (place_of(asking), Operation(name="tools/call, gateway, asking", scripts=scripts)),
            ]
        finally:
            cached.kill()
            asking.kill()


def _gateway(deployment: Deployment, directory: Path, settings: Mapping[str, str]) -> Service:
    port = free_port()
    variables = {**deployment.resource.settings, "DOORWARD_LOG_LEVEL": "warning", **settings}
    variables.pop("DOORWARD_NOTES")
    return Service("resource", port, variables, directory / f"gateway-{port}.log")


def _token(deployment: Deployment) -> str:
    person = Person(trust_env=False)
    with httpx2.Client(trust_env=False, timeout=30) as http:
        tokens = Client.register(deployment.issuer, http).connect(person, resource=deployment.mcp_url)
    person.close()
    return str(tokens["access_token"])


def _call(headers: Mapping[str, str]) -> bytes:
    return request("POST", "/mcp", {**HEADERS, **headers}, json.dumps(CALL))
