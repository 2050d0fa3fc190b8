"""An MCP server over stdio that is written by hand: it starts at once, and never answers `tools/call`.

python -m tests.gateway.servers.bare
"""

from __future__ import annotations

import json
import sys
from typing import Any

REVISIONS = ["2026-07-28", "2025-11-25"]


def result_of(request: dict[str, Any]) -> dict[str, Any] | None:
    match request["method"]:
        case "server/discover":
            return {"supportedVersions": REVISIONS, "capabilities": {}, "serverInfo": {"name": "bare"}}
        case "initialize":
            server = {"name": "bare", "version": "1"}
            return {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": server}
        case "ping":
            return {}
        case _:
            return None


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if "id" in request and (result := result_of(request)) is not None:
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": result}
            print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
