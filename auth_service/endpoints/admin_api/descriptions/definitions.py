"""The OpenAPI description of pinned definitions."""

from __future__ import annotations

from functools import partial

from auth_service.endpoints.admin_api.descriptions.common import (
    DONE,
    LIST_PARAMETERS,
    NOT_FOUND,
    operation,
    segment,
)
from auth_service.web.route import answer, text

TAG = "Administration: definitions"
_operation = partial(operation, TAG)
_DEFINITION = {
    "definition_id": "q1wT0mE8yYp7nKc3b5Zr2A",
    "definition": "tools",
    "name": "add_note",
    "base": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
    "digest": "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE",
}
_HELD = {
    **_DEFINITION,
    "difference": "changed",
    "changes": [{"at": "/description", "parts": [["=", "Add a note"], ["+", ", and mail it"]]}],
}
_RESOURCE = {
    "resource": "https://mcp.example/mcp",
    "reported_at": 1_780_000_000,
    "pinned": [{"definition": "tools", "count": 1, "names": ["add_note"]}],
    "held": [_HELD],
    "approved": [{**_DEFINITION, "by": "wesen", "at": 1_780_000_000}],
}
_AT = {"name": "resource", "in": "query", "required": True, "schema": text("The URL of the resource.")}

LIST = _operation(
    "List pinned and held definitions",
    {"200": answer("The resources of this server.", {"pinned_resources": [_RESOURCE]})},
    description="The definitions of tools, prompts and resource templates, as resource servers reported them"
    " in the last hour. `changes` shows what differs from what is approved: parts that stay (`=`), were"
    " removed (`-`) or added (`+`); null if that is too long.",
    parameters=LIST_PARAMETERS,
)
APPROVE = _operation(
    "Approve a held definition",
    {"204": DONE, "404": NOT_FOUND},
    description="Approves exactly the contents that `definition_id` was listed with, at every process of the"
    " resource server within a second. If the server has changed them since, the answer is 404. A repetition"
    " changes nothing.",
    parameters=[segment("definition", "The `definition_id`."), _AT],
    fresh=True,
)
WITHDRAW = _operation(
    "Withdraw an approval",
    {"204": DONE, "404": NOT_FOUND},
    description="The definition is held again, unless a lock file contains it.",
    parameters=[segment("definition", "The `definition_id`."), _AT],
)
