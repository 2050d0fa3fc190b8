"""Several mounts behind one URL (GW-3), with real clients of both revisions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp_types import ElicitResult

from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.gateway.upstreams import ERAS, PATIENCE, Upstream, called, connected, forked_stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("GW-3")
POLICY = "scopes: {read: Read, write: Write}\ndefault: write\ntools: {add: read, 'f*': read}\nhide: true\n"
ALL = "plain:read tools down"
LEFT_OUT = "doorward/left-out"


@pytest.fixture(scope="module")
def joined(
    issuer: AuthorizationServer, plain_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A mount over HTTP with a policy, one over stdio, and one that is down."""
    directory = tmp_path_factory.mktemp("joined")
    (directory / "policy.yaml").write_text(POLICY)
    mounts = {
        "/plain": {"upstream": plain_upstream.url, "policy": str(directory / "policy.yaml"), "name": "Plain"},
        "/tools": forked_stdio("tests.gateway.servers.plain"),
        "/down": "http://127.0.0.1:9/mcp",
    }
    with running(issuer, directory, mounts=json.dumps(mounts), join="true", **PATIENCE) as service:
        yield service


def token(service: Service, issuer: AuthorizationServer, scope: str = ALL) -> str:
    return token_for(service, issuer, scope=scope)


def posted(service: Service, access_token: str, tool: str, **arguments: object) -> httpx2.Response:
    """The answer to a call of revision 2026-07-28."""
    headers = bearer(access_token) | modern_headers(tool)
    return httpx2.post(
        service.resource, headers=headers, json=call(tool, **arguments), timeout=60, trust_env=False
    )


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
async def test_one_url_has_the_tools_of_every_mount_under_its_name(
    mode: str, joined: Service, issuer: AuthorizationServer
) -> None:
    async with connected(joined.resource, token(joined, issuer), mode) as client:
        listed = await client.list_tools()
        names = {tool.name for tool in listed.tools}
        assert {"plain_add", "tools_add", "tools_who", "plain_favourite"} <= names
        assert "plain_who" not in names, "the policy of the mount hides it"
        assert set((listed.meta or {})[LEFT_OUT]) == {"down"}
        assert await called(client, "plain_add", a=1, b=2) == "3"
        assert await called(client, "tools_add", a=3, b=4) == "7"
        resources = {str(resource.uri) for resource in (await client.list_resources()).resources}
        assert "tools+bytes://all" in resources
        contents = (await client.read_resource("tools+bytes://all")).contents
        assert str(contents[0].uri) == "tools+bytes://all"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
