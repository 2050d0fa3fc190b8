"""Which answers of the authorization server mean that it is down, and which only that this one is of no use.

The circuit breaker opens on the first kind alone: a malformed answer about one token must not keep others
waiting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from resource_service.introspection.client import (
    IntrospectionClient,
    IntrospectionUnavailableError,
    ServerDownError,
)
from resource_service.introspection.issuer_keys import IssuerKeys
from resource_service.introspection.signed_answers import SignedAnswers
from resource_service.reasons import Reason
from shared.asgi.request_id import HEADER as REQUEST_ID
from shared.http_exchange import Answer, basic_authorization
from tests.resource_service.introspection.posting import Handler, posting_to

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7")]


async def ask(handler: Handler, *, signed: bool = False) -> None:
    """Ask a server that answers with `handler`; if `signed`, it has to sign with the keys it publishes."""
    async with (
        httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as http,
        posting_to(handler) as post,
    ):
        keys = IssuerKeys(http, "https://auth.example/jwks", timeout_s=5, steady_clock=lambda: 0.0)
        await IntrospectionClient(
            post=post,
            authorization=basic_authorization("resource", "secret"),
            signed=SignedAnswers(keys, "https://auth.example", "resource", lambda: 0.0) if signed else None,
        ).ask("token")


def response(status: int, body: bytes = b"", **headers: str) -> httpx2.Response:
    async def content() -> AsyncIterator[bytes]:
        yield body

    return httpx2.Response(status, headers=headers, content=content())


async def introspect(status: int, body: bytes = b"", **headers: str) -> list[Any]:
    """Put a question that is answered so, and return what was logged."""
    with capture_logs() as logged:
        await ask(lambda _request: response(status, body, **headers))
    return logged


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<!doctype html>"),
        (200, b"[" * 50_000),
        (200, b"\xff\xfe"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"active": "true"}'),
        (200, b'{"active": true}'),
        *((status, b"") for status in (204, 307, 400, 401, 403, 404, 499)),
    ],
)
async def test_an_answer_of_no_use_says_nothing_of_the_server(status: int, body: bytes) -> None:
    with pytest.raises(IntrospectionUnavailableError) as raised:
        await introspect(status, body)
    assert not isinstance(raised.value, ServerDownError)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_server_error_and_too_many_requests_mean_that_it_is_down(status: int) -> None:
    with pytest.raises(ServerDownError):
        await introspect(status)


async def test_an_inactive_token_is_an_answer_and_its_log_line_names_that_of_the_server() -> None:
    [line] = await introspect(200, b'{"active": false}', **{REQUEST_ID: "0123456789abcdef"})
    assert line["asked_request_id"] == "0123456789abcdef"
    [line] = await introspect(200, b'{"active": false}')
    assert "asked_request_id" not in line


async def test_an_active_token_is_not_logged() -> None:
    body = b'{"active": true, "client_id": "client", "iss": "https://auth.example", "exp": 1}'
    assert await introspect(200, body) == []


@pytest.mark.parametrize(
    ("status", "level", "reason"),
    [
        (400, "warning", Reason.AUTHORIZATION_SERVER_FAILING),
        (401, "error", Reason.INTROSPECTION_CREDENTIALS_REFUSED),
        (402, "warning", Reason.AUTHORIZATION_SERVER_FAILING),
        (403, "error", Reason.INTROSPECTION_CREDENTIALS_REFUSED),
        (404, "warning", Reason.AUTHORIZATION_SERVER_FAILING),
        (500, "warning", Reason.AUTHORIZATION_SERVER_FAILING),
    ],
)
async def test_a_refusal_is_logged_and_only_401_and_403_are_blamed_on_our_credentials(
    status: int, level: str, reason: Reason
) -> None:
    with capture_logs() as logged, pytest.raises(IntrospectionUnavailableError) as raised:
        await ask(lambda _request: response(status))
    assert raised.value.reason == reason
    assert str(raised.value) in (f"status {status}", ("the credentials of this resource server were refused"))
    assert [(line["log_level"], line["answered"]) for line in logged] == [(level, status)]


async def test_a_server_that_cannot_be_reached_is_down() -> None:
    def break_off(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        raise httpx2.ReadError("broken")

    requests: list[httpx2.Request] = []
    with pytest.raises(ServerDownError, match="broken") as raised:
        await ask(break_off)
    assert raised.value.reason == Reason.AUTHORIZATION_SERVER_UNREACHABLE
    assert len(requests) == 2, "a kept-alive connection may break, so the question is asked twice"


async def test_an_unreadable_answer_says_why() -> None:
    with pytest.raises(IntrospectionUnavailableError, match="it cannot be read: "):
        await introspect(200, b"<!doctype html>")


@pytest.mark.parametrize(("signed", "media_type"), [(False, "json"), (True, "token-introspection+jwt")])
async def test_the_answer_is_wanted_plain_or_signed(signed: bool, media_type: str) -> None:
    accepted: list[str] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        accepted.append(request.headers["accept"])
        return response(404)

    with pytest.raises(IntrospectionUnavailableError):
        await ask(note, signed=signed)
    assert accepted == [f"application/{media_type}"]


async def test_without_the_keys_for_a_signed_answer_the_server_is_down() -> None:
    signed = b"eyJhbGciOiJFUzI1NiIsInR5cCI6InRva2VuLWludHJvc3BlY3Rpb24rand0In0.e30.AA"

    def answer(request: httpx2.Request) -> httpx2.Response:
        return response(200, signed) if request.method == "POST" else response(500)

    with pytest.raises(ServerDownError, match="keys"):
        await ask(answer, signed=True)


async def test_neither_the_credentials_are_shown_nor_groups_asked_for_unless_a_policy_needs_them() -> None:
    async def post(_fields: object, body: bytes) -> Answer:
        assert b"group" not in body
        return Answer(200, {}, b'{"active": false}')

    asking = IntrospectionClient(post=post, authorization="hidden")
    assert await asking.ask("token") is None
    assert "hidden" not in repr(asking)
