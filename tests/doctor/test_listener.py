"""The redirect URI on loopback: takes one kind of request, and no other."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from shared.cli.doctor.login.listener import Listener, listening

pytestmark = pytest.mark.anyio


async def test_the_answer_is_taken_and_the_person_told() -> None:
    async with listening() as listener, httpx2.AsyncClient(trust_env=False) as browser:
        page = await browser.get(f"{listener.redirect_uri}?code=c%26d&state=s&iss=http%3A%2F%2Fa")
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        assert "Go back to the terminal" in page.text
        assert await listener.answer(1) == {"code": "c&d", "state": "s", "iss": "http://a"}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/callback"),
        ("GET", "/callback?state=s"),
        ("GET", "/favicon.ico?code=c"),
        ("POST", "/callback?code=c"),
    ],
)
async def test_anything_else_is_not_an_answer(method: str, target: str) -> None:
    async with listening() as listener, httpx2.AsyncClient(trust_env=False) as browser:
        origin = listener.redirect_uri.removesuffix("/callback")
        assert (await browser.request(method, f"{origin}{target}")).status_code == 404
        assert await listener.answer(0.01) is None


@pytest.mark.parametrize(
    "sent", [b"", b"GET", b"GET /callback?code=c HTTP/1.1\r\n", b"x" * 40_000, b"\r\n\r\n"]
)
async def test_a_broken_request_disturbs_nobody(sent: bytes) -> None:
    async with listening() as listener, httpx2.AsyncClient(trust_env=False) as browser:
        await asyncio.to_thread(_send, listener, sent)
        await browser.get(f"{listener.redirect_uri}?error=access_denied")
        assert await listener.answer(1) == {"error": "access_denied"}


def _send(listener: Listener, sent: bytes) -> None:
    parts = urlsplit(listener.redirect_uri)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(sent)


async def test_a_flood_of_answers_is_not_kept() -> None:
    async with listening() as listener:
        assert all(listener.deliver(f"{listener.redirect_uri}?code={number}") for number in range(1_000))
        assert await listener.answer(1) == {"code": "0"}


async def test_the_redirect_uri_is_that_of_the_client_with_a_free_port() -> None:
    async with listening("http://localhost:PORT/oauth/callback") as listener:
        parts = urlsplit(listener.redirect_uri)
        assert (parts.hostname, parts.path) == ("localhost", "/oauth/callback")
        assert parts.port


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with listening() as listener:
        with pytest.raises(OSError, match="address already in use"):
            async with listening(port=urlsplit(listener.redirect_uri).port or 0):
                pass
