"""Answers that are held open behind a verifier end with their token, and with the server (RS-13).

The kinds of stream, and how each is opened, are those of `tests/gateway/test_revoked_streams.py`.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.cli.command import python_environment
from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE
from tests.gateway.open_streams import (
    KINDS,
    WITHIN_S,
    Open,
    check_told,
    followed,
    of_every_kind,
    revoked,
    streaming,
)
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.feed import Feed
from tests.resource_service.service import SECRET, Service, bearer, token_for
from tests.servers import free_port, wait_until
from tests.verifiers import streaming as servers
from tests.verifiers.servers import python_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.long,
    pytest.mark.requirement("RS-13"),
    pytest.mark.xdist_group("verifiers"),
]


@contextmanager
def serving(kind: str, authority: AuthorizationServer, directory: Path) -> Iterator[Service]:
    """A server of `tests/verifiers/streaming.py`, ready, for the length of the context."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    log_file = directory / f"{kind}.log"
    settings = {
        "DOORWARD_RESOURCE": f"{origin}/mcp",
        "DOORWARD_ISSUER": authority.url,
        "DOORWARD_RESOURCE_SECRET": SECRET,
        "DOORWARD_INTROSPECTION_TIMEOUT_S": "60",
        "PORT": str(port),
        "FASTMCP_CHECK_FOR_UPDATES": "off",
    }
    python = python_of(kind)
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [python, servers.__file__, kind],
            env=python_environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: answers(origin) or process.poll() is not None, timeout_s=60)
        assert process.poll() is None, log_file.read_text()
        yield Service(origin, f"{origin}/mcp", log_file, process)
    finally:
        process.kill()
        process.wait()


def answers(origin: str) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"{origin}/mcp", trust_env=False).status_code == 401
    return False


async def opened(client: httpx2.AsyncClient, token: str) -> dict[str, object]:
    """A GET stream of a server that has no sessions."""
    return {"method": "GET", "url": "/mcp", "headers": bearer(token) | LISTEN}


KINDS_OF: dict[str, dict[str, Open]] = {
    "sdk": KINDS,
    "mounted": KINDS,
    "fastmcp": {name: open_ for name, open_ in KINDS.items() if name != "listen"},  # it serves none
    "asgi": {"get": opened},
}


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer().start()
    yield server
    server.stop()


@pytest.mark.parametrize("kind", KINDS_OF)
async def test_held_answers_end_with_the_grant_with_the_token_and_with_the_server(
    kind: str, authority: AuthorizationServer, tmp_path: Path
) -> None:
    feed = Feed(authority)
    with serving(kind, authority, tmp_path) as service, anyio.fail_after(60):
        token = token_for(service, authority)
        async with of_every_kind(service, without_calls(kind), token) as listening:
            await check_expiry(kind, service, authority)
            await check_revocations(kind, service, authority, feed)
            assert not any(stream.ended_at for stream in listening.values())
            assert await anyio.to_thread.run_sync(service.stop) in (0, -15)
    assert "graceful shutdown exceeded" not in service.log_file.read_text()


def without_calls(kind: str) -> dict[str, Open]:
    """The kinds of stream that have no end of their own."""
    return {stream: open_ for stream, open_ in KINDS_OF[kind].items() if stream != "call"}


async def check_expiry(kind: str, service: Service, authority: AuthorizationServer) -> None:
    expires = int(time.time()) + 3
    token = token_for(service, authority, exp=expires)
    async with of_every_kind(service, KINDS_OF[kind], token) as streams:
        pass
    assert time.time() - expires < 2
    for stream, each in streams.items():
        check_told([each], stream, "expired")


async def check_revocations(kind: str, service: Service, authority: AuthorizationServer, feed: Feed) -> None:
    for stream, open_ in KINDS_OF[kind].items():
        tokens = [token_for(service, authority, grant_id=f"{stream} {n}", sub=f"{n}") for n in range(3)]
        async with streaming(service, open_, tokens) as (first, second, spared):
            await until_followed(kind, feed)
            durations_s = await revoked(feed, [first, second])
            assert not spared.ended_at
            feed.revoke(spared.token)
        assert max(durations_s) < WITHIN_S
        check_told([first, second, spared], stream, "revoked")


async def until_followed(kind: str, feed: Feed) -> None:
    """Where no lifespan reaches the guard, nothing is followed: it asks about each open token instead."""
    if kind != "mounted":
        await followed(feed)


@pytest.mark.requirement("RS-4")
async def test_messages_of_the_older_transport_do_not_pass_beside_the_scopes_of_tools(
    authority: AuthorizationServer, tmp_path: Path
) -> None:
    with serving("fastmcp_sse", authority, tmp_path) as service, anyio.fail_after(60):
        token = token_for(service, authority)
        async with (
            httpx2.AsyncClient(base_url=service.origin, trust_env=False) as client,
            streaming(service, opened, [token]) as (stream,),
        ):
            while len(stream.lines) < 2:  # noqa: ASYNC110 -- read by another task
                await anyio.sleep(0.05)
            place = stream.lines[1].removeprefix("data: ")
            response = await client.post(place, headers=bearer(token) | MESSAGE, json=INITIALIZE)
            await anyio.to_thread.run_sync(service.stop)
        assert response.status_code == 500
