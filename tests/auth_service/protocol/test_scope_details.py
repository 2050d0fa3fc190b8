"""The metadata of a resource about its scopes, reduced."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auth_service.protocol.scope_details import (
    MAX_NAME_CHARACTERS,
    MAX_USES,
    ResourceDescription,
    ScopeDetail,
    Use,
    read_description,
)

RESOURCE = "https://mcp.example/mcp"


def described(scopes: Any, **members: Any) -> ResourceDescription:
    document = {"resource": RESOURCE, "doorward_scopes": scopes, **members}
    return read_description(json.dumps(document).encode(), RESOURCE)


@pytest.mark.requirement("AS-9")
def test_tools_prompts_and_resources_are_read_with_what_is_included() -> None:
    details = described(
        {
            "read": {
                "description": "Read",
                "tools": ["get_*"],
                "prompts": ["hello"],
                "resources": ["notes://*"],
            },
            "all": {"description": "All", "includes": ["read"], "everything_else": True, "new": 1},
        },
        scopes_supported=["read", "all"],
    )
    assert details.scopes == {"read", "all"}
    assert details.detail("read") == ScopeDetail(
        (Use("tool", "get_*"), Use("prompt", "hello"), Use("resource", "notes://*"))
    )
    assert details.detail("all") == ScopeDetail(includes=("read",), everything_else=True)
    assert details.detail("other") == ScopeDetail()


@pytest.mark.parametrize(
    "scopes",
    [
        None,
        [],
        "x",
        {"read": None},
        {"read": []},
        {"read": {"tools": "add"}},
        {"read": {"tools": [1, None, [], {}]}},
        {"read": {"includes": {"a": 1}, "everything_else": "yes"}},
    ],
)
def test_what_has_another_form_says_nothing(scopes: Any) -> None:
    assert described(scopes).detail("read") == ScopeDetail()


@pytest.mark.requirement("AS-9", "SEC-5")
def test_names_are_shown_without_what_cannot_be_seen_and_bounded() -> None:
    names = ["\u202eevil\u202c", "a\nb\u200b", "x" * 1_000, "\u200b", "", "☃"]
    uses = described({"read": {"tools": names}}).detail("read").uses
    assert [use.name for use in uses] == ["evil", "ab", "x" * MAX_NAME_CHARACTERS + "…", "☃"]
    invisible = "\u200b" * (4 * MAX_NAME_CHARACTERS - 1)
    hidden = described({"read": {"tools": [f"{invisible}a", f"{invisible}ab"]}}).detail("read").uses
    assert [use.name for use in hidden] == ["a", "a"]
    many = described({"read": {"tools": [str(number) for number in range(MAX_USES + 5)]}}).detail("read")
    assert (len(many.uses), many.left_out) == (MAX_USES, 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"[]",
        b"[" * 100_000,
        b"\xff",
        b"{}",
        b'{"resource": 7}',
        b'{"resource": "\xc3\xa4"}',
        b'{"resource": "https://other.example/mcp", "doorward_scopes": {"read": {"tools": ["x"]}}}',
    ],
)
def test_a_document_of_something_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not "):
        read_description(body, RESOURCE)
