"""The doctor with servers that are not ours: the official SDK's server with its own endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp

from shared.cli.doctor.verdict import Status
from tests.doctor.examining import failures, run
from tests.doctor.sdk_provider import SCOPE, Provider
from tests.doctor.serving import serving
from tests.servers import free_port


def sdk_app(url: str) -> ASGIApp:
    auth = AuthSettings(
        issuer_url=AnyHttpUrl(url),
        resource_server_url=AnyHttpUrl(f"{url}/mcp"),
        validate_token_resource=True,
        required_scopes=[SCOPE],
        client_registration_options=ClientRegistrationOptions(
            enabled=True, valid_scopes=[SCOPE], default_scopes=[SCOPE]
        ),
        revocation_options=RevocationOptions(enabled=True),
    )
    server = MCPServer("an SDK server", auth_server_provider=Provider(), auth=auth)

    @server.tool()
    def greet() -> str:
        """Greets."""
        return "hello"

    return server.streamable_http_app()


@pytest.fixture(scope="module")
def mcp_url() -> Iterator[str]:
    port = free_port()
    with serving(sdk_app(f"http://127.0.0.1:{port}"), port=port, lifespan="on"):
        yield f"http://127.0.0.1:{port}/mcp"


@pytest.mark.parametrize("profile", [None, "python-sdk", "typescript-sdk"])
@pytest.mark.usefixtures("hasty")
def test_a_foreign_pair_is_walked_to_the_end(mcp_url: str, profile: str | None) -> None:
    report = run(mcp_url, login=True, profile=profile)
    assert failures(report) == {}
    by_id = {line.check.id: line.status for line in report.lines}
    for check in ("register", "authorize", "state", "token", "initialize", "tools", "refresh"):
        assert by_id[check] is Status.OK, check
    # It redirects the other spelling, and its endpoints know no preflight at the MCP URL.
    assert by_id["trailing-slash"] is by_id["cors-preflight"] is Status.WARNING


def test_what_one_client_needs_and_it_lacks_is_named(mcp_url: str) -> None:
    assert {"iss"} <= failures(run(mcp_url, profile="gemini")).keys()
    assert {"cors-preflight", "cors-challenge"} <= failures(run(mcp_url, profile="inspector")).keys()
