"""SEC-17: input of every kind gets an answer below 500, and changes nothing."""

from __future__ import annotations

import json
import socket

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for
from tests.resource_service.sessions import LEGACY, notes_of, open_session

MESSAGES: dict[str, object] = {
    "null": None,
    "number": 7,
    "text": "tools/call",
    "empty object": {},
    "empty batch": [],
    "no method": {"jsonrpc": "2.0", "id": 1},
    "method is a list": {"jsonrpc": "2.0", "id": 1, "method": ["tools/call"]},
    "unknown method": {"jsonrpc": "2.0", "id": 1, "method": "tools/destroy"},
    "version 1": {"jsonrpc": "1.0", "id": 1, "method": "tools/list"},
    "id is an object": {"jsonrpc": "2.0", "id": {}, "method": "tools/list"},
    "id is a fraction": {"jsonrpc": "2.0", "id": 1.5, "method": "tools/list"},
    "params is text": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": "add_note"},
    "name is missing": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}},
    "name is a number": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 7}},
    "unknown tool": call("no such tool"),
    "arguments is a list": {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "add_note", "arguments": ["x"]},
    },
    "half a surrogate pair": call("add_note", text="\ud83d"),
    "a name with half a surrogate pair": call("add_note\ud83d"),
    "unknown argument": call("add_note", txt="x"),
    "a response": {"jsonrpc": "2.0", "id": 1, "result": {}},
    "an error": {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "x"}},
    "initialize without anything": {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}},
}


@pytest.mark.parametrize("era", ["2026-07-28", "2025-11-25", "none"])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_any_shape_is_answered_below_500_and_writes_nothing(
    message: str,
    era: str,
    client: httpx2.Client,
    service: Service,
    issuer: AuthorizationServer,
    request: pytest.FixtureRequest,
) -> None:
    token = token_for(service, issuer, sub=request.node.nodeid)
    headers = bearer(token) | LEGACY
    if era == "2026-07-28":
        headers |= modern_headers("add_note")
    if era == "2025-11-25":
        headers |= {"Mcp-Protocol-Version": era, "Mcp-Session-Id": open_session(client, token)}
    response = client.post("/mcp", headers=headers, content=json.dumps(MESSAGES[message]))
    assert response.status_code < 500
    assert notes_of(client, token) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Session-Id": "x" * 4_000},
        {"Mcp-Session-Id": "../../etc/passwd"},
        {"Mcp-Session-Id": "\u00e4".encode()},
        {"Mcp-Protocol-Version": "\u00e4".encode()},
        {"Mcp-Protocol-Version": "2025-11-25, 2026-07-28"},
        {"Mcp-Method": "=?base64?!!?="},
        {"Mcp-Name": "=?base64?/w==?="},
        {"Last-Event-ID": "1"},
        {"Accept": ""},
        {"Accept": "x" * 4_000},
        {"Content-Type": ""},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Encoding": "gzip"},
        {"X-Forwarded-For": "\u00e4".encode()},
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PATCH"])
def test_headers_of_any_kind_are_answered_below_500(
    method: str,
    headers: dict[str, str],
    client: httpx2.Client,
    service: Service,
    issuer: AuthorizationServer,
) -> None:
    sent: dict[str, str] = bearer(token_for(service, issuer)) | modern_headers("whoami") | headers
    response = client.request(method, "/mcp", headers=sent, content=json.dumps(call("whoami")))
    assert response.status_code < 500


@pytest.mark.parametrize(
    "path",
    [
        "/mcp%00",
        "/mcp/%2e%2e/hello",
        "/%2fmcp",
        "/mcp;x",
        "/mcp?%",
        "/mcp?access_token",
        "/%ff",
        "/hello/",
        "/MCP",
    ],
)
def test_paths_of_any_kind_are_answered_below_500_and_admit_nobody(path: str, client: httpx2.Client) -> None:
    response = client.get(path)
    assert 400 <= response.status_code < 500


@pytest.mark.parametrize(
    "request_line",
    [b"GET /mcp HTTP/9.9", b"\x16\x03\x01\x02\x00", b"GET  /mcp HTTP/1.1", b"G\xc3\x84T /mcp HTTP/1.1"],
)
def test_what_is_not_http_disturbs_nobody(
    request_line: bytes, client: httpx2.Client, service: Service
) -> None:
    host, port = service.origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 500 " not in raw.recv(65_536)
    assert client.get("/health").status_code == 200
