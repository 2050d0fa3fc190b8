"""The official MCP SDK's client with its own OAuth, and a person at the browser that it opens."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2
from anyio import to_thread
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.flow import REDIRECT_URI, Person

Mode = Literal["auto", "legacy", "2026-07-28"]
"""``auto`` speaks the current revision of MCP (2026-07-28), ``legacy`` the one with sessions (2025-11-25)."""

TIMEOUT_S = 30
TRUSTED = ssl.create_default_context()
"""Anyone who this machine trusts, or the file ``SSL_CERT_FILE`` of the environment."""

Exchange = tuple[str, str, int]
"""Method, URL without its query, status."""


@dataclass
class Memory:
    """The state of a client between two starts."""

    tokens: OAuthToken | None = None
    client_info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client_info = client_info

    @property
    def access_token(self) -> str:
        assert self.tokens
        return self.tokens.access_token

    @property
    def refresh_token(self) -> str:
        assert self.tokens
        assert self.tokens.refresh_token
        return self.tokens.refresh_token


@dataclass
class SdkClient:
    """One start of an MCP client.

    Attributes:
        person: sits at the browser that the client opens.
        memory: what an earlier start has left.
        untick: the scopes that the person does not grant.
        asked: every authorization URL that the person was sent to.
        exchanges: everything that went over the wire, discovery and registration included.
    """

    mcp_url: str
    person: Person
    memory: Memory = field(default_factory=Memory)
    mode: Mode = "auto"
    untick: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    _answer: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        metadata = OAuthClientMetadata(
            client_name="The MCP SDK's own client", redirect_uris=[AnyUrl(REDIRECT_URI)]
        )
        self.oauth = OAuthClientProvider(
            self.mcp_url, metadata, self.memory, self._open_browser, self._wait_for_callback
        )

    @asynccontextmanager
    async def connected(self, **options: Any) -> AsyncIterator[Client]:
        """Connect, and log in if need be.

        Args:
            options: of the SDK's client.
        """
        hooks = {"response": [self._note]}
        async with (
            httpx2.AsyncClient(
                auth=self.oauth, timeout=TIMEOUT_S, trust_env=False, verify=TRUSTED, event_hooks=hooks
            ) as http,
            Client(
                streamable_http_client(self.mcp_url, http_client=http), mode=self.mode, **options
            ) as client,
        ):
            yield client

    def believe_expired(self) -> None:
        """Let the client's clock say that its access token is over."""
        self.oauth.context.token_expiry_time = 1.0

    async def _open_browser(self, url: str) -> None:
        self.asked.append(url)
        self._answer = await to_thread.run_sync(lambda: self.person.authorize(url, untick=self.untick))

    async def _wait_for_callback(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**self._answer)

    async def _note(self, response: httpx2.Response) -> None:
        url = str(response.request.url.copy_with(query=None))
        self.exchanges.append((response.request.method, url, response.status_code))


async def call(client: Client, tool: str, **arguments: str) -> dict[str, Any]:
    """Call a tool; what it answered."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    answer: dict[str, Any] = result.structured_content or {}
    return answer


def bare_call(mcp_url: str, access_token: str) -> httpx2.Response:
    """A request to the MCP server with a token, and without a client that would mend a refusal."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json, text/event-stream"}
    return httpx2.post(
        mcp_url, json=message, headers=headers, timeout=TIMEOUT_S, trust_env=False, verify=TRUSTED
    )


def revoke(memory: Memory) -> None:
    """End the grant as its client, at the authorization server that it is registered with."""
    registered = memory.client_info
    assert registered
    metadata = _get_json(f"{registered.issuer}/.well-known/openid-configuration")
    response = httpx2.post(
        metadata["revocation_endpoint"],
        data={"token": memory.refresh_token},
        auth=httpx2.BasicAuth(registered.client_id, registered.client_secret or ""),
        timeout=TIMEOUT_S,
        trust_env=False,
        verify=TRUSTED,
    )
    assert response.status_code == 200, response.text


def _get_json(url: str) -> dict[str, Any]:
    document: dict[str, Any] = (
        httpx2.get(url, timeout=TIMEOUT_S, trust_env=False, verify=TRUSTED).raise_for_status().json()
    )
    return document
