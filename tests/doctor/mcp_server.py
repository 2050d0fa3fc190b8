"""The MCP server of a `Pair`: the bearer check, two documents, and just enough of Streamable HTTP."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.doctor.pair import Answerer, Grant, Pair, not_found

NEEDS = {"read": "tools:read", "write": "tools:write"}


class McpServer:
    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def handler(self, path: str) -> Answerer:
        pair = self.pair
        well_known = "/.well-known/oauth-protected-resource"
        documents = {
            f"{well_known}{pair.mcp_path}": pair.documents.resource,
            well_known: pair.documents.root,
            "/.well-known/oauth-authorization-server": pair.documents.legacy,
        }
        if path in documents:
            return self._document(documents[path])
        return self.mcp if path.rstrip("/") == pair.mcp_path else not_found

    @staticmethod
    def _document(document: dict[str, Any]) -> Answerer:
        async def serve(request: Request) -> Response:
            return JSONResponse(document) if request.method in ("GET", "HEAD") else Response(status_code=204)

        return serve

    async def mcp(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        grant = self._grant(token)
        if self.pair.mcp.protected and grant is None:
            return self._refuse(401, error="invalid_token" if token else "")
        if request.method != "POST":
            return Response(status_code=405)
        version = request.headers.get("mcp-protocol-version", "")
        return self._answer(json.loads(await request.body()), grant, version)

    def _grant(self, token: str) -> Grant | None:
        if not self.pair.mcp.accepts_tokens or not token.startswith("at-"):
            return None
        grant = self.pair.state.grants[int(token.split("-")[1])]
        return grant if grant.alive else None

    def _refuse(self, status: int, **members: str) -> Response:
        parameters = {**members, **self.pair.mcp.challenge} | {
            k: v for k, v in members.items() if k != "error"
        }
        value = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
        return JSONResponse({"error": "refused"}, status, {"WWW-Authenticate": f"Bearer {value}"})

    def _answer(self, message: dict[str, Any], grant: Grant | None, version: str) -> Response:
        if "id" not in message:
            return Response(status_code=202)
        if self.pair.mcp.stateless and version != "2026-07-28":
            error = {"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error}, 400)
        needed = NEEDS.get(message.get("params", {}).get("name", ""))
        if needed and grant and needed not in grant.scopes:
            return self._refuse(403, error="insufficient_scope", scope=needed)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], **self._outcome(message["method"])})

    def _outcome(self, method: str) -> dict[str, Any]:
        if method == "initialize":
            version = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            return {"result": {**version, "serverInfo": {"name": "fake", "version": "1"}}}
        if method == "tools/list" and not self.pair.mcp.lists_tools:
            return {"error": {"code": -32603, "message": "out of order"}}
        return {"result": {"tools": [{"name": name} for name in NEEDS]}}
