"""The examples of docs/how-to/verifiers.md: servers with the complete guard in their own process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp import Client as McpClient

from tests.e2e.sdk import Mode, SdkClient, revoke
from tests.flow import Person
from tests.resource_service.service import call, modern_headers
from tests.servers import wait_until
from tests.verifiers.servers import EXAMPLES, Protected, protected

EXAMPLE_FILES = ("protected_sdk_server.py", "protected_fastmcp_server.py")
WELL_KNOWN = "/.well-known/oauth-protected-resource"
BOTH = 'scope="notes:read notes:write"'

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("verifiers")]


@pytest.fixture(scope="module", params=EXAMPLE_FILES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected(request.param, tmp_path_factory.mktemp("protected")) as running:
        yield running


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    person = Person(trust_env=False)
    yield person
    person.close()


def shout(server: Protected, token: str | None) -> httpx2.Response:
    return server.post(call("shout"), token, **modern_headers("shout"))


async def shouted(client: McpClient) -> Any:
    result = await client.call_tool("shout", {})
    assert not result.is_error, result.content
    return result.content[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize("example", EXAMPLE_FILES)
def test_an_example_has_less_than_25_lines(example: str) -> None:
    assert len((EXAMPLES / example).read_text().splitlines()) < 25


@pytest.mark.anyio
@pytest.mark.requirement("RS-1", "RS-2", "RS-4", "RS-10")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_logs_in_and_steps_up_where_a_tool_needs_more(
    server: Protected, person: Person, mode: Mode
) -> None:
    sdk = SdkClient(server.url, person, mode=mode, untick=("notes:write",))
    async with sdk.connected() as client:
        assert len(sdk.asked) == 1
        sdk.untick = ()
        assert await shouted(client) == "HELLO WESEN"
    assert ("POST", server.url, 403) in sdk.exchanges
    assert len(sdk.asked) == 2


@pytest.mark.anyio
@pytest.mark.requirement("AS-16", "RS-7")
async def test_a_revoked_token_is_refused(server: Protected, person: Person) -> None:
    sdk = SdkClient(server.url, person)
    async with sdk.connected() as client:
        assert await shouted(client) == "HELLO WESEN"
    assert shout(server, sdk.memory.access_token).status_code == 200
    revoke(sdk.memory)
    wait_until(lambda: shout(server, sdk.memory.access_token).status_code == 401)
    refused = shout(server, sdk.memory.access_token)
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


@pytest.mark.requirement("RS-7", "RS-11")
def test_while_the_authorization_server_is_down_no_token_is_called_invalid(
    server: Protected, person: Person
) -> None:
    token = server.token(person)
    assert shout(server, token).status_code == 200
    server.auth.kill()
    try:
        # What was asked a moment ago is known for as long as the end of the feed has not been noticed.
        wait_until(lambda: shout(server, token).status_code == 503)
        refused = shout(server, token)
        assert refused.headers["retry-after"] == "1"
        assert "www-authenticate" not in refused.headers
        (line,) = server.refusals(refused.headers["x-request-id"])
        assert (line["level"], line["error"]) == ("warning", "temporarily_unavailable")
    finally:
        server.auth.begin()
        wait_until(server.auth.answers, timeout_s=60)
    assert shout(server, token).status_code == 200


@pytest.mark.requirement("RS-4")
def test_a_missing_scope_is_named_before_anything_runs(server: Protected, person: Person) -> None:
    refused = shout(server, server.token(person, "notes:read"))
    assert refused.status_code == 403
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert BOTH in challenge
    assert f'resource_metadata="{server.origin}{WELL_KNOWN}/mcp"' in challenge


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_every_request_needs_is_needed_whatever_the_method(
    server: Protected, person: Person, method: str
) -> None:
    headers = {
        "Authorization": f"Bearer {server.token(person, 'notes:write')}",
        "Accept": "text/event-stream",
    }
    refused = server.http.request(method, server.url, headers=headers)
    assert refused.status_code == 403
    assert 'scope="notes:read"' in refused.headers["www-authenticate"]


@pytest.mark.requirement("RS-3", "RS-11")
def test_a_token_for_another_resource_is_not_good_here(server: Protected, person: Person) -> None:
    refused = shout(server, server.token(person, resource=server.other_url))
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    (line,) = server.refusals(refused.headers["x-request-id"])
    assert server.other_url in line["reason"]


@pytest.mark.requirement("RS-2", "RS-11")
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_without_a_token_the_challenge_says_where_to_go_and_names_no_error(
    server: Protected, method: str, slash: str
) -> None:
    refused = server.http.request(method, f"{server.url}{slash}")
    assert refused.status_code == 401
    metadata = f"{server.origin}{WELL_KNOWN}/mcp{slash}"
    assert refused.headers["www-authenticate"] == f'Bearer resource_metadata="{metadata}", {BOTH}'
    assert server.http.get(metadata).json()["resource"] == f"{server.url}{slash}"
    assert len(server.refusals(refused.headers["x-request-id"])) == 1


@pytest.mark.requirement("RS-2", "RS-3")
@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", [("Authorization", "Bearer")], 400),
        ("", [("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400),
        ("?access_token=a", [], 400),
        ("", [("Authorization", "Bearer nobody-knows-it")], 401),
        ("", [("Authorization", "Basic YTpi")], 401),
    ],
)
def test_malformed_credentials_are_refused(
    server: Protected, query: str, headers: list[tuple[str, str]], status: int
) -> None:
    refused = server.http.post(f"{server.url}{query}", headers=headers, json=call("shout"))
    assert refused.status_code == status
    assert "resource_metadata=" in refused.headers["www-authenticate"]


@pytest.mark.requirement("RS-1")
@pytest.mark.parametrize("place", [WELL_KNOWN, f"{WELL_KNOWN}/mcp"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_metadata_is_at_both_well_known_places(server: Protected, place: str, method: str) -> None:
    response = server.http.request(method, f"{server.origin}{place}")
    assert response.status_code == 200
    if method == "GET":
        document = response.json()
        assert document["resource"] == server.url
        assert document["authorization_servers"] == [server.issuer]
        assert document["scopes_supported"] == ["notes:read", "notes:write"]
        assert "resource_documentation" not in document


@pytest.mark.requirement("RS-6")
def test_pages_of_foreign_origins_are_refused_and_those_of_this_machine_may_read_the_challenge(
    server: Protected,
) -> None:
    foreign = server.post(call("shout"), None, Origin="https://evil.example")
    assert foreign.status_code == 403
    inspector = server.post(call("shout"), None, Origin="http://localhost:6274")
    assert inspector.headers["access-control-allow-origin"] == "http://localhost:6274"
    assert "WWW-Authenticate" in inspector.headers["access-control-expose-headers"]
    headers = {"Origin": "http://localhost:6274", "Access-Control-Request-Headers": "authorization"}
    preflight = server.http.options(server.url, headers=headers)
    assert (preflight.status_code, preflight.headers["access-control-allow-headers"]) == (
        204,
        "authorization",
    )
