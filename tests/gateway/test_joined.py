"""Several mounts behind one URL (GW-3), with real clients of both revisions."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from mcp import Client

from tests.gateway.upstreams import ERAS, PATIENCE, Upstream, called, connected, forked_stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, running, token_for

pytestmark = pytest.mark.requirement("GW-3")
MOUNTS = ("plain", "tools", "down")
POLICY = "scopes: {read: Read, write: Write}\ndefault: write\ntools: {add: read, 'f*': read}\nhide: true\n"


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


def token(service: Service, issuer: AuthorizationServer, scope: str) -> str:
    return token_for(service, issuer, scope=scope)


async def names(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
async def test_one_url_has_the_tools_of_every_mount_under_its_name(
    mode: str, joined: Service, issuer: AuthorizationServer
) -> None:
    async with connected(joined.resource, token(joined, issuer, "plain:read tools down"), mode) as client:
        listed = await names(client)
        assert {"plain_add", "tools_add", "tools_who", "plain_favourite"} <= listed
        assert "plain_who" not in listed, "the policy of the mount hides it"
        assert await called(client, "plain_add", a=1, b=2) == "3"
        assert await called(client, "tools_add", a=3, b=4) == "7"
        resources = {str(resource.uri) for resource in (await client.list_resources()).resources}
        assert "tools+bytes://all" in resources
        contents = (await client.read_resource("tools+bytes://all")).contents
        assert str(contents[0].uri) == "tools+bytes://all"
