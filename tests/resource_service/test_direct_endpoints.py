"""MCP requests that pass the framework by get the response that the framework would give."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.main import create_app
from resource_service.middleware.direct_endpoints import DirectEndpoint, DirectEndpoints
from resource_service.openapi import DocumentedApp
from resource_service.settings import ResourceSettings
from shared.asgi import HostNames

pytestmark = pytest.mark.anyio

ORIGIN = "https://mcp.example"
JSON = {"Content-Type": "application/json"}
HEADERS: dict[str, dict[str, str]] = {
    "nothing": {},
    "json": JSON,
    "page": {"Accept": "text/html,*/*;q=0.8"},
    "page in capitals": {"Accept": "TEXT/HTML"},
    "page of a form": {"Accept": "text/html", "Origin": ORIGIN},
    "own origin": {"Origin": ORIGIN},
    "other origin": {"Origin": "https://evil.example"},
    "another host": {"Host": "other.example"},
    "continue": {**JSON, "Expect": "100-continue"},
    "too many": {f"X-{number}": "y" for number in range(201)},
    "too large": {"X-Large": "y" * 65_536},
    "basic": {"Authorization": "Basic eDp5"},
    "malformed": {"Authorization": "Bearer a b"},
    "two tokens": {"Authorization": "Bearer a, Bearer b"},
    "proof": {"Authorization": "DPoP abc", "DPoP": "x"},
}


@pytest.fixture
def app() -> DocumentedApp:
    settings = ResourceSettings(
        resource=f"{ORIGIN}/tenant/mcp",
        issuer="https://auth.example",
        resource_secret=SecretStr("s" * 32),
        notes="sqlite://",
    )
    created = create_app(settings)
    assert isinstance(created, DocumentedApp)
    return created


async def sent_to(app: ASGIApp, request: httpx2.Request) -> tuple[int, list[tuple[str, str]], Any]:
    """The response to `request`, apart from what differs each time."""
    response = await httpx2.ASGITransport(app, client=("127.0.0.1", 1)).handle_async_request(request)
    body, request_id = (await response.aread()).decode(), response.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", request_id)
    headers = sorted(pair for pair in response.headers.multi_items() if pair[0] != "x-request-id")
    return response.status_code, headers, body.replace(request_id, "")


def requests_to(path: str) -> Iterable[httpx2.Request]:
    """Requests to `path`: each method, each set of headers."""
    url = f"{ORIGIN}{path}"
    for method in ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH", "post", "QUERY"):
        for headers in HEADERS.values():
            yield httpx2.Request(method, url, headers=headers, content=b"{}")
    yield httpx2.Request("POST", f"{url}?access_token=abc", headers=JSON, content=b"{}")
    yield httpx2.Request("GET", f"{url}?{'q' * 40_001}")


@pytest.mark.parametrize(
    "path",
    [
        "/mcp",
        "/mcp/",
        "/tenant/mcp",
        "/tenant/mcp/",
        "/mcp/x",
        "/MCP",
        "//mcp",
        "/",
        "/hello",
        "/tenant/hello",
    ],
)
async def test_a_direct_response_is_that_of_the_framework(app: DocumentedApp, path: str) -> None:
    for request in requests_to(path):
        again = httpx2.Request(request.method, request.url, headers=request.headers, content=request.content)
        assert await sent_to(app, request) == await sent_to(app.framework, again), (request, request.headers)


async def test_ordinary_requests_do_not_reach_the_framework(
    app: DocumentedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise AssertionError("the framework was asked")

    monkeypatch.setattr(app.direct, "app", fail)
    for path in ("/mcp", "/mcp/", "/tenant/mcp"):
        for method in ("GET", "POST", "DELETE"):
            status, headers, _ = await sent_to(app, httpx2.Request(method, f"{ORIGIN}{path}"))
            assert status == 401
            assert ("vary", "Origin") in headers


def directly(app: ASGIApp) -> ASGIApp:
    """Serve `app` at ``/mcp`` of a service below ``/tenant``."""

    async def framework(*_: object) -> None:
        raise AssertionError("the framework was asked")

    return DirectEndpoints(
        framework,
        endpoints=[DirectEndpoint("/mcp", app)],
        prefix="/tenant",
        secure=True,
        host_names=HostNames(public_url=f"{ORIGIN}/tenant/mcp", setting="DOORWARD_RESOURCE"),
    )


async def test_an_endpoint_sees_the_path_below_the_prefix_and_may_set_headers_itself() -> None:
    async def echo(scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"Cache-Control", b"private"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    status, headers, body = await sent_to(directly(echo), httpx2.Request("GET", f"{ORIGIN}/tenant/mcp"))
    assert (status, body) == (200, "/mcp")
    assert [value for name, value in headers if name.lower() == "cache-control"] == ["private"]
    assert ("strict-transport-security", "max-age=31536000") in headers


async def test_an_unexpected_failure_is_500_without_details() -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a detail")

    status, headers, body = await sent_to(directly(fail), httpx2.Request("POST", f"{ORIGIN}/mcp"))
    assert (status, json.loads(body)["error"]) == (500, "server_error")
    assert "a detail" not in body
    assert ("x-content-type-options", "nosniff") in headers


async def test_a_failure_after_the_response_has_begun_is_left_to_the_server() -> None:
    async def begin(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("late")

    with pytest.raises(RuntimeError, match="late"):
        await sent_to(directly(begin), httpx2.Request("POST", f"{ORIGIN}/mcp"))


async def test_a_body_is_read_to_its_end_before_a_refusal() -> None:
    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    parts: list[Message] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
    ]
    left: list[int] = []

    async def receive() -> Message:
        return parts.pop(0)

    async def send(_message: Message) -> None:
        left.append(len(parts))

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": [(b"host", b"mcp.example")]}
    await directly(refuse)(scope, receive, send)
    assert left == [0, 0]


async def test_fields_of_a_trailer_are_not_headers() -> None:
    headers = [(b"host", b"mcp.example")]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers.append((b"authorization", b"Bearer x"))  # as the server does on receiving a trailer
        assert scope["headers"] == [(b"host", b"mcp.example")]
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def nothing(*_: object) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers}
    await directly(app)(scope, nothing, send)
