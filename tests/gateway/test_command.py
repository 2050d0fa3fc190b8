"""`doorward resource` and `doorward up` in front of somebody else's server, as a person starts them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from shared.cli.installation import resource_servers
from tests.cli.command import READY, doorward, up
from tests.cli.serving import serving
from tests.e2e.sdk import SdkClient
from tests.flow import Person
from tests.gateway.exchange import results
from tests.gateway.upstreams import called, python_stdio
from tests.resource_service.authorization_server import AuthorizationServer

PLAIN = "tests.gateway.servers.plain"
SETTINGS = {
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_RESOURCE": "http://localhost:9001/mcp",
    "DOORWARD_RESOURCE_SECRET": "s" * 32,
}
METADATA = "/.well-known/oauth-protected-resource"


def test_the_options_of_the_command_name_upstreams(upstream: AuthorizationServer) -> None:
    upstream.replies["*"] = results()
    mounts = ("--mount", f"/one={upstream.url}/one", "--mount", "/two=stdio:cat --number")
    arguments = ("--upstream", f"{upstream.url}/mcp", *mounts)
    with serving("resource", SETTINGS, *arguments) as (_process, health_url):
        base = health_url.removesuffix("/health")
        with httpx2.Client(base_url=base, trust_env=False, timeout=30) as client:
            for path in ("/mcp", "/one", "/two"):
                document = client.get(f"{METADATA}{path}").json()
                assert document["resource"] == f"http://localhost:9001{path}"
                assert client.post(path).status_code == 401
            assert client.get("/v1/contexts").status_code == 404  # those are the built-in server's


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--upstream", "http://a/mcp", "--stdio", "cat"), "use either --upstream or --stdio"),
        (("--mount", "/one"), "/PATH=URL"),
        (("--mount", "/one=http://a", "--mount", "/one=http://b"), "twice"),
        (("--mount", "one=http://a"), "/PATH=URL"),
        (("--mount", "/one/two=http://a"), "DOORWARD_MOUNTS[0][path]"),
        (("--upstream", "nowhere"), "DOORWARD_UPSTREAM"),
        (
            ("--upstream", "http://a", "--policy", "nowhere.yaml"),
            "DOORWARD_POLICY: nowhere.yaml: the file cannot",
        ),
        (("--policy", "nowhere.yaml", "--mount", "/one=http://a"), "DOORWARD_POLICY"),
        (("--stdio", "  "), "DOORWARD_UPSTREAM"),
    ],
)
def test_options_that_make_no_sense_are_explained_in_a_line(
    arguments: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    done = doorward("resource", *arguments, cwd=tmp_path, **SETTINGS)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
@pytest.mark.anyio
@pytest.mark.requirement("RS-5")
async def test_doorward_up_protects_any_server_and_a_client_logs_in_to_it(tmp_path: Path) -> None:
    person = Person(trust_env=False)
    with up(tmp_path, DOORWARD_UPSTREAM=python_stdio(PLAIN)) as running, closing(person):
        assert READY in running.output
        sdk = SdkClient(f"http://localhost:{running.resource_port}/mcp", person)
        async with sdk.connected() as client:
            answer = json.loads(await called(client, "who"))
            assert answer["doorward_subject"]
            assert sdk.memory.access_token not in str(answer)
        assert len(sdk.asked) == 1


@pytest.mark.long
@pytest.mark.anyio
@pytest.mark.requirement("GW-3")
async def test_doorward_up_joins_mounts_and_a_client_logs_in_to_all_of_them(tmp_path: Path) -> None:
    person = Person(trust_env=False)
    (tmp_path / "policy.yaml").write_text("scopes: {add: Add numbers}\ndefault: []\ntools: {add: [add]}\n")
    mounts = json.dumps(
        {
            "/sums": {"upstream": python_stdio(PLAIN), "name": "Sums", "policy": "policy.yaml"},
            "/more": python_stdio(PLAIN),
        }
    )
    with up(tmp_path, "--join", DOORWARD_MOUNTS=mounts) as running, closing(person):
        sdk = SdkClient(f"http://localhost:{running.resource_port}/mcp", person)
        async with sdk.connected() as client:
            assert await called(client, "sums_add", a=1, b=2) == "3"
            assert await called(client, "more_add", a=3, b=4) == "7"
    (authorization,) = sdk.asked
    assert "scope=sums+sums%3Aadd+more+" in str(authorization)


def test_the_authorization_server_learns_of_every_resource() -> None:
    mounts = '{"/one": "http://a", "/two": {"upstream": "stdio:b", "name": "Two"}}'

    def resources(**environment: str) -> list[dict[str, str]]:
        (server,) = resource_servers("http://localhost:9001/mcp", "s", environment)
        listed: list[dict[str, str]] = server["resources"]
        return listed

    assert [resource["name"] for resource in resources()] == ["Doorward notes"]
    assert resources(DOORWARD_UPSTREAM="http://a", DOORWARD_MOUNTS=mounts) == [
        {"resource": "http://localhost:9001/mcp", "name": "MCP server"},
        {"resource": "http://localhost:9001/one", "name": "one"},
        {"resource": "http://localhost:9001/two", "name": "Two"},
    ]
    assert [resource["name"] for resource in resources(DOORWARD_MOUNTS=mounts)] == ["one", "Two"]
    assert resources(DOORWARD_MOUNTS="/one=http://a; /two=stdio:b", DOORWARD_JOIN="true")[0] == {
        "resource": "http://localhost:9001/mcp",
        "name": "MCP servers",
        "joins": {"one": "http://localhost:9001/one", "two": "http://localhost:9001/two"},
    }
    assert [resource["name"] for resource in resources(DOORWARD_MOUNTS="[")] == ["Doorward notes"]
