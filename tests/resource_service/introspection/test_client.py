"""Which answers of the authorization server mean that it is down, and which only that this one is of no use.

The circuit breaker opens on the first kind alone: a malformed answer about one token must not keep others
waiting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from resource_service.introspection.client import (
    IntrospectionClient,
    IntrospectionUnavailableError,
    ServerDownError,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7")]


async def asked(status: int, body: bytes = b"") -> None:
    """Put a question that is answered so."""

    async def content() -> AsyncIterator[bytes]:
        yield body

    answer = httpx2.Response(status, content=content())
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _request: answer)) as http:
        await IntrospectionClient(
            http=http,
            endpoint="https://auth.example/introspect",
            resource_server_id="resource",
            secret="secret",
            timeout_s=5,
        ).ask("token")


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
        *((status, b"") for status in (204, 307, 400, 401, 403, 404)),
    ],
)
async def test_an_answer_of_no_use_says_nothing_of_the_server(status: int, body: bytes) -> None:
    with pytest.raises(IntrospectionUnavailableError) as raised:
        await asked(status, body)
    assert not isinstance(raised.value, ServerDownError)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_server_error_and_too_many_requests_mean_that_it_is_down(status: int) -> None:
    with pytest.raises(ServerDownError):
        await asked(status)


async def test_an_inactive_token_is_an_answer() -> None:
    await asked(200, b'{"active": false}')
