"""The OpenAPI description of `/definitions`."""

from __future__ import annotations

from auth_service.web.glossary import schema_of
from auth_service.web.route import answer, error

_DIGEST = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
_HELD = {
    "definition": "tools",
    "name": "add_note",
    "difference": "changed",
    "base": _DIGEST,
    "digest": "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE",
    "changes": [{"at": "/description", "parts": [["=", "Add a note"], ["+", ", and mail it"]]}],
}
_REPORT = {
    "resource": "https://mcp.example/mcp",
    "process": "mKq0X9bT2fVh1sZc",
    "pinned": [{"definition": "tools", "count": 1, "names": ["add_note"]}],
    "held": [_HELD],
    "all_held": ["q1wT0mE8yYp7nKc3b5Zr2A"],
}
_APPROVED = {name: _HELD[name] for name in ("definition", "name", "base", "digest")}

OPERATION = {
    "summary": "Report pinned and held definitions",
    "description": "For a resource server that pins the definitions of tools: administrators see what it"
    " holds, and approve it. The response lists what is approved for the resource: each definition by its"
    " digest, in place of the one that the resource server has pinned with the digest `base`. Report when"
    " something changes, when `/revocations` responds with another value of `doorward_definitions`, and"
    " every ten minutes.",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": schema_of(_REPORT), "example": _REPORT}},
    },
    "responses": {
        "200": answer("What is approved.", {"version": "4Gk0mT8sQy1pWz6c", "approved": [_APPROVED]}),
        "400": error(
            "The body is not a report, or is about a resource of another server.",
            "invalid_request",
            "the body must be a report about a resource of the caller",
        ),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "403": error(
            "The caller is a client.",
            "unauthorized_client",
            "only configured resource servers report definitions",
        ),
    },
}
