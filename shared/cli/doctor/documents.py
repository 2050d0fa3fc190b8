"""Parse JSON from untrusted servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from shared.cli.doctor.exchange import Answer, Exchange
from shared.cli.doctor.text import quoted

Document = dict[str, Any]

URL_LISTS = frozenset({"authorization_servers"})
URL_MEMBERS = frozenset({"issuer", "resource", "service_documentation", "resource_documentation"})
URL_ENDINGS = ("_endpoint", "_uri")
LISTS = frozenset({"authorization_servers"})
LIST_ENDINGS = ("_methods_supported", "_types_supported", "_modes_supported", "_values_supported")
SCOPE_LISTS = frozenset({"scopes_supported", "claims_supported"})
BOOLEANS = frozenset(
    {
        "client_id_metadata_document_supported",
        "authorization_response_iss_parameter_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "require_request_uri_registration",
        "require_pushed_authorization_requests",
        "dpop_bound_access_tokens_required",
    }
)


MAX_DEPTH = 32
"""Deeper than anything here is nested; shallow enough to compare or print."""


def parse_object(body: bytes) -> Document | str:
    """Return the JSON object in `body`, or a description of what is wrong with it."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()  # fails for an escaped lone surrogate
    except (ValueError, RecursionError):
        return "the body is not JSON"
    if not isinstance(value, dict):
        return "the body is JSON, but not an object"
    return "the body is nested too deeply" if _is_deep(value) else value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    return bool(level)


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def document_of(exchange: Exchange | None) -> Document | None:
    """Return the JSON object of a successful exchange; None for any other exchange."""
    if exchange is None or exchange.answer is None or not 200 <= exchange.answer.status < 300:
        return None
    parsed = parse_object(exchange.answer.body)
    return parsed if isinstance(parsed, dict) else None


def object_of(exchange: Exchange | None) -> Document | None:
    """Return the JSON object of a response with any status, such as an OAuth error."""
    if exchange is None or exchange.answer is None:
        return None
    parsed = parse_object(exchange.answer.body)
    return parsed if isinstance(parsed, dict) else None


def why_no_document(exchange: Exchange) -> str:
    """Describe the response instead of a JSON object with status 200, in words that follow the URL."""
    answer = exchange.answer
    if answer is None:
        return str(exchange.trouble)
    if answer.redirects:
        return f"answers {answer.status} to {quoted(answer.header('location') or '')}"
    if answer.status != 200:
        return f"answers {answer.status}"
    return why_not_json(answer) or "answers"


def why_not_json(answer: Answer) -> str | None:
    """Explain why a client cannot read `answer` as a JSON object; None if it can."""
    if encoding := answer.header("content-encoding"):
        return f"is encoded as {quoted(encoding)}, but only identity was accepted"
    if answer.cut:
        return "sends a body that is too large or too slow"
    parsed = parse_object(answer.body)
    if isinstance(parsed, str):
        kind = answer.content_type
        return f"answers {quoted(kind)}: {parsed}" if kind else f"answers without a type: {parsed}"
    return None


def text_member(document: Document | None, name: str) -> str | None:
    """Return a member that is a non-empty string, else None."""
    value = (document or {}).get(name)
    return value if isinstance(value, str) and value else None


def credential_member(document: Document | None, name: str) -> str | None:
    """Return a member usable as a credential: printable ASCII (RFC 6749 Appendix A), else None."""
    value = text_member(document, name)
    return value if value and all(" " <= character <= "~" for character in value) else None


def list_member(document: Document | None, name: str) -> list[str] | None:
    """Return the strings in an array member; None if the member is not an array."""
    value = (document or {}).get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None


def null_members(document: Document) -> list[str]:
    """Return the names of members that are null, or arrays that contain null."""
    return [name for name, value in document.items() if value is None or _holds_null(value)]


def _holds_null(value: object) -> bool:
    return isinstance(value, list) and any(item is None for item in value)


def url_members(document: Document) -> Iterator[tuple[str, object]]:
    """Yield every non-null member that the standards define as a URL, with its value."""
    for name, value in document.items():
        if name in URL_LISTS and isinstance(value, list):
            yield from ((name, item) for item in value)
        elif (name in URL_MEMBERS or name.endswith(URL_ENDINGS)) and value is not None:
            yield name, value


def mistyped_members(document: Document) -> list[str]:
    """Return the members with a wrong JSON type, each with the type that the standards require."""
    mistyped = []
    for name, value in document.items():
        if name in BOOLEANS and not isinstance(value, bool):
            mistyped.append(f"{quoted(name)} is not true or false")
        elif _is_list_name(name) and not _is_list_of_text(value):
            mistyped.append(f"{quoted(name)} is not an array of strings")
    return mistyped


def _is_list_name(name: str) -> bool:
    return name in LISTS or name in SCOPE_LISTS or name.endswith(LIST_ENDINGS)


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
