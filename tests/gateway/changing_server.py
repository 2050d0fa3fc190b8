"""An MCP server whose definitions a test changes while it runs, down to the bytes of a response."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NOTE = {"name": "add_note", "description": "Add a note.", "inputSchema": {"type": "object"}}
LIST = {"name": "list_notes", "description": "List notes.", "inputSchema": {"type": "object"}}
SUMMARY = {"name": "summary", "description": "Summarize."}
TEMPLATE = {"uriTemplate": "notes://{id}", "name": "note"}
MODERN = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
"""Members that each result has in MCP 2026-07-28."""


@dataclass
class ChangingServer:
    """A server without sessions.

    Attributes:
        raw: the bytes of the response to a method, in place of JSON of the lists; ``ID`` stands for the id.
        ran: the tools and prompts that were used; `arguments` has the arguments of each use.
    """

    tools: list[Any] = field(default_factory=lambda: [NOTE, LIST])
    prompts: list[Any] = field(default_factory=lambda: [SUMMARY])
    templates: list[Any] = field(default_factory=lambda: [TEMPLATE])
    instructions: str | None = "Be brief."
    headers: dict[str, str] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)
    url: str = ""

    def answer(self, message: dict[str, Any]) -> bytes:
        """The response to a request."""
        if (raw := self.raw.get(message["method"])) is not None:
            return raw.replace(b"ID", json.dumps(message["id"]).encode())
        params = message.get("params", {})
        result = self._result(message["method"], params) | (MODERN if "_meta" in params else {})
        return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()

    def _result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "initialize" | "server/discover":
                about: dict[str, Any] = {
                    "serverInfo": {"name": "changing", "version": "1"},
                    "capabilities": {"tools": {}},
                    "protocolVersion": "2025-11-25",
                    "supportedVersions": ["2026-07-28"],
                }
                stated = {} if self.instructions is None else {"instructions": self.instructions}
                return {**about, **stated}
            case "tools/list":
                return {"tools": self.tools}
            case "prompts/list":
                return {"prompts": self.prompts}
            case "resources/templates/list":
                return {"resourceTemplates": self.templates}
            case "tools/call" | "prompts/get":
                self.ran.append(params["name"])
                self.arguments.append(params.get("arguments"))
                return {"content": [], "messages": []}
        return {}


@contextmanager
def changing_server() -> Iterator[ChangingServer]:
    """A server on a free port."""
    server = ChangingServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = server.answer(message) if "id" in message else b""
            self.send_response(200 if body else 202)
            for name, value in {"Content-Type": "application/json", **server.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listening.server_port}/mcp"
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
