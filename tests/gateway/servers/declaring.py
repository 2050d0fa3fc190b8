"""An MCP server whose tool wants arguments repeated in headers, and that checks no header itself.

python -m tests.gateway.servers.declaring FILE         # over stdio; FILE gets a line for each call
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.gateway.servers import bare

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "dry_run": {"type": "boolean", "x-mcp-header": "Dry-Run"},
        "target": {"type": "object", "properties": {"zone": {"type": "string", "x-mcp-header": "A_Zone"}}},
        "text": {"type": "string"},
    },
}
INVALID = {"type": "object", "properties": {"list": {"type": "array", "x-mcp-header": "List"}}}
PAGES: dict[str | None, dict[str, Any]] = {
    None: {"tools": [{"name": "plain", "inputSchema": {"type": "object"}}], "nextCursor": "more"},
    "more": {
        "tools": [{"name": "deploy", "inputSchema": SCHEMA}, {"name": "left_out", "inputSchema": INVALID}]
    },
}
CALLED: dict[str, Any] = {"content": [], "resultType": "complete"}


def result_of(request: dict[str, Any]) -> dict[str, Any]:
    """The result of the tool."""
    match request["method"]:
        case "tools/list":
            return {"resultType": "complete", **PAGES[request["params"].get("cursor")]}
        case "tools/call":
            return CALLED
        case _:
            return bare.result_of(request) or {}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if request["method"] == "tools/call":
            with Path(sys.argv[1]).open("a") as file:
                file.write(f"{request['params']['name']}\n")
        if "id" in request:
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": result_of(request)}
            print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
