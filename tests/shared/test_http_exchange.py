"""Exchanges with one peer: bounded in bytes and time, without cookies, repeated only where harmless."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from shared.http_exchange import NoAnswerError, TooLargeError, exchange, http_client, read_at_most

pytestmark = pytest.mark.anyio

URL = "http://peer.example/"


class Peer(httpx2.AsyncBaseTransport):
    """Fails as often as it is told, then answers; keeps every request."""

    def __init__(self, *, body: bytes = b"ok", failures: int = 0) -> None:
        self._body, self._failures = body, failures
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if len(self.requests) <= self._failures:
            raise httpx2.ReadError("gone", request=request)
        return httpx2.Response(
            200, headers={"Set-Cookie": "a=b", "Content-Type": "a/B; c"}, content=self._chunks()
        )

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield self._body


async def ask(peer: Peer, *, max_bytes: int = 10, repeatable: bool = False) -> bytes:
    async with http_client(timeout=1, transport=peer) as http:
        for _ in range(2):
            request = http.build_request("GET", URL)
            answer = await exchange(http, request, timeout_s=5, max_bytes=max_bytes, repeatable=repeatable)
            assert answer.content_type == "a/b"
    return answer.body


async def test_cookies_of_a_response_are_not_sent_with_the_next_request() -> None:
    peer = Peer()
    assert await ask(peer) == b"ok"
    assert [request.headers.get("cookie") for request in peer.requests] == [None, None]
    assert peer.requests[0].headers["accept-encoding"] == "identity"


async def test_a_program_that_uses_this_project_logs_its_own_requests_and_not_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="httpx2")
    async with http_client(timeout=1, transport=Peer()) as http:
        await exchange(http, http.build_request("GET", f"{URL}ours"), timeout_s=5, max_bytes=10)
        assert [record.getMessage() for record in caplog.records] == []
        await http.get(f"{URL}theirs")
    (line,) = caplog.records
    assert f"{URL}theirs" in line.getMessage()


@pytest.mark.requirement("BOUND-1")
async def test_a_body_is_read_up_to_its_bound_and_no_further() -> None:
    assert await ask(Peer(body=b"x" * 10)) == b"x" * 10
    with pytest.raises(TooLargeError, match="larger than 10 bytes"):
        await ask(Peer(body=b"x" * 11))
    read = []

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            read.append(1)
            yield b"xxxx"

    with pytest.raises(TooLargeError):
        await read_at_most(chunks(), 10)
    assert len(read) == 3


async def test_only_what_may_be_repeated_is_sent_again_and_once() -> None:
    assert await ask(Peer(failures=1), repeatable=True) == b"ok"
    for peer, sent in ((Peer(failures=1), 1), (Peer(failures=2), 2)):
        with pytest.raises(NoAnswerError, match="ReadError"):
            await ask(peer, repeatable=sent == 2)
        assert len(peer.requests) == sent