async def test_without_the_consent_to_one_mount_the_others_work(
    mode: str, joined: Service, issuer: AuthorizationServer
) -> None:
    async with connected(joined.resource, token(joined, issuer, "plain:read"), mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names
        assert all(name.startswith("plain_") for name in names)
        assert await called(client, "plain_add", a=1, b=2) == "3"


@pytest.mark.parametrize(
    ("scope", "tool", "needed"),
    [
        ("plain:read", "tools_who", {"tools"}),
        ("tools", "plain_who", {"plain", "plain:write"}),
        ("plain:read", "plain_who", {"plain:write"}),
        ("plain", "plain_add", {"plain:read"}),
        ("read write", "plain_add", {"plain", "tools", "down"}),
    ],
)
def test_a_call_needs_the_scopes_of_its_mount(
    scope: str, tool: str, needed: set[str], joined: Service, issuer: AuthorizationServer
) -> None:
    refused = posted(joined, token(joined, issuer, scope), tool)
    assert refused.status_code == 403
    assert refused.json()["reason_code"] == "scope_missing"
    challenge = refused.headers["www-authenticate"]
    assert set(challenge.partition('scope="')[2].partition('"')[0].split()) == needed
    assert "/.well-known/oauth-protected-resource/mcp" in challenge


def test_a_token_of_a_mount_is_refused_at_the_joined_url_and_the_reverse(
    joined: Service, issuer: AuthorizationServer
) -> None:
    of_mount = token_for(joined, issuer, aud=f"{joined.origin}/tools", scope="tools")
    assert posted(joined, of_mount, "tools_add", a=1, b=1).status_code == 401
    headers = bearer(token(joined, issuer)) | modern_headers("add")
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(f"{joined.origin}/tools", headers=headers, json=call("add", a=1, b=1))
    assert answer.status_code == 401


@pytest.mark.parametrize("tool", ["add", "nobody_add", "_add", "plain", "plain-add"])
def test_a_name_of_no_mount_is_an_error_that_a_model_can_read(
    tool: str, joined: Service, issuer: AuthorizationServer
) -> None:
    answer = posted(joined, token(joined, issuer), tool, a=1, b=1)
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == -32602


def test_a_mount_that_is_down_fails_its_own_calls_only(joined: Service, issuer: AuthorizationServer) -> None:
    access_token = token(joined, issuer)
    failed = posted(joined, access_token, "down_add", a=1, b=1)
    assert failed.status_code == 503
    assert failed.json()["id"] == 1
    assert posted(joined, access_token, "tools_add", a=1, b=1).status_code == 200


@pytest.mark.anyio
async def test_servers_ask_the_client_by_ids_that_do_not_collide(
    joined: Service, issuer: AuthorizationServer
) -> None:
    colours: Iterator[str] = iter(("red", "blue"))

    async def answered(*_: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"colour": next(colours)})

    reported: list[object] = []

    async def noted(progress: float, total: float | None, message: str | None) -> None:
        reported.append((progress, total, message))

    access_token = token(joined, issuer)
    async with connected(joined.resource, access_token, "legacy", elicitation_callback=answered) as client:
        assert await called(client, "plain_favourite") == "red"
        assert await called(client, "tools_favourite") == "blue"
        counted = await client.call_tool("tools_count", {"to": 3}, progress_callback=noted)
        assert not counted.is_error
    assert reported == [(number, 3, "") for number in (1, 2, 3)]


def test_the_end_of_the_consent_to_one_mount_ends_its_calls_and_no_other(
    joined: Service, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    access_token = token(joined, issuer, "plain plain:write tools")
    ended, over = tmp_path / "ended", tmp_path / "over"
    with ThreadPoolExecutor() as pool:
        at_plain = pool.submit(posted, joined, access_token, "plain_wait", seconds=60, note=str(ended))
        at_tools = pool.submit(posted, joined, access_token, "tools_wait", seconds=4, note=str(over))
        wait_until(lambda: ended.exists() and over.exists())
        issuer.tokens[access_token]["scope"] = "tools"
        assert "allows less than before" in at_plain.result().text
        assert '"isError":false' in at_tools.result().text.replace(" ", "")
    assert posted(joined, access_token, "plain_wait", seconds=0, note=str(ended)).status_code == 403


@pytest.mark.parametrize(
    ("message", "status", "reason"),
    [
        ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], 400, "joined_batch"),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping"}, 400, "session_header_invalid"),
    ],
)
def test_what_has_no_mount_is_refused(
    message: object, status: int, reason: str, joined: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token(joined, issuer)) | MESSAGE
    refused = httpx2.post(joined.resource, headers=headers, json=message, timeout=60, trust_env=False)
    assert refused.status_code == status
    assert reason in refused.text


def test_a_session_is_of_its_owner_only(joined: Service, issuer: AuthorizationServer) -> None:
    mine, other = token(joined, issuer), token_for(joined, issuer, scope=ALL, sub="user-2")
    with httpx2.Client(timeout=60, trust_env=False) as client:
        opened = client.post(joined.resource, headers=bearer(mine) | MESSAGE, json=INITIALIZE)
        session = MESSAGE | {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        statuses = [
            client.post(joined.resource, headers=bearer(each) | session, json=ping).status_code
            for each in (mine, other)
        ]
        client.delete(joined.resource, headers=bearer(mine) | session)
        after = client.post(joined.resource, headers=bearer(mine) | session, json=ping)
    assert statuses == [200, 404]
    assert after.status_code == 404
