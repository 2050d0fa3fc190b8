"""A tool call as each revision of MCP sends it, without anything that would mend a refusal."""

from __future__ import annotations

import json
from typing import Any

import httpx2

_ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
_CLIENT = {"name": "a profile", "version": "1"}


def call_tool(
    http: httpx2.Client, mcp_url: str, access_token: str, revision: str, tool: str, **arguments: str
) -> httpx2.Response:
    """Call a tool; the answer, or the refusal of whatever came before it."""
    headers = {**_ACCEPT, "Authorization": f"Bearer {access_token}"}
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if revision == "2025-11-25":
        hello = http.post(mcp_url, headers=headers, json=_request("initialize", _greeting(revision)))
        if hello.status_code != 200:
            return hello
        headers |= {"Mcp-Session-Id": hello.headers["mcp-session-id"], "MCP-Protocol-Version": revision}
        http.post(mcp_url, headers=headers, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
    else:
        headers |= {"MCP-Protocol-Version": revision, "Mcp-Method": "tools/call", "Mcp-Name": tool}
        params["_meta"] = _meta(revision)
    return http.post(mcp_url, headers=headers, json=_request("tools/call", params))


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    """The result of the tool."""
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        data = [line.removeprefix("data:") for line in answer.text.splitlines() if line.startswith("data:")]
        message = json.loads(data[-1])
    else:
        message = answer.json()
    result: dict[str, Any] = message["result"]["structuredContent"]
    return result


def _request(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _greeting(revision: str) -> dict[str, Any]:
    return {"protocolVersion": revision, "capabilities": {}, "clientInfo": _CLIENT}


def _meta(revision: str) -> dict[str, Any]:
    prefix = "io.modelcontextprotocol"
    return {
        f"{prefix}/protocolVersion": revision,
        f"{prefix}/clientInfo": _CLIENT,
        f"{prefix}/clientCapabilities": {},
    }
