"""Build the requests of an MCP client and parse the responses. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from shared.cli.doctor.documents import Document, object_of, parse_object
from shared.cli.doctor.exchange import Exchange, Request
from shared.version import VERSION

HANDSHAKE_VERSION = "2025-11-25"
STATELESS_VERSION = "2026-07-28"
UNSUPPORTED_PROTOCOL_VERSION = -32022
"""JSON-RPC error of MCP 2026-07-28: the server does not speak the version of the request."""

CLIENT_INFO = {"name": "doorward-doctor", "version": VERSION}
UNKNOWN_CLIENT = "doorward-doctor-unknown"
UNKNOWN_REDIRECT = "http://127.0.0.1:9/doorward-doctor"
MADE_UP_TOKEN = "doorward-doctor-made-up-token"  # noqa: S105 -- deliberately invalid
BROWSER_ORIGIN = "http://localhost:6274"
"""Where the MCP Inspector runs."""
BROWSER_HEADERS = ("authorization", "content-type", "mcp-protocol-version", "mcp-session-id")
ENDPOINT_HEADERS = ("authorization", "content-type")

_ACCEPT = "application/json, text/event-stream"


def get(url: str, headers: Mapping[str, str] | None = None) -> Request:
    """Return a GET request for a document."""
    return Request(method="GET", url=url, headers={"Accept": "application/json", **(headers or {})})


def form(url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Request:
    """Return a POST request with form parameters, as for the token endpoint (RFC 6749 Appendix B)."""
    fixed = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return Request(
        method="POST", url=url, headers={**fixed, **(headers or {})}, body=urlencode(fields).encode()
    )


def post_json(url: str, body: Mapping[str, Any]) -> Request:
    """Return a POST request with a JSON object."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return Request(method="POST", url=url, headers=headers, body=json.dumps(body).encode())


def preflight(url: str, headers: tuple[str, ...]) -> Request:
    """Return the preflight of a browser before a page of `BROWSER_ORIGIN` may POST with `headers`."""
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ",".join(headers)}
    return Request(method="OPTIONS", url=url, headers={"Origin": BROWSER_ORIGIN, **preflight})


def initialize(url: str, headers: Mapping[str, str] | None = None) -> Request:
    """Return the first request of a client of MCP 2025-11-25."""
    parameters = {"protocolVersion": HANDSHAKE_VERSION, "capabilities": {}, "clientInfo": CLIENT_INFO}
    return call(url, "initialize", parameters, headers)


def call(
    url: str,
    method: str,
    parameters: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """Return a JSON-RPC call over Streamable HTTP; reading stops at its response, even in a longer stream."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
    if parameters is not None:
        message["params"] = parameters
    fixed = {"Accept": _ACCEPT, "Content-Type": "application/json"}
    body = json.dumps(message).encode()
    return Request(
        method="POST", url=url, headers={**fixed, **(headers or {})}, body=body, enough=_has_answer
    )


def stateless(url: str, method: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
    """Return a call for MCP 2026-07-28, which has no handshake: each request names the client."""
    about = {
        "io.modelcontextprotocol/protocolVersion": STATELESS_VERSION,
        "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    named = {"Mcp-Name": str(parameters["name"])} if "name" in parameters else {}
    routing = {"MCP-Protocol-Version": STATELESS_VERSION, "Mcp-Method": method, **named}
    return call(url, method, {**parameters, "_meta": about}, {**headers, **routing})


def initialized(url: str, headers: Mapping[str, str]) -> Request:
    """Return the notification that ends the handshake."""
    message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    fixed = {"Accept": _ACCEPT, "Content-Type": "application/json"}
    return Request(method="POST", url=url, headers={**fixed, **headers}, body=json.dumps(message).encode())


def rpc_answer(exchange: Exchange | None) -> Document | None:
    """Return the JSON-RPC response in a body, sent as JSON or as events; None if the body has none."""
    if exchange is None or exchange.answer is None:
        return None
    if exchange.answer.content_type == "text/event-stream":
        return _in_events(exchange.answer.body)
    document = object_of(exchange)
    return document if document is not None and _is_answer(document) else None


def _has_answer(body: bytes) -> bool:
    return _in_events(body) is not None


def _in_events(body: bytes) -> Document | None:
    """Return the response among complete server-sent events (terminated by an empty line)."""
    for data in _events(body):
        message = parse_object(data.encode())
        if isinstance(message, dict) and _is_answer(message):
            return message
    return None


def _events(body: bytes) -> Iterator[str]:
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    data: list[str] = []
    for line in lines[:-1]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def _is_answer(message: Document) -> bool:
    return message.get("jsonrpc") == "2.0" and ("result" in message or "error" in message)
