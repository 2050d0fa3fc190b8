"""RS-10: what clients of the 2025-03-26 revision find at the origin of the MCP server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from auth_service.protocol.forwarded import forwarded_hops
from tests.resource_service.authorization_server import (
    AuthorizationServer,
    Question,
    Reply,
    answer,
    answer_json,
    break_off,
    hang,
    trickle,
)
from tests.resource_service.service import Service, bearer, running
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("RS-10")
METADATA = "/.well-known/oauth-authorization-server"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_authorize_leads_the_browser_on_with_its_query_untouched(
    method: str, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    query = "client_id=a%20b&state=%2F%26x%3D%3F&redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fcb&scope=a+b"
    response = client.request(method, f"/authorize?{query}")
    assert response.status_code == 307
    assert response.headers["location"] == f"{issuer.url}/authorize?{query}"
    assert issuer.questions == []


@pytest.mark.parametrize("query", ["//evil.example", "\\\\evil.example", "@evil.example", "%0d%0aLocation:x"])
def test_authorize_leads_nowhere_else(query: str, client: httpx2.Client, issuer: AuthorizationServer) -> None:
    location = client.get(f"/authorize?{query}").headers["location"]
    assert location.startswith(f"{issuer.url}/authorize?")
    assert client.get("/authorize").headers["location"] == f"{issuer.url}/authorize"


@pytest.mark.parametrize("path", ["/token", "/register"])
def test_a_post_is_passed_on_byte_for_byte_and_so_is_its_answer_but_for_cookies(
    path: str, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    body = b'{"client_name": "\xc3\xa4", "x": 1.0}'
    answer_body = (
        "Content-Type: application/json",
        "Cache-Control: no-store",
        "Set-Cookie: a=b",
        "X-Request-Id: theirs",
    )
    issuer.replies[path] = answer(201, body, *answer_body)
    headers = {
        "Content-Type": "application/json",
        "Authorization": "Basic YTpi",
        "Cookie": "session=1",
        "X-Forwarded-For": "203.0.113.9",
        "Origin": "https://app.example",
    }
    response = client.post(path, content=body, headers=headers)
    assert (response.status_code, response.content) == (201, body)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in response.headers
    assert response.headers["x-request-id"] != "theirs"
    client.post(path, content=body, headers=headers)
    question, again = issuer.questions
    assert "cookie" not in again.headers
    assert (question.method, question.target, question.body) == ("POST", path, body)
    assert question.headers["authorization"] == "Basic YTpi"
    assert question.headers["content-type"] == "application/json"
    assert question.headers["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert "cookie" not in question.headers


@pytest.mark.parametrize(
    ("sent", "older", "standard"),
    [
        ({}, ["127.0.0.1"], []),
        ({"Forwarded": 'for="[2001:db8::5]:80"'}, [], ['for="[2001:db8::5]:80"', "for=127.0.0.1"]),
        (
            {"Forwarded": "for=203.0.113.9", "X-Forwarded-For": "203.0.113.9"},
            ["203.0.113.9, 127.0.0.1"],
            ["for=203.0.113.9", "for=127.0.0.1"],
        ),
    ],
)
def test_the_address_of_the_caller_is_forwarded_in_the_header_that_it_came_in(
    sent: dict[str, str],
    older: list[str],
    standard: list[str],
    client: httpx2.Client,
    issuer: AuthorizationServer,
) -> None:
    issuer.replies["/token"] = answer(200, b"{}")
    client.post("/token", content=b"{}", headers=sent)
    question = issuer.questions[-1]
    assert question.header_values("x-forwarded-for") == older
    assert question.header_values("forwarded") == standard


@pytest.mark.requirement("BOUND-3")
def test_an_unclosed_quote_does_not_hide_who_asks(client: httpx2.Client, issuer: AuthorizationServer) -> None:
    issuer.replies["/token"] = answer(200, b"{}")
    client.post("/token", content=b"{}", headers={"Forwarded": 'for=203.0.113.9;x="'})
    assert forwarded_hops(issuer.questions[-1].header_values("forwarded"))[-1] == "127.0.0.1"


@pytest.mark.parametrize(
    "name", ["authorization", "content-type", "forwarded", "user-agent", "x-forwarded-for"]
)
def test_bytes_beyond_ascii_in_a_header_are_passed_on(
    name: str, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    issuer.replies["/token"] = answer(200, b"{}")
    headers = [(name.encode(), b"a/b \xe9")]
    assert client.post("/token", content=b"{}", headers=headers).status_code == 200
    assert issuer.questions[-1].header_values(name)[0].startswith("a/b \u00e9")


def test_an_oauth_error_comes_back_as_it_is(client: httpx2.Client, issuer: AuthorizationServer) -> None:
    body = {"error": "invalid_client"}
    issuer.replies["/token"] = answer_json(body, 401)
    response = client.post("/token", content=b"grant_type=x", headers=FORM)
    assert (response.status_code, response.json()) == (401, body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/token", 405),
        ("PUT", "/register", 405),
        ("POST", "/token/", 404),
        ("POST", "/token/..%2fadmin", 404),
        ("POST", "/introspect", 404),
        ("POST", "/revoke", 404),
        ("GET", "/register/abc", 404),
    ],
)
def test_nothing_else_is_passed_on(
    method: str, path: str, status: int, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    assert client.request(method, path).status_code == status
    assert issuer.questions == []


def test_a_body_beyond_the_bound_is_not_passed_on(client: httpx2.Client, issuer: AuthorizationServer) -> None:
    assert client.post("/register", content=b"x" * 65_537).status_code == 413
    assert issuer.questions == []


@pytest.mark.requirement("RS-7")
@pytest.mark.parametrize(
    "trouble",
    [hang, trickle, break_off, answer(200, b"x" * 70_000)],
    ids=["hangs", "trickles", "breaks off", "huge"],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/token"), ("POST", "/register"), ("GET", METADATA)])
def test_an_authorization_server_in_trouble_is_503(
    method: str, path: str, trouble: Reply, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    issuer.replies["*"] = trouble
    response = client.request(method, path)
    assert response.status_code == 503
    assert response.json()["error"] == "temporarily_unavailable"
    assert response.headers["retry-after"]


@pytest.mark.parametrize("path", [METADATA, f"{METADATA}/mcp"])
def test_the_metadata_of_the_authorization_server_is_served_as_it_is_and_kept_a_moment(
    path: str, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    document = f'{{ "issuer":"{issuer.url}",\n "x": [1.0, "\u00e4"] }}'.encode()
    with running(issuer, tmp_path) as service, httpx2.Client(base_url=service.origin) as client:
        issuer.replies[METADATA] = answer(200, document, "Content-Type: application/json")
        for _ in range(3):
            response = client.get(path, headers={"Origin": "https://anyone.example"})
            assert (response.status_code, response.content) == (200, document)
        assert response.headers["content-type"] == "application/json"
        assert response.headers["access-control-allow-origin"] == "*"
        assert len(issuer.requests_to(METADATA)) == 1
        assert client.head(path).status_code == 200


@pytest.mark.parametrize(
    "reply",
    [
        answer_json({"issuer": "https://evil.example"}),
        answer_json({}),
        answer_json([]),
        answer_json(None),
        answer(200, b"<html>"),
        answer(404, b""),
    ],
)
def test_a_document_of_another_issuer_is_never_served_nor_kept(
    reply: Reply, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    issuer.replies[METADATA] = reply
    assert client.get(METADATA).status_code == 503
    assert client.get(METADATA).status_code == 503
    assert len(issuer.requests_to(METADATA)) == 2


@pytest.mark.anyio
@pytest.mark.requirement("RS-7")
async def test_a_slow_token_endpoint_does_not_keep_tokens_from_being_checked(
    service: Service, issuer: AuthorizationServer
) -> None:
    issuer.replies["/token"] = hang
    async with httpx2.AsyncClient(base_url=service.origin, timeout=10) as client:
        flood = [asyncio.create_task(client.post("/token")) for _ in range(60)]
        await asyncio.to_thread(wait_until, lambda: len(issuer.requests_to("/token")) >= 20)
        assert (await client.get("/hello", headers=bearer("x"))).status_code == 401
        assert {(await response).status_code for response in flood} == {503}


def test_the_aliases_can_be_turned_off(issuer: AuthorizationServer, tmp_path: Path) -> None:
    with running(issuer, tmp_path, legacy_aliases="false") as service:
        for method, path in (
            ("GET", "/authorize"),
            ("POST", "/token"),
            ("POST", "/register"),
            ("GET", METADATA),
        ):
            assert httpx2.request(method, f"{service.origin}{path}").status_code == 404
    assert issuer.questions == []


def test_they_reach_the_authorization_server_at_its_inside_address(tmp_path: Path) -> None:
    inside = AuthorizationServer().start()
    endpoint = f"{inside.url}/introspect"

    async def register(question: Question, writer: asyncio.StreamWriter) -> None:
        await answer_json({"echo": json.loads(question.body)}, 201)(question, writer)

    inside.replies["/register"] = register
    with running(
        inside, tmp_path, issuer="https://login.example", introspection_endpoint=endpoint
    ) as service:
        response = httpx2.post(f"{service.origin}/register", json={"a": 1})
        location = httpx2.get(f"{service.origin}/authorize?x=1").headers["location"]
    inside.stop()
    assert response.json() == {"echo": {"a": 1}}
    assert location == "https://login.example/authorize?x=1"
