"""An upstream that is discovered, and processes of the service that share what is known of it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import cast

import pytest
from pydantic import SecretStr

from auth_service.connected_accounts.discovered_providers import (
    CONFIRM_S,
    DiscoveredProviders,
)
from auth_service.connected_accounts.discovered_records import DiscoveredRecords
from auth_service.connected_accounts.discovery import Discovered, Discovery
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.crypto.keyring import KeyRing
from auth_service.journal.account_events import AccountEvents
from auth_service.journal.journal import Journal
from auth_service.protocol.upstream_client import UpstreamClient
from auth_service.protocol.upstream_metadata import ResourceMetadata, ServerMetadata
from auth_service.protocol.upstream_providers import UpstreamDiscovery, UpstreamProvider
from auth_service.settings import MasterKey
from shared.journal.event import EventKind
from shared.storage.interface import Store
from tests.auth_service.service import RESOURCE

ON_ONE_STORE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For tests of a rule, and not of what is stored."""

URL = "https://mcp.upstream.example/mcp"
ISSUER = "https://auth.upstream.example"
OURS = "https://auth.example"
MASTER_KEY = SecretStr(base64.urlsafe_b64encode(bytes(32)).decode())
CONFIGURED = UpstreamDiscovery(resource=RESOURCE, name="Upstream", url=URL)
SECRET = "the secret of a registered client"


def server_of(issuer: str = ISSUER) -> ServerMetadata:
    return ServerMetadata(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        registration_endpoint=f"{issuer}/register",
        sends_iss=True,
    )


@dataclass
class Provider:
    """An upstream with its authorization server, as `Discovery` reads them; and the journal.

    Attributes:
        reads, registrations: how often it was asked.
        in_use: the issuer that was named as the one in use.
        refuses_client: whether it no longer accepts the first client; None if it cannot be asked.
        checks: how often it was asked that.
        failure: raised in place of an answer.
        while_reading: done while the upstream is read.
    """

    server: ServerMetadata = field(default_factory=server_of)
    upstream: str = URL
    expires_at: int | None = None
    failure: UpstreamUnavailableError | None = None
    while_reading: list[Coroutine[None, None, None]] = field(default_factory=list)
    reads: int = 0
    registrations: int = 0
    refuses_client: bool | None = False
    checks: int = 0
    events: list[dict[str, object]] = field(default_factory=list)
    now: float = 1_000_000
    in_use: str | None = None
    issuer: str = OURS

    async def read(self, _configured: UpstreamDiscovery, in_use: str | None = None) -> Discovered:
        self.reads += 1
        self.in_use = in_use
        await asyncio.sleep(0.01)
        while self.while_reading:
            await self.while_reading.pop()
        if self.failure is not None:
            raise self.failure
        resource = ResourceMetadata(resource=self.upstream, issuers=(self.server.issuer,))
        return Discovered(resource, self.server, ("notes:read",))

    async def refuses(self, _server: ServerMetadata, client: UpstreamClient) -> bool | None:
        self.checks += 1
        await asyncio.sleep(0.01)
        return self.refuses_client if client.client_id == "client-1" else False

    async def register(self, _server: ServerMetadata) -> UpstreamClient:
        self.registrations += 1
        client_id = f"client-{self.registrations}"
        return UpstreamClient(client_id=client_id, client_secret=SECRET, expires_at=self.expires_at)

    async def record(self, _kind: EventKind, **members: object) -> None:
        self.events.append(members)

    def process(self, store: Store) -> DiscoveredProviders:
        """One process of the service, on `store`."""
        keyring = KeyRing([MasterKey(key_id=1, key=MASTER_KEY)])
        return DiscoveredProviders(
            records=DiscoveredRecords(store, keyring, lambda: self.now),
            discovery=cast(Discovery, self),
            events=AccountEvents(cast(Journal, self)),
            clock=lambda: self.now,
        )


async def current(
    process: DiscoveredProviders, configured: UpstreamDiscovery = CONFIGURED
) -> UpstreamProvider:
    provider = await process.of(configured, "ada")
    assert isinstance(provider, UpstreamProvider)
    return provider


async def used(process: DiscoveredProviders) -> UpstreamProvider:
    """The provider, after somebody has connected an account."""
    provider = await current(process)
    await process.note_accepted(CONFIGURED, provider)
    return provider


async def lose_client(upstream: Provider, process: DiscoveredProviders, provider: UpstreamProvider) -> None:
    """Let the authorization server have deleted the client, which is noticed, and enough time has passed."""
    upstream.refuses_client = True
    await process.note_refused(CONFIGURED, provider)
    upstream.now += CONFIRM_S
