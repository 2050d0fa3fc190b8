"""Calls of a tool: of an MCP server itself, with the guard in its process, and behind the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from bench.load import Script
from bench.operations import Operation, repeated
from bench.processes import Place, asgi_server, place_of
from tests.e2e.services import Deployment, Service, start
from tests.e2e.volley import request
from tests.flow import Client, Person
from tests.servers import free_port

DIRECT = "tools/call, unprotected"
UNRECORDED = "tools/call, gateway without journal"
RECORDED = "tools/call, gateway with journal"
ASKING = {"DOORWARD_INTROSPECTION_CACHE_S": "0"}
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
        asking = _gateway(deployment, directory, settings | ASKING)
        try:
            start([cached, asking])
            scripts = repeated(_call({"Authorization": f"Bearer {_token(deployment)}"}))
            variables = {**cached.settings, "DOORWARD_JOURNAL_DIRECTORY": str(directory / "journal")}
            with (
                _guarded(deployment, {}) as guarded,
                _guarded(deployment, ASKING) as guarded_asking,
                asgi_server("bench.unrecorded:recorded", variables) as recorded,
                asgi_server("bench.unrecorded:unrecorded", cached.settings) as unrecorded,
            ):
                yield [
                    (upstream, Operation(name=DIRECT, scripts=repeated(_call({})))),
                    (guarded, _calls("guard, cached answer", scripts, 0.95)),
                    (guarded_asking, _calls("guard, asking", scripts, 0.55)),
                    (place_of(cached), _calls("gateway, cached answer", scripts, 0.6)),
                    (place_of(asking), _calls("gateway, asking", scripts)),
                    (unrecorded, Operation(name=UNRECORDED, scripts=scripts)),
                    (recorded, Operation(name=RECORDED, scripts=scripts, at_least=0.95)),
                ]
        finally:
            cached.kill()
            asking.kill()


def _calls(name: str, scripts: Sequence[Script], at_least: float | None = None) -> Operation:
    return Operation(name=f"tools/call, {name}", scripts=scripts, at_least=at_least)


def _guarded(deployment: Deployment, settings: Mapping[str, str]) -> AbstractContextManager[Place]:
    """Serve the same MCP server with the guard in its process."""
    variables = {**deployment.resource.settings, "DOORWARD_LOG_LEVEL": "warning", **settings}
    return asgi_server("bench.upstream:guarded_app", variables)


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
