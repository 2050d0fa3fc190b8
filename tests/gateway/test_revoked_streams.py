"""Whatever is open when its grant is revoked has ended a second later, of every kind (RS-13).

A few of each; `make soak` has 100.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.gateway.event_streams import EVENTS, Write
from tests.gateway.exchange import MESSAGE, chunked
from tests.gateway.open_streams import (
    KINDS,
    WITHIN_S,
    Open,
    check_told,
    followed,
    get,
    of_every_kind,
    revoked,
    session,
    streaming,
)
from tests.gateway.upstreams import gateway, python_stdio
from tests.resource_service.authorization_server import AuthorizationServer, Question, answer_json
from tests.resource_service.feed import Feed
from tests.resource_service.service import Service, bearer, running, token_for
from tests.servers import wait_until

STREAMS = int(os.environ.get("DOORWARD_SOAK_STREAMS", "4"))
BUILT_IN = "built-in"

pytestmark = [pytest.mark.long, pytest.mark.anyio, pytest.mark.requirement("RS-13")]


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer().start()
    yield server
    server.stop()


@pytest.fixture
def feed(authority: AuthorizationServer) -> Feed:
    """To be asked for before a service, which looks for it when it starts."""
    return Feed(authority)


async def never(write: Write) -> None:
    await write(b": begun\n\n")
    await anyio.sleep_forever()


async def upstream_answer(question: Question, writer: asyncio.StreamWriter) -> None:
    """A session at once, and a stream without an end for everything else."""
    if b'"initialize"' in question.body:
        hello = {"jsonrpc": "2.0", "id": 0, "result": {}}
        await answer_json(hello)(question, writer)
    else:
        await chunked(never, EVENTS)(question, writer)


@contextmanager
def serving(kind: str, authority: AuthorizationServer, directory: Path) -> Iterator[Service]:
    if kind == BUILT_IN:
        with running(authority, directory, introspection_timeout_s="60") as service:
            yield service
        return
    many = {"stdio_processes": "500", "stdio_processes_per_principal": "500"}
    if kind == "stdio":
        with gateway(authority, directory, python_stdio("tests.gateway.servers.bare"), **many) as service:
            yield service
        return
    upstream = AuthorizationServer(replies={"/mcp": upstream_answer}).start()
    many = {"upstream_connections_per_principal": "500"}
    try:
        with gateway(authority, directory, f"{upstream.url}/mcp", **many) as service:
            yield service
    finally:
        upstream.stop()


@pytest.fixture(params=["http", "stdio", BUILT_IN])
def service(
    request: pytest.FixtureRequest, authority: AuthorizationServer, tmp_path: Path
) -> Iterator[Service]:
    with serving(request.param, authority, tmp_path) as service:
        yield service


@pytest.fixture
def kinds(request: pytest.FixtureRequest) -> dict[str, Open]:
    """The kinds of stream that the service has: the built-in server has no subscriptions and no slow tool."""
    return {"get": get} if request.node.callspec.params["service"] == BUILT_IN else KINDS


async def test_a_revocation_ends_every_kind_of_stream_within_a_second(
    feed: Feed, service: Service, kinds: dict[str, Open], authority: AuthorizationServer
) -> None:
    for kind, open_ in kinds.items():
        grants = [f"{kind} {n}" for n in range(STREAMS)]
        tokens = [token_for(service, authority, grant_id=grant, sub=grant) for grant in grants]
        # Each time a new grant: events may be delivered twice, and a grant that has ended never comes back.
        survivor = token_for(service, authority, grant_id=f"spared {kind}", sub=f"spared {kind}")
        with anyio.fail_after(120):
            async with streaming(service, open_, [*tokens, survivor]) as (*streams, spared):
                await followed(feed)
                durations = sorted(await revoked(feed, streams))
                assert not spared.ended_at
                feed.revoke(survivor)
        median, late = durations[len(durations) // 2], durations[int(len(durations) * 0.99)]
        print(f"{kind}: p50 {median:.3f} s, p99 {late:.3f} s")  # noqa: T201
        assert late < WITHIN_S
        check_told([*streams, spared], kind, "revoked")


async def test_a_stream_ends_with_a_grant_that_its_own_was_derived_from(
    feed: Feed, service: Service, authority: AuthorizationServer
) -> None:
    token = token_for(service, authority, grant_id="derived", ancestors=["first", "second"])
    with anyio.fail_after(60):
        async with streaming(service, get, [token]):
            await followed(feed)
            feed.announce("second")


async def test_without_a_feed_an_open_stream_is_asked_about_until_it_is_revoked(
    service: Service, kinds: dict[str, Open], authority: AuthorizationServer
) -> None:
    token = token_for(service, authority, grant_id="grant")
    with anyio.fail_after(60):
        async with of_every_kind(service, kinds, token) as streams:
            await anyio.sleep(1)
            assert not any(stream.ended_at for stream in streams.values())
            del authority.tokens[token]
            before = time.monotonic()
    for kind, stream in streams.items():
        assert stream.ended_at - before < 5
        check_told([stream], kind, "revoked")


async def test_every_kind_of_stream_ends_when_its_token_expires(
    service: Service, kinds: dict[str, Open], authority: AuthorizationServer
) -> None:
    token = token_for(service, authority, exp=int(time.time()) + 8)
    with anyio.fail_after(60):
        async with of_every_kind(service, kinds, token) as streams:
            pass
    for kind, stream in streams.items():
        check_told([stream], kind, "expired")


async def test_what_listens_does_not_hold_up_the_end_of_the_service(
    service: Service, kinds: dict[str, Open], authority: AuthorizationServer
) -> None:
    token = token_for(service, authority)
    listening = {kind: open_ for kind, open_ in kinds.items() if kind != "call"}
    async with of_every_kind(service, listening, token):
        assert await anyio.to_thread.run_sync(service.stop) in (0, -15)
    events = {line["event"] for line in service.log_lines()}
    assert not any("graceful shutdown exceeded" in event for event in events)


def has_ended_a_process(service: Service) -> bool:
    return any(line["event"] == "MCP server ended" for line in service.log_lines())


async def test_a_process_ends_when_every_token_that_was_shown_to_it_has_ended(
    feed: Feed, authority: AuthorizationServer, tmp_path: Path
) -> None:
    with serving("stdio", authority, tmp_path) as service:
        first, second = (token_for(service, authority, grant_id=grant) for grant in ("first", "second"))
        async with httpx2.AsyncClient(base_url=service.origin, timeout=60, trust_env=False) as client:
            headers = await session(client, first)
            ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            again = headers | bearer(second) | MESSAGE
            assert (await client.post("/mcp", headers=again, json=ping)).status_code == 200
            await followed(feed)
            feed.revoke(first)
            await anyio.sleep(1)
            assert (await client.post("/mcp", headers=again, json=ping)).status_code == 200
            feed.revoke(second)
            await anyio.to_thread.run_sync(lambda: wait_until(lambda: has_ended_a_process(service)))
