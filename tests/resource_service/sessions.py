"""Sessions at the built-in MCP server, and what its challenges and notes say."""

from __future__ import annotations

import json
import re

import httpx2

from tests.resource_service.service import bearer, call

LEGACY = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def scopes_of(response: httpx2.Response) -> set[str]:
    match = re.search(r'scope="([^"]*)"', response.headers["www-authenticate"])
    assert match
    return set(match[1].split(" "))


def notes_of(client: httpx2.Client, token: str) -> int:
    response = client.get("/v1/contexts", headers=bearer(token))
    items: int = response.json()["contexts"][0]["items"]
    return items


def tricks() -> dict[str, bytes]:
    """Ways of calling ``add_note`` that do not look like it at first sight."""
    plain = json.dumps(call("add_note", text="x"))
    return {
        "escaped name": plain.replace("add_note", "\\u0061dd_note").encode(),
        "escaped method": plain.replace("tools/call", "tools\\/call").encode(),
        "escaped key": plain.replace('"name": "add_note"', '"n\\u0061me": "add_note"').encode(),
        "name twice": plain.replace('"name": "add_note"', '"name": "whoami", "name": "add_note"').encode(),
        "name twice, the other way": plain.replace(
            '"name": "add_note"', '"name": "add_note", "name": "whoami"'
        ).encode(),
        "method twice": plain.replace(
            '"method": "tools/call"', '"method": "ping", "method": "tools/call"'
        ).encode(),
        "params twice": plain.replace('"params":', '"params": {"name": "whoami"}, "params":').encode(),
        "space before": b" \n\t" + plain.encode(),
        "byte order mark": b"\xef\xbb\xbf" + plain.encode(),
        "another encoding": plain.encode("utf-16"),
        "a huge number beside": plain.replace('"id": 1', '"id": 1, "x": ' + "9" * 5_000).encode(),
        "deep nesting beside": plain.replace(
            '"id": 1', f'"id": 1, "x": {"[" * 2_000 + "]" * 2_000}'
        ).encode(),
        "not a number beside": plain.replace('"id": 1', '"id": 1, "x": NaN').encode(),
        "in a batch": f"[{plain}]".encode(),
        "in a batch in a batch": f"[[{plain}]]".encode(),
        "other case": plain.replace("add_note", "ADD_NOTE").encode(),
        "space around": plain.replace("add_note", "add_note ").encode(),
        "zero-width": plain.replace("add_note", "add_\\u200bnote").encode(),
        "other form": plain.replace("add_note", "\\uff41dd_note").encode(),
    }


def open_session(client: httpx2.Client, token: str) -> str:
    """A session of revision 2025-11-25, ready for calls."""
    hello = {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    response = client.post("/mcp", headers=bearer(token) | LEGACY, json=hello)
    session: str = response.headers["mcp-session-id"]
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    headers = bearer(token) | LEGACY | {"Mcp-Session-Id": session}
    assert client.post("/mcp", headers=headers, json=ready).status_code == 202
    return session
