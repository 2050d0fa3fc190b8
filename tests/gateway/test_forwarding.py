"""The forwarded request is the checked request (RS-12), seen from both sides of the gateway."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from resource_service.messages.forwarded_headers import why_not_passed
from tests.gateway.exchange import MESSAGE, PING
from tests.gateway.ledger import Ledger, answer_in, request
from tests.resource_service.authorization_server import AuthorizationServer, answer_json
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for

pytestmark = pytest.mark.requirement("RS-12")

HIDDEN = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_notes","arguments":{},%b}}'
UTF_7 = b'"x":"+ACI-,+ACI-name+ACI-:+ACI-wipe_notes+ACI-,+ACI-y+ACI-:+ACI-"'


@pytest.fixture
def reader(
    ruled: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> Iterator[httpx2.Client]:
    """A client of `ruled` that may read."""
    upstream.replies["*"] = answer_json({"jsonrpc": "2.0", "id": 1, "result": {}})
    with httpx2.Client(base_url=ruled.origin, timeout=30, trust_env=False) as client:
        client.headers.update(bearer(token_for(ruled, issuer, scope="notes:read")) | MESSAGE)
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-7"},
        {"Content-Type": 'application/json; charset="UTF-7"'},
        {"Content-Type": "application/json;charset=utf-16le"},
        {"Content-Type": "application/json; charset=iso-8859-1"},
        {"Content-Type": "application/json; charset=utf-8; charset=utf-7"},
        {"Content-Type": "application/json; charset*=utf-7"},
        {"Content-Type": "application/json; charset=utf-8, application/json; charset=utf-7"},
        {"Content-Type": "application/json charset=utf-7"},
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "identity, deflate"},
    ],
)
def test_a_body_that_claims_an_encoding_is_415(
    headers: dict[str, str], reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    response = reader.post("/mcp", headers=headers, content=HIDDEN % UTF_7)
    assert response.status_code == 415
    assert upstream.questions == []


@pytest.mark.parametrize(
    "stated", ["application/json", "Application/JSON ; charset=UTF-8", "application/json; a=b"]
)
def test_the_content_type_that_goes_on_is_ours(
    stated: str, reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    assert reader.post("/mcp", headers={"Content-Type": stated}, json=PING).status_code == 200
    assert upstream.questions[0].headers["content-type"] == "application/json"


FOLDED = [
    {"Method": "tools/call"},
    {"METHOD": "tools/call"},
    {"param\u017f": {"name": "wipe_notes"}},
    {"Params": {"name": "wipe_notes"}},
    {"params": {"name": "list_notes", "Name": "wipe_notes"}},
    {"params": {"name": "list_notes", "\uff4eame": "wipe_notes"}},
    {"params": {"name": "list_notes", "arguments": {}, "argument\u017f": {}}},
    {"params": {"name": "list_notes", "_Meta": {}}},
    {"params": {"name": "list_notes", "_meta": {"progressTo\u212aen": 1}}},
    {"params": {"name": "list_notes", "_meta": {"io.modelcontextprotocol/ProtocolVersion": "x"}}},
    {"params": {"name": "list_notes", "name\u0000": "wipe_notes"}},
    {"params": {"name": "list_notes", "vendor": 1, "VENDOR": 2}},
]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("members", FOLDED, ids=ascii)
def test_a_member_that_folds_to_a_name_of_the_protocol_is_refused_and_nothing_runs(
    members: dict[str, Any], batch: bool, behind: Ledger
) -> None:
    before = behind.done
    message: Any = request("tools/call", name="list_notes", arguments={}) | members
    with behind.client(behind.token("notes:read")) as client:
        response = client.post("/mcp", json=[message] if batch else message)
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32600)
    assert behind.done == before


@pytest.mark.parametrize(
    "params",
    [
        {"name": "list_notes", "arguments": {"Name": "Bob", "METHOD": 1, "nested": {"URI": 1, "uri": 2}}},
        {"name": "list_notes", "_meta": {"com.example/who": {"Name": "Bob"}}},
        {"name": "list_notes", "inputResponses": {"a": {"content": {"Name": "Bob"}}}},
    ],
    ids=ascii,
)
def test_names_that_are_the_sender_s_own_are_free(
    params: dict[str, Any], reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    assert reader.post("/mcp", json=request("tools/call", **params)).status_code == 200
    assert json.loads(upstream.questions[0].body)["params"] == params


@pytest.mark.parametrize(
    "number", ["1e400", "0.12345678901234567890123", "12345678901234567890123", "-0.0", "1E2", "5e-400"]
)
def test_a_number_means_behind_the_gateway_what_it_meant_before(
    number: str, reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"arguments":{"n":[%b,%b]}}}'
    response = reader.post("/mcp", content=body % (number.encode(), number.encode()))
    assert response.status_code == 200
    sent = json.loads(upstream.questions[0].body, parse_float=Decimal, parse_int=Decimal)
    assert sent["params"]["arguments"]["n"] == [Decimal(number)] * 2


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"[" * 200 + b"]" * 200, b"9" * 5_000])
def test_what_parsers_make_different_things_of_is_refused(
    value: bytes, reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"arguments":{"n":%b}}}'
    assert reader.post("/mcp", content=body % value).status_code == 400
    assert upstream.questions == []


def test_request_headers_pass_by_an_allow_list(reader: httpx2.Client, upstream: AuthorizationServer) -> None:
    theirs = ("Remote-User", "X-WEBAUTH-USER", "Impersonate-User", "X-Auth-Request-Email", "X-Forwarded-User")
    passed = ("Traceparent", "Tracestate", "Baggage", "User-Agent", "X-Tenant", "Mcp-Custom")
    sent = dict.fromkeys((*theirs, *passed), "mallory")
    assert reader.post("/mcp", headers=sent, json=PING).status_code == 200
    received = upstream.questions[0].headers
    assert {name.lower() for name in theirs}.isdisjoint(received)
    assert {received[name.lower()] for name in passed} == {"mallory"}


@pytest.mark.parametrize(
    "query",
    [
        *("access_token={t}", "ACCESS_TOKEN=x", "access%5Ftoken=x", "access%255ftoken=x", "token=x"),
        *("a=1;access_token=x", "bearer_token=x", "id_token=x", "q={t}", "q=a{t}b", "{t}", "{t}=1", "q={p}"),
        *("q=dw_at_AAAAAAAAAAAAAAAAAAAAAAAA", "q=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.AAAA"),
    ],
)
def test_a_token_in_the_query_does_not_pass_under_any_name(
    query: str, reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    token = reader.headers["authorization"].removeprefix("Bearer ")
    encoded = "".join(f"%{ord(character):02x}" for character in token)
    response = reader.post(f"/mcp?{query.format(t=token, p=encoded)}", json=PING)
    assert response.status_code == 400
    assert upstream.questions == []


def test_any_other_query_passes(reader: httpx2.Client, upstream: AuthorizationServer) -> None:
    assert reader.post("/mcp?toolsets=a,b&session=1", json=PING).status_code == 200
    assert upstream.questions[0].target == "/mcp?toolsets=a,b&session=1"


@pytest.mark.parametrize("apart", [False, True])
def test_a_token_in_a_trailer_is_ignored(apart: bool, ruled: Service, issuer: AuthorizationServer) -> None:
    token = token_for(ruled, issuer, scope="notes:read")
    host, port = ruled.origin.removeprefix("http://").split(":")
    body = json.dumps(PING).encode()
    head = b"POST /mcp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    head += b"Content-Type: application/json\r\n\r\n"
    rest = b"%x\r\n%b\r\n0\r\nAuthorization: Bearer %b\r\n\r\n" % (len(body), body, token.encode())
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for part in (head, rest) if apart else (head + rest,):
            connection.sendall(part)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "changed",
    [
        {"Mcp-Name": "add_note"},
        {"Mcp-Name": "=?base64?YWRkX25vdGU=?="},
        {"Mcp-Name": "=?base64?!?="},
        {"Mcp-Name": None},
        {"Mcp-Method": "ping"},
        {"Mcp-Method": None},
        {"Mcp-Param-Text": "other"},
        {"Mcp-Param-Region": "eu"},
        {"Mcp_Name": "list_notes"},
        {"Mcp-Protocol-Version": "2025-11-25"},
        {"Mcp-Protocol-Version": "2099-01-01"},
        {"Mcp-Protocol-Version": None},
    ],
    ids=ascii,
)
def test_a_header_that_contradicts_the_body_or_is_missing_is_400_on_every_transport(
    changed: dict[str, str | None], behind: Ledger
) -> None:
    before = behind.done
    headers = bearer(behind.token("notes:read")) | modern_headers("list_notes") | changed
    sent = {name: value for name, value in headers.items() if value is not None}
    with httpx2.Client(base_url=behind.service.origin, timeout=60, trust_env=False) as client:
        response = client.post("/mcp", headers=sent, json=call("list_notes", text="x"))
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32020)
    assert response.json()["id"] == 1
    assert behind.done == before


@pytest.mark.parametrize("name", ["Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version"])
def test_a_header_that_is_repeated_is_400_on_every_transport(name: str, behind: Ledger) -> None:
    headers = bearer(behind.token("notes:read")) | modern_headers("list_notes")
    with httpx2.Client(base_url=behind.service.origin, timeout=60, trust_env=False) as client:
        fields = [*headers.items(), (name, headers[name])]
        response = client.post("/mcp", headers=fields, json=call("list_notes"))
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("more", [{}, {"Mcp-Name": "=?base64?bGlzdF9ub3Rlcw==?="}], ids=ascii)
def test_headers_that_say_what_the_body_says_pass_on_every_transport(
    more: dict[str, str], behind: Ledger
) -> None:
    before = behind.done
    headers = bearer(behind.token("notes:read")) | modern_headers("list_notes") | more
    with httpx2.Client(base_url=behind.service.origin, timeout=60, trust_env=False) as client:
        response = client.post("/mcp", headers=headers, json=call("list_notes"))
    assert "result" in answer_in(response), response.text
    assert behind.done == [*before, "list_notes"]


@pytest.mark.parametrize("header", ["authorization", "Cookie", "X-Doorward-Subject", "X_Tenant", "Host"])
def test_no_setting_lets_a_credential_through(header: str) -> None:
    assert why_not_passed(header)
