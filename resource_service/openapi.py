"""The OpenAPI document, including the MCP endpoint, which is not a FastAPI route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.types import Scope

from resource_service.routes.http_resources import REFUSALS, SCHEME, Problem
from resource_service.settings import ResourceSettings
from shared.asgi.direct_app import DirectApp

Examples = Mapping[str, dict[str, Any]]
"""Maps a name to an OpenAPI example."""

PROTOCOL_VERSION = "2026-07-28"
_EXAMPLE_META = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "docs-page", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}

TAGS = [
    {"name": "plain", "description": "Plain HTTP behind the same check as MCP."},
    {"name": "mcp", "description": "The MCP endpoint, Streamable HTTP."},
    {"name": "metadata", "description": "The documents that clients read first."},
    {
        "name": "aliases",
        "description": "For clients of the 2025-03-26 revision, which treat this service as the issuer.",
    },
    {"name": "operation"},
]

_DESCRIPTION = """\
An MCP server behind OAuth 2.1, at `{resource}`.

**To try it from here**

1. Register a client on [the docs page of the authorization server]({issuer}/docs){aliases}: the example \
works unchanged.
2. Press *Authorize*, enter the `client_id`, select the scopes, log in, and press Allow.
3. Open *GET /hello* and press *Execute*. Tokens expire after some minutes; press *Authorize* again then.
"""


def description(settings: ResourceSettings) -> str:
    """Return the introduction of the docs page."""
    aliases = ", or with *POST /register* below" if settings.legacy_aliases else ""
    return _DESCRIPTION.format(resource=settings.resource, issuer=settings.issuer, aliases=aliases)


class DocumentedApp(DirectApp):
    """An app whose OpenAPI document also describes MCP endpoints.

    Attributes:
        mcp_endpoints: maps a path to example requests.
        admits: whether a request is to an MCP endpoint, with a token that is valid there.
    """

    mcp_endpoints: Mapping[str, Examples]
    admits: Callable[[Scope], Awaitable[bool]]

    def openapi(self) -> dict[str, Any]:
        """Return the document, which is generated once."""
        document = super().openapi()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).setdefault("Problem", Problem.model_json_schema())
        security: list[Any] = [{SCHEME: []}] if SCHEME in components.get("securitySchemes", {}) else []
        for path, examples in self.mcp_endpoints.items():
            document["paths"].setdefault(path, _mcp_operations(examples, security))
        return document


def _mcp_operations(examples: Examples, security: list[Any]) -> dict[str, Any]:
    method, name = next(iter(examples.values()))["value"]["method"], next(iter(examples))
    operations = {
        "post": _operation(
            "Send an MCP message",
            "Streamable HTTP of MCP: one JSON-RPC message. A tool that needs a scope which the token lacks "
            "is refused with 403 before it runs, with the scope in the challenge.",
            {
                200: "The answer, as JSON or as server-sent events",
                202: "The notification was accepted",
                404: "The session does not exist, or belongs to another user",
            },
            parameters=[
                _header(
                    "MCP-Protocol-Version", "The revision of MCP that the client speaks.", PROTOCOL_VERSION
                ),
                _header("Mcp-Method", "The method of the message, again (2026-07-28).", method),
                _header(
                    "Mcp-Name",
                    "The tool of the message, again (2026-07-28): change it with the example.",
                    name if method == "tools/call" else None,
                ),
                _header("Mcp-Session-Id", "The session (2025-11-25 and before).", None),
                _header("DPoP", "With a token that is bound to a key: the proof (RFC 9449 §4).", None),
            ],
            requestBody={"required": True, "content": {"application/json": {"examples": examples}}},
        ),
        "get": _operation(
            "Listen to a session",
            "Server-sent events of a session (2025-11-25 and before), until the token ends.",
            {200: "Server-sent events", 405: "The revision has no sessions"},
        ),
        "delete": _operation(
            "End a session",
            "Ends a session (2025-11-25 and before).",
            {200: "The session has ended", 405: "The revision has no sessions"},
        ),
    }
    return {name: {"security": security, **operation} for name, operation in operations.items()}


def _operation(summary: str, description: str, answers: dict[int, str], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    responses = {str(status): {"description": text} for status, text in answers.items()}
    return {
        "tags": ["mcp"],
        "summary": summary,
        "description": description,
        "responses": responses | {str(status): _refusal(status) for status in REFUSALS},
        **more,
    }


def _refusal(status: int | str) -> dict[str, Any]:
    stated = {name: value for name, value in REFUSALS[status].items() if name != "model"}
    media = {"schema": {"$ref": "#/components/schemas/Problem"}, **stated["content"]["application/json"]}
    return {**stated, "content": {"application/json": media}}


def _header(name: str, description: str, example: str | None) -> dict[str, Any]:
    parameter = {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}
    return parameter if example is None else parameter | {"example": example}


def _example(method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _EXAMPLE_META}}
    return {"value": message}


NOTES_EXAMPLES: Examples = {
    "whoami": _example("tools/call", name="whoami", arguments={}),
    "add_note": _example("tools/call", name="add_note", arguments={"text": "Buy milk"}),
    "list_notes": _example("tools/call", name="list_notes", arguments={}),
}
"""For the built-in MCP server."""

ANY_EXAMPLES: Examples = {"tools/list": _example("tools/list")}
"""For an MCP server whose tools are not known."""
