"""`hide: true` in front of somebody else's server: lists are fit for the caller, the rest is as before."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway.exchange import LISTEN, MESSAGE, PING, chunked
from tests.gateway.ledger import POLICY, Ledger, answer_in, ledger, request
from tests.gateway.upstreams import ERAS, connected, gateway
from tests.resource_service.authorization_server import AuthorizationServer, answer
from tests.resource_service.service import Service, bearer, running, token_for

pytestmark = pytest.mark.requirement("RS-4", "RS-9")
HIDING = f"{POLICY}hide: true\n"
EVENTS = "Content-Type: text/event-stream"
ALL = [{"name": "list_notes", "inputSchema": {}}, {"name": "add_note", "inputSchema": {}}]
FULL = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": ALL, "_meta": {"x": 1.50}}})


@pytest.fixture(scope="module", params=("http", "stdio"))
def behind(
    request: pytest.FixtureRequest, issuer: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    with ledger(issuer, tmp_path_factory.mktemp("hiding"), request.param, HIDING) as running:
        yield running


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_each_caller_sees_what_its_scopes_allow_in_both_eras(era: str, behind: Ledger) -> None:
    seen: dict[str, tuple[list[str], ...]] = {}
    for scope in ("", "notes:read", "notes:admin"):
        token = behind.token(scope or "other", sub=f"{era} {scope}")
        async with connected(behind.service.resource, token, ERAS[era]) as client:
            seen[scope] = (
                [tool.name for tool in (await client.list_tools()).tools],
                [prompt.name for prompt in (await client.list_prompts()).prompts],
                [str(resource.uri) for resource in (await client.list_resources()).resources],
                [
                    template.uri_template
                    for template in (await client.list_resource_templates()).resource_templates
                ],
            )
    assert seen == {
        "": ([], [], [], []),
        "notes:read": (["list_notes"], ["summary"], ["notes://all"], ["notes://one/{number}"]),
        "notes:admin": (
            ["list_notes", "add_note", "wipe_notes", "archive"],
            ["summary", "confession"],
            ["notes://all", "keys://all"],
            ["notes://one/{number}", "keys://one/{number}"],
        ),
    }


def test_what_is_hidden_is_refused_all_the_same(behind: Ledger) -> None:
    before = behind.done
    with behind.client(behind.token("notes:read")) as client:
        assert [tool["name"] for tool in tools_of(client)] == ["list_notes"]
        refused = client.post("/mcp", json=request("tools/call", name="wipe_notes", arguments={}))
    assert refused.status_code == 403
    assert behind.done == before


@pytest.mark.parametrize("behind", ["http"], indirect=True)  # over stdio it answers at once, with no stream
def test_a_stream_that_is_resumed_is_shortened_too(behind: Ledger) -> None:
    with behind.client(behind.token("notes:read")) as client:
        with client.stream("POST", "/mcp", json=request("tools/list", 5)) as response:
            text = "".join(response.iter_text())
        first = next(line for line in text.splitlines() if line.startswith("id: "))
        headers = LISTEN | {"Last-Event-ID": first.removeprefix("id: ")}
        with client.stream("GET", "/mcp", headers=headers) as resumed:
            line = next(line for line in resumed.iter_lines() if line.startswith("data: {"))
    result = json.loads(line.removeprefix("data: "))["result"]
    assert [tool["name"] for tool in result["tools"]] == ["list_notes"]


def tools_of(client: httpx2.Client) -> list[Any]:
    listed: list[Any] = answer_in(client.post("/mcp", json=request("tools/list")))["result"]["tools"]
    return listed


@pytest.fixture(scope="module")
def scripted_and_hiding(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("scripted-hiding")
    (directory / "policy.yaml").write_text(HIDING)
    policy = str(directory / "policy.yaml")
    with gateway(issuer, directory, f"{scripted_upstream.url}/mcp", policy=policy) as service:
        yield service


@pytest.fixture
def reader(
    scripted_and_hiding: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> Iterator[httpx2.Client]:
    """A client with a token that may only read, in front of the scripted upstream."""
    token = token_for(scripted_and_hiding, issuer, scope="notes:read")
    headers = bearer(token) | MESSAGE | {"Accept-Encoding": "gzip"}
    with httpx2.Client(
        base_url=scripted_and_hiding.origin, headers=headers, timeout=60, trust_env=False
    ) as client:
        yield client


def test_the_upstream_gets_accept_encoding_identity(
    reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = answer(200, FULL.encode(), "Content-Type: application/json")
    response = reader.post("/mcp", json=request("tools/list"))
    assert response.json()["result"] == {"tools": ALL[:1], "_meta": {"x": 1.5}}
    assert response.headers["content-length"] == str(len(response.content))
    assert upstream.questions[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("listing", [True, False])
def test_what_comes_compressed_all_the_same_or_is_not_a_list_passes_byte_for_byte(
    listing: bool, reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    packed = gzip.compress(FULL.encode())
    upstream.replies["*"] = answer(200, packed, "Content-Type: application/json", "Content-Encoding: gzip")
    message = request("tools/list") if listing else PING
    with reader.stream("POST", "/mcp", json=message) as response:
        assert b"".join(response.iter_raw()) == packed
    assert upstream.questions[0].headers["accept-encoding"] == ("identity" if listing else "gzip")


def test_a_stream_is_shortened_as_it_comes(reader: httpx2.Client, upstream: AuthorizationServer) -> None:
    progress = b'event: message\ndata: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\n'

    async def events(write: Any) -> None:
        await write(progress[:10])
        await write(progress[10:] + b"id: 7\r\ndata: ")
        await write(FULL.encode())
        await write(b"\r\n\r\n")

    upstream.replies["*"] = chunked(events, EVENTS)
    response = reader.post("/mcp", json=request("tools/list"))
    head, _, tail = response.content.partition(progress)
    assert head == b""
    first, second, *rest = tail.split(b"\r\n")
    assert (first, rest) == (b"id: 7", [b"", b""])
    assert json.loads(second.removeprefix(b"data: "))["result"]["tools"] == ALL[:1]


def test_an_upstream_that_breaks_off_in_a_list_is_reported_as_broken_off(
    reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    async def half(question: Any, writer: Any) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
            + FULL.encode()
        )
        await writer.drain()
        writer.close()

    upstream.replies["*"] = half
    response = reader.post("/mcp", json=request("tools/list"))
    assert (response.status_code, response.json()["id"]) == (502, 1)
    assert "result" not in response.json()


def test_an_answer_that_is_not_a_list_passes_byte_for_byte_even_if_it_looks_like_one(
    reader: httpx2.Client, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = answer(200, FULL.encode(), "Content-Type: application/json")
    called = reader.post("/mcp", json=request("tools/call", name="list_notes", arguments={}))
    assert called.text == FULL


@pytest.mark.anyio
async def test_the_built_in_server_hides_too(issuer: AuthorizationServer, tmp_path: Any) -> None:
    scopes = "scopes: {read: Read, write: Write}\ndefault: write\n"
    (tmp_path / "policy.yaml").write_text(f"{scopes}tools: {{whoami: [], list_notes: read}}\nhide: true")
    with running(
        issuer, tmp_path, policy=str(tmp_path / "policy.yaml"), introspection_timeout_s="60"
    ) as service:
        for era, mode in ERAS.items():
            token = token_for(service, issuer, scope="read", sub=era)
            async with connected(service.resource, token, mode) as client:
                tools = [tool.name for tool in (await client.list_tools()).tools]
                assert tools == ["whoami", "list_notes"]
                assert not (await client.call_tool("list_notes", {})).is_error
        headers = bearer(token_for(service, issuer, scope="read"))
        context = httpx2.get(f"{service.origin}/v1/contexts", headers=headers, trust_env=False).json()
    assert context["contexts"][0]["tools"] == ["list_notes", "whoami"]
