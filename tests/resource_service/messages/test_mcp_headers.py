"""Headers that repeat parts of a message: the rule, and that the built-in server is held to it (RS-12)."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from resource_service.messages.jsonrpc import read_posted
from resource_service.messages.mcp_headers import HeaderMismatchError, check_headers
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for

pytestmark = pytest.mark.requirement("RS-12")

MODERN, OLDER = "2026-07-28", "2025-11-25"
META = {"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}}
REPEATED = ("Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Param-Text")


def message(method: str = "tools/list", **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": META, **members}


def agree(headers: dict[str, str], body: object) -> bool:
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    try:
        check_headers(fields, read_posted(json.dumps(body).encode()))
    except HeaderMismatchError:
        return False
    return True


def named(version: str | None, method: str | None = None) -> dict[str, str]:
    headers = {"Mcp-Protocol-Version": version, "Mcp-Method": method}
    return {name: value for name, value in headers.items() if value is not None}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (named(OLDER, "tools/list"), message()),
        (named(None, "tools/list"), message()),
        (named("2099-01-01", "tools/list"), message()),
        (named(MODERN, "tools/list"), message(params={"_meta": {next(iter(META["_meta"])): OLDER}})),
        (named(MODERN, "tools/list"), message(params={"_meta": {next(iter(META["_meta"])): [MODERN]}})),
        (named(OLDER), {"jsonrpc": "2.0", "method": "notifications/x", "params": META}),
        (named(OLDER), [message()]),
        (named(None), [message(params={}), message()]),
    ],
    ids=ascii,
)
def test_the_version_in_the_header_is_the_one_in_the_body(headers: dict[str, str], body: object) -> None:
    assert not agree(headers, body)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (named(MODERN, "tools/list"), message()),
        (named(OLDER), message(params={})),
        (named(None), message(params={})),
        # -32602 of the server, which says what is lacking: so do the SDKs
        (named(MODERN, "tools/list"), message(params={})),
        (named(MODERN, "tools/list"), message(params={"_meta": {}})),
        # "header requirements for notification POSTs are not defined by this revision"
        (named(None), {"jsonrpc": "2.0", "method": "notifications/x", "params": META}),
        (named(MODERN), {"jsonrpc": "2.0", "method": "notifications/x"}),
        (named(OLDER), [message(params={}), message(params={})]),
    ],
    ids=ascii,
)
def test_where_only_one_of_them_names_a_version_the_server_decides(
    headers: dict[str, str], body: object
) -> None:
    assert agree(headers, body)


@pytest.mark.parametrize("body", [[message()], [message(params={})], [message(), message("ping")]], ids=ascii)
@pytest.mark.parametrize("method", [None, "tools/list"])
def test_a_batch_cannot_have_the_headers_that_a_request_must_have(method: str | None, body: object) -> None:
    assert not agree(named(MODERN, method), body)


@pytest.mark.parametrize(
    "value", ["tools/list\xa0", "tools/l\xefst", "tools/list\x7f", "tools\x0b/list"], ids=ascii
)
def test_a_header_holds_no_character_that_must_be_encoded(value: str) -> None:
    assert not agree(named(MODERN, value), message(value))


@pytest.mark.parametrize("value", ["=?base64?=", "=?base64?bGlzdA=?=", "=?base64?/w==?="])
def test_an_encoding_that_readers_differ_about_is_refused(value: str) -> None:
    headers = named(MODERN, "prompts/get") | {"Mcp-Name": value}
    assert not agree(headers, message("prompts/get", params={"name": value, **META}))


@pytest.mark.parametrize("name", REPEATED)
def test_a_header_that_is_repeated_is_400_at_the_built_in_server(
    name: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(service, issuer)) | modern_headers("add_note") | {"Mcp-Param-Text": "x"}
    for spelled in (name, name.upper(), name.replace("-", "_")):
        fields = [*headers.items(), (spelled, headers[name])]
        response = client.post("/mcp", headers=fields, json=call("add_note", text="x"))
        assert (response.status_code, response.json()["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    "changed",
    [
        {"Mcp-Name": "whoami"},
        {"Mcp-Name": None},
        {"Mcp-Method": "tools/list"},
        {"Mcp-Method": None},
        {"Mcp-Protocol-Version": OLDER},
        {"Mcp-Protocol-Version": None},
        {"Mcp-Param-Text": "other"},
        {"Mcp-Param-Other": "other"},
        {"Mcp-Param-Text": "=?base64?!?="},
    ],
    ids=ascii,
)
def test_a_header_that_says_something_else_than_the_body_is_400_at_the_built_in_server(
    changed: dict[str, str | None], client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = bearer(token_for(service, issuer, sub="contradicted"))
    headers = {**token, **modern_headers("add_note"), **changed}
    sent = {name: value for name, value in headers.items() if value is not None}
    response = client.post("/mcp", headers=sent, json=call("add_note", text="x"))
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32020)
    assert response.json()["id"] == 1
    notes = client.post("/mcp", headers=token | modern_headers("list_notes"), json=call("list_notes"))
    assert '"notes":[]' in notes.text.replace(" ", "").replace("\\", "")


def test_headers_that_say_what_the_body_says_pass_at_the_built_in_server(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(service, issuer)) | modern_headers("add_note") | {"Mcp-Param-Text": "x"}
    response = client.post("/mcp", headers=headers, json=call("add_note", text="x"))
    assert response.status_code == 200
    assert '"result"' in response.text
