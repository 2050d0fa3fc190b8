"""Requests that are answered before the framework get the response that the framework would give."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope

from auth_service.main import create_app
from auth_service.openapi import DescribedApp
from auth_service.settings import AuthSettings
from shared.asgi.direct_routes import DirectRoutes
from shared.storage import open_store
from tests.auth_service.service import RESOURCE_SECRET, USUAL

pytestmark = pytest.mark.anyio

ISSUER = "https://auth.example/tenant"
PATHS = (
    "/introspect",
    "/token",
    "/revoke",
    "/register",
    "/par",
    "/userinfo",
    "/device_authorization",
    "/authorize",
    "/jwks",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration/tenant",
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

HEADERS: dict[str, dict[str, str]] = {
    "nothing": {},
    "form": FORM,
    "json": {"Content-Type": "application/json"},
    "browser": {**FORM, "Accept": "text/html,*/*;q=0.8", "Origin": "https://app.example"},
    "html in capitals": {"Accept": "TEXT/HTML"},
    "script": {**FORM, "Accept": "*/*", "Origin": "https://app.example"},
    "trusted proxy": {**FORM, "X-Forwarded-For": "192.0.2.1"},
    "contradicting proxies": {**FORM, "X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.2"},
    "another host": {**FORM, "Host": "other.example"},
    "too many": {f"X-{number}": "y" for number in range(201)},
    "too large": {"X-Large": "y" * 65_536},
    "known document": {"If-None-Match": "*"},
    "wrong credentials": {**FORM, "Authorization": "Basic cmVzb3VyY2U6d3Jvbmc="},
    "malformed credentials": {**FORM, "Authorization": "Basic %%%"},
    "bearer": {**FORM, "Authorization": "Bearer dw_at_x"},
    "signed answer": {"Accept": "application/token-introspection+jwt", **FORM},
}
BODIES: dict[str, bytes] = {
    "empty": b"",
    "token": b"token=dw_at_abc&token_type_hint=access_token",
    "twice": b"token=a&token=b",
    "not text": b"token=%ff",
    "grant": b"grant_type=authorization_code&code=dw_ac_x&client_id=nobody",
    "json": b'{"redirect_uris": 1}',
    "nul": b"a=%00",
}


@pytest.fixture
async def app(tmp_path: object, anyio_backend: str) -> AsyncIterator[DescribedApp]:
    settings = AuthSettings(
        **{
            **USUAL,
            "issuer": ISSUER,
            "store": f"sqlite:///{tmp_path}/auth.sqlite3",
            "trusted_proxies": "127.0.0.1",
        }
    )
    store = open_store(settings.store)
    app = create_app(settings, store)
    assert isinstance(app, DescribedApp)
    yield app
    await store.aclose()


async def sent_to(app: ASGIApp, request: httpx2.Request) -> tuple[int, list[tuple[str, str]], Any]:
    """The response to `request`, apart from what differs each time."""
    response = await httpx2.ASGITransport(app, client=("127.0.0.1", 1)).handle_async_request(request)
    body = (await response.aread()).decode()
    headers = sorted(
        (name, value) for name, value in response.headers.multi_items() if name != "x-request-id"
    )
    assert re.fullmatch("[0-9a-f]{16}", response.headers["x-request-id"])
    try:
        members = json.loads(body)
        if isinstance(members, dict) and "request_id" in members:
            assert members.pop("request_id") == response.headers["x-request-id"]
            headers = [pair for pair in headers if pair[0] != "content-length"]
        return response.status_code, headers, members
    except ValueError:
        # A page shows the request id, too.
        return response.status_code, headers, re.sub("[0-9a-f]{16}", "", body)


def requests_to(path: str) -> Iterable[httpx2.Request]:
    """Requests to `path`, good and bad: each method, each set of headers, each body."""
    for prefix in ("", "/tenant"):
        url = f"https://auth.example{prefix}{path}"
        for method in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "post"):
            yield httpx2.Request(method, url)
        for headers in HEADERS.values():
            yield httpx2.Request("GET", url, headers=headers)
            yield httpx2.Request("POST", url, headers=headers, content=BODIES["token"])
        for body in BODIES.values():
            yield httpx2.Request("POST", url, headers=FORM, content=body)
        yield httpx2.Request("POST", url, headers=FORM, content=b"a=" + b"b" * 2_000_000)
        yield httpx2.Request("GET", f"{url}/")
        yield httpx2.Request("GET", f"{url}?{'q' * 40_001}")


@pytest.mark.parametrize("path", PATHS)
async def test_a_direct_response_is_that_of_the_framework(app: DescribedApp, path: str) -> None:
    for request in requests_to(path):
        again = httpx2.Request(request.method, request.url, headers=request.headers, content=request.content)
        assert await sent_to(app, request) == await sent_to(app.framework, again), (request, request.headers)


async def test_a_resource_server_is_recognized_either_way(app: DescribedApp) -> None:
    for user, secret in (("resource", RESOURCE_SECRET), ("resource", "wrong"), ("other", RESOURCE_SECRET)):
        outcomes = []
        for target in (app, app.framework):
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(target)) as http:
                response = await http.post(
                    f"{ISSUER}/introspect", data={"token": "unknown"}, auth=httpx2.BasicAuth(user, secret)
                )
            outcomes.append((response.status_code, response.headers.get("www-authenticate")))
        assert outcomes[0] == outcomes[1]
        assert (outcomes[0][0] == 200) == (secret == RESOURCE_SECRET and user == "resource")


async def test_ordinary_requests_do_not_reach_the_framework(
    app: DescribedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise AssertionError("the framework was asked")

    monkeypatch.setattr(app.direct, "app", fail)
    for path in PATHS:
        method = "GET" if "well-known" in path or path == "/jwks" else "POST"
        status, _, _ = await sent_to(app, httpx2.Request(method, ISSUER.removesuffix("/tenant") + path))
        assert status in (200, 400, 401)


async def test_an_unexpected_failure_is_500_without_details(
    app: DescribedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(app.direct, DirectRoutes)

    async def fail(request: Request) -> Response:
        raise RuntimeError("a detail")

    route = app.direct.routes["POST", "/token"]
    monkeypatch.setattr(app.direct, "routes", {("POST", "/token"): replace(route, handler=fail)})
    status, headers, members = await sent_to(app, httpx2.Request("POST", "https://auth.example/token"))
    assert (status, members["error"]) == (500, "server_error")
    assert "a detail" not in json.dumps(members)
    assert ("x-content-type-options", "nosniff") in headers


async def test_a_handler_sees_the_path_below_the_prefix(
    app: DescribedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def echo(request: Request) -> Response:
        return Response(request.scope["path"])

    assert isinstance(app.direct, DirectRoutes)
    routes = {key: replace(route, handler=echo) for key, route in app.direct.routes.items()}
    monkeypatch.setattr(app.direct, "routes", routes)
    _, _, body = await sent_to(app, httpx2.Request("POST", f"{ISSUER}/token"))
    assert body == "/token"


async def test_a_body_in_parts_is_joined_and_one_that_breaks_off_is_not_answered(app: DescribedApp) -> None:
    whole = [_part(b"token=a&", more=True), _part(b"token=b", more=False)]
    start, body = await exchanged(app, whole)
    assert (start["status"], json.loads(body["body"])["reason_code"]) == (400, "parameter_repeated")
    broken: list[Message] = [_part(b"token=a", more=True), {"type": "http.disconnect"}]
    assert await exchanged(app, broken) == []


async def test_fields_of_a_trailer_are_not_headers(app: DescribedApp) -> None:
    headers = [(b"host", b"auth.example"), (b"content-type", b"application/x-www-form-urlencoded")]
    parts = iter([_part(b"token=a", more=True), _part(b"", more=False)])
    sent: list[Message] = []

    async def receive() -> Message:
        headers.append((b"authorization", b"Basic cmVzb3VyY2U6d3Jvbmc="))
        return next(parts)

    async def send(message: Message) -> None:
        sent.append(message)

    await app({**_scope("/introspect"), "headers": headers}, receive, send)
    assert sent[0]["status"] == 401
    assert b"www-authenticate" not in dict(sent[0]["headers"])


async def exchanged(app: ASGIApp, messages: list[Message]) -> list[Message]:
    """Return the messages that `app` sends while it receives `messages`."""
    incoming, sent = iter(messages), list[Message]()

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(_scope("/introspect"), receive, send)
    return sent


def _scope(path: str) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"auth.example"), (b"content-type", FORM["Content-Type"].encode())],
        "client": ("127.0.0.1", 1),
    }


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}
