"""The OpenAPI description of the stop switch."""

from __future__ import annotations

from functools import partial

from auth_service.endpoints.admin_api.descriptions.common import (
    DONE,
    LIST_PARAMETERS,
    NOT_FOUND,
    body,
    operation,
    segment,
)
from auth_service.web.route import answer

TAG = "Administration: stops"
_operation = partial(operation, TAG)
_WANTED = {
    "kind": "tool",
    "name": "delete_*",
    "resource": "https://mcp.example/mcp",
    "reason": "We are investigating deleted notes.",
}
_STOP = {
    "stop_id": "5f1d7a84db00d2fce00b31a7fc73224f5f1d7a84db00d2fce00b31a7fc73224f",
    **_WANTED,
    "by": "wesen",
    "at": 1_780_000_000,
}

LIST = _operation(
    "List what is stopped", {"200": answer("The stops, oldest first.", {"stops": [_STOP]})},
    parameters=LIST_PARAMETERS,
)  # fmt: skip
STOP = _operation(
    "Stop a tool, an MCP server, a client or a person",
    {"200": answer("It is stopped.", _STOP)},
    description=(
        "Every resource server refuses its calls within a second, and ends those in progress. `name` is the"
        " name of a tool or prompt (`*` matches any text), the URL of an MCP server (`mount`), the id of a"
        " client, the `software_id`, name or metadata document of a client software, or the subject of a"
        " person. `resource` stops a tool at one MCP server only. Those who are refused read"
        " the `reason`. A repetition changes nothing; another reason replaces the previous one."
    ),
    request=body(_WANTED),
)
RESUME = _operation(
    "End a stop",
    {"204": DONE, "404": NOT_FOUND},
    description="Nobody needs to log in or connect again.",
    parameters=[segment("stop", "The `stop_id`.")],
    fresh=True,
)
