"""Discovered upstreams in the store: one sealed document for each resource.

It is sealed because of the endpoints, not only because of the client secret: an attacker who can write to the
store could otherwise have the refresh tokens of everybody sent to a token endpoint of their own.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.protocol.upstream_client import UpstreamClient
from auth_service.protocol.upstream_metadata import ServerMetadata
from auth_service.protocol.upstream_providers import UpstreamDiscovery
from auth_service.storage import keys
from shared import base64url
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LEASE_S = 30
"""Longer than a discovery with a registration may take."""

RETRY_S = 30
"""How long nothing is asked of an upstream after a failure."""

KEEP_S = 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredUpstream:
    """An upstream and its authorization server, as they were read.

    Attributes:
        upstream: see `UpstreamProvider`.
        scopes: those that the upstream names.
        client: this server at the authorization server; None if the operator has configured one.
        client_used: whether somebody has connected an account with this client.
        read_at: in seconds since 1970.
        refused_at: when the authorization server first refused this client after it had accepted it; 0 if it
            has not.
    """

    upstream: str
    scopes: tuple[str, ...]
    server: ServerMetadata
    client: UpstreamClient | None = None
    client_used: bool = False
    read_at: int
    refused_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredRecord:
    """The document of a resource. Times are seconds since 1970.

    Attributes:
        sealed: the encrypted `DiscoveredUpstream`; empty before the first one.
        failed_until: until when nobody asks the upstream again.
        failing_since: since when it has been away; 0 if it is not, or has named something else.
        failure: why it failed, for the log; `failure_code` is the reason code.
        leased_until: until when one process alone may ask it.
        fence: counts the leases; only the holder of the last one may write.
    """

    sealed: str = ""
    failed_until: int = 0
    failing_since: int = 0
    failure: str = ""
    failure_code: str = ""
    leased_until: int = 0
    fence: int = 0


class DiscoveredRecords:
    """The documents in the store."""

    def __init__(self, store: Store, keyring: KeyRing, clock: Clock) -> None:
        self._records = Collection(
            store, keys.discovered_upstream, JsonCodec(DiscoveredRecord), lambda _: KEEP_S
        )
        self._keyring = keyring
        self._clock = clock

    async def get(self, provider: UpstreamDiscovery) -> tuple[DiscoveredRecord, DiscoveredUpstream | None]:
        """Return the document of a resource, and what it has about the configured upstream."""
        record = await self._records.get(provider.resource) or DiscoveredRecord()
        return record, self._opened(provider, record.sealed)

    async def lease(self, provider: UpstreamDiscovery, read: DiscoveredRecord) -> DiscoveredRecord | None:
        """Lease the document to discover the upstream again.

        Args:
            read: the document on which the decision to do so is based.

        Returns:
            None if the document has changed, somebody else has it, or the upstream has just failed.
        """
        now = int(self._clock())

        def rule(stored: DiscoveredRecord) -> tuple[DiscoveredRecord | None, tuple[DiscoveredRecord | None]]:
            # Another process may have registered since: a second client would replace the first.
            if stored.sealed != read.sealed or now < stored.leased_until or now < stored.failed_until:
                return None, (None,)
            leased = replace(stored, leased_until=now + LEASE_S, fence=stored.fence + 1)
            return leased, (leased,)

        while (result := await self._records.update(provider.resource, rule)) is None:
            first = DiscoveredRecord(leased_until=now + LEASE_S)
            if await self._records.create(provider.resource, first):
                return first
        return result[0]

    async def save(
        self, provider: UpstreamDiscovery, lease: DiscoveredRecord, discovered: DiscoveredUpstream
    ) -> bool:
        """End the lease, and store what was discovered, unless the document has changed in the meantime."""
        sealed = self._sealed(provider, discovered)

        def rule(stored: DiscoveredRecord) -> tuple[DiscoveredRecord | None, bool]:
            if stored.fence != lease.fence:
                return None, False
            if stored.sealed != lease.sealed:
                return replace(stored, leased_until=0), False
            return DiscoveredRecord(sealed=sealed, fence=lease.fence), True

        return bool(await self._records.update(provider.resource, rule))

    async def fail(
        self, provider: UpstreamDiscovery, lease: DiscoveredRecord, failure: UpstreamUnavailableError
    ) -> DiscoveredRecord:
        """End the lease, and keep what was discovered before; return the document."""
        now = int(self._clock())
        failed = replace(
            lease,
            leased_until=0,
            failed_until=now + RETRY_S,
            failing_since=(lease.failing_since or now) if failure.passing else 0,
            failure=failure.reason[:300],
            failure_code=failure.cause.code,
        )

        def rule(stored: DiscoveredRecord) -> tuple[DiscoveredRecord | None, None]:
            own = stored.fence == lease.fence
            return (replace(failed, sealed=stored.sealed) if own else None), None

        await self._records.update(provider.resource, rule)
        return failed

    async def change(
        self, provider: UpstreamDiscovery, rule: Callable[[DiscoveredUpstream], DiscoveredUpstream | None]
    ) -> None:
        """Change what was discovered, unless the rule returns None or nothing was."""

        def of_record(stored: DiscoveredRecord) -> tuple[DiscoveredRecord | None, None]:
            discovered = self._opened(provider, stored.sealed)
            changed = None if discovered is None else rule(discovered)
            if changed is None:
                return None, None
            return replace(stored, sealed=self._sealed(provider, changed)), None

        await self._records.update(provider.resource, of_record)

    def _sealed(self, provider: UpstreamDiscovery, discovered: DiscoveredUpstream) -> str:
        content = json.dumps(_members(discovered)).encode()
        return base64url.encode(self._keyring.seal(_purpose(provider), content))

    def _opened(self, provider: UpstreamDiscovery, sealed: str) -> DiscoveredUpstream | None:
        """Return the content; None if it is about another URL, or its master key was removed."""
        try:
            return _decoded(json.loads(self._keyring.open(_purpose(provider), base64url.decode(sealed))))
        except (SealBrokenError, binascii.Error, ValueError, TypeError, KeyError):
            return None


def _members(discovered: DiscoveredUpstream) -> dict[str, Any]:
    """Return the members to seal, without a `refused_at` of 0: earlier releases fail at unknown members."""
    members = asdict(discovered)
    if not discovered.refused_at:
        del members["refused_at"]
    return members


def _decoded(members: dict[str, Any]) -> DiscoveredUpstream:
    server, client = members["server"], members["client"]
    server["auth_methods"] = tuple(server["auth_methods"])
    content = {
        **members,
        "scopes": tuple(members["scopes"]),
        "server": ServerMetadata(**_of_this_release(ServerMetadata, server)),
        "client": None if client is None else UpstreamClient(**_of_this_release(UpstreamClient, client)),
    }
    return DiscoveredUpstream(**_of_this_release(DiscoveredUpstream, content))


def _of_this_release(kind: type[DataclassInstance], members: dict[str, Any]) -> dict[str, Any]:
    """Return the members of this release. A later one, on the same store in an upgrade, may have more."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in members.items() if name in names}


def _purpose(provider: UpstreamDiscovery) -> str:
    return f"discovered upstream {json.dumps([provider.resource, provider.url])}"
