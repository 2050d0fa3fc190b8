"""Traces of both services, as a collector receives them: one for a login flow, one for a call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pytest
from anyio import to_thread

from tests.cli.command import Up, doorward, up
from tests.collector import Collector, Received, collecting
from tests.e2e.sdk import SdkClient
from tests.flow import Person
from tests.gateway.upstreams import forked_stdio
from tests.servers import wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.requirement("JR-7")]

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"

Called = tuple[SdkClient, str]
"""A client that has logged in and called a tool, and the `traceparent` that the server received."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as started:
        yield started


@pytest.fixture(scope="module")
def running(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    settings = {
        "DOORWARD_TRACES_ENDPOINT": collector.url,
        "DOORWARD_TRACES_PER_SECOND": "1000",
        "DOORWARD_LOG_LEVEL": "debug",
        "DOORWARD_LOG_FORMAT": "json",
        "DOORWARD_UPSTREAM": forked_stdio("tests.gateway.servers.plain"),
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with up(tmp_path_factory.mktemp("traces"), **settings) as started:
        yield started


@pytest.fixture(scope="module")
async def connected(running: Up) -> Called:
    sdk = SdkClient(f"http://localhost:{running.resource_port}/mcp", Person(trust_env=False))
    async with sdk.connected() as client:
        result = await client.call_tool("trace", {})
    sdk.person.close()
    return sdk, str(result.content[0].text)  # type: ignore[union-attr]


def one(spans: list[Received]) -> Received:
    [span] = spans
    return span


async def spans_of(collector: Collector, name: str) -> list[Received]:
    """The spans with that name, once there are some."""
    await to_thread.run_sync(lambda: wait_until(lambda: bool(collector.named(name))))
    return collector.named(name)


def lines(running: Up, service: str) -> list[dict[str, Any]]:
    """The log of a service."""
    text = (running.directory / ".doorward" / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def requests(running: Up, service: str, endpoint: str) -> list[dict[str, Any]]:
    """The lines of the requests to an endpoint."""
    return [e for e in lines(running, service) if e["event"] == "request" and e["endpoint"] == endpoint]


async def test_a_login_flow_is_one_trace_from_authorize_to_token(
    connected: Called, collector: Collector
) -> None:
    [token] = await spans_of(collector, "POST /token")
    flow = {span.name: span for span in collector.spans if span.trace_id == token.trace_id}
    visited = {"GET /authorize", "GET /login", "POST /login", "GET /consent", "POST /consent"}
    assert visited <= flow.keys()
    [root] = (span for span in collector.spans if span.trace_id == token.trace_id and not span.parent_id)
    assert root.name == "GET /authorize"
    assert token.parent_id
    assert any(name.startswith("store ") for name in flow)


async def test_a_call_is_one_trace_through_both_services_into_the_server(
    connected: Called, collector: Collector
) -> None:
    _, traceparent = connected
    await spans_of(collector, "POST /introspect")

    def parts() -> list[Received]:
        return [span for span in collector.spans if span.name == "upstream" and span.span_id in traceparent]

    await to_thread.run_sync(lambda: wait_until(lambda: bool(parts())))
    [upstream] = parts()
    assert traceparent == f"00-{upstream.trace_id}-{upstream.span_id}-01"
    names = {(span.service, span.name) for span in collector.spans if span.trace_id == upstream.trace_id}
    assert names >= {
        ("doorward-resource", "POST /mcp"),
        ("doorward-resource", "introspect"),
        ("doorward-resource", "upstream"),
        ("doorward-auth", "POST /introspect"),
    }


async def test_both_services_log_a_call_under_the_same_request_and_trace_id(
    connected: Called, running: Up
) -> None:
    calls = [e for e in requests(running, "resource", "/mcp") if e["status"] == 200]
    lookups = {e["request_id"]: e for e in requests(running, "auth", "/introspect")}
    shared = [(call, lookups[call["request_id"]]) for call in calls if call["request_id"] in lookups]
    assert shared
    for call, lookup in shared:
        assert call["trace_id"] == lookup["trace_id"]
        assert (call["name"], lookup["client_id"]) == ("wesen", "resource")
        assert call["address"] == "127.0.0.1"


async def test_a_browser_does_not_choose_the_trace_of_a_login(running: Up, collector: Collector) -> None:
    httpx2.get(f"{running.issuer}/authorize", headers={"traceparent": PARENT}, trust_env=False)
    httpx2.post(f"{running.issuer}/token", headers={"traceparent": PARENT}, trust_env=False)
    await to_thread.run_sync(lambda: wait_until(lambda: any(s.trace_id == TRACE for s in collector.spans)))
    assert {span.name for span in collector.spans if span.trace_id == TRACE} == {"POST /token"}


async def test_the_journal_names_the_trace_of_a_login_and_of_a_call(
    connected: Called, running: Up, collector: Collector
) -> None:
    token = (await spans_of(collector, "POST /token"))[0]
    of_call, events = connected[1].split("-")[1], list[dict[str, Any]]()
    with anyio.fail_after(30):  # the resource service delivers its events every second
        while of_call not in {event.get("trace") for event in events}:
            exported = await to_thread.run_sync(lambda: doorward("audit", "export", cwd=running.directory))
            events = [json.loads(line) for line in exported.stdout.splitlines()]
    of_login = {event["kind"] for event in events if event.get("trace") == token.trace_id}
    assert {"login", "consent", "grant.opened", "tokens.issued"} <= of_login


async def test_no_secret_and_no_name_is_in_a_span(connected: Called, collector: Collector) -> None:
    sdk, _ = connected
    await spans_of(collector, "POST /token")
    memory = sdk.memory
    assert memory.client_info
    secrets = {memory.access_token, memory.refresh_token, memory.client_info.client_secret or ""}
    secrets |= {cookie.value or "" for cookie in sdk.person.browser.cookies.jar}
    secrets |= {*parse_qs(urlsplit(sdk.asked[0]).query)["state"], memory.client_info.client_id or "", "wesen"}
    bare = {re.sub(r"\Adw_[a-z]{2}_", "", secret) for secret in secrets if secret}
    assert len(bare) >= 6
    received = "".join(collector.texts)
    assert [secret for secret in bare if secret in received] == []
