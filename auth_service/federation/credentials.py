"""Credentials of identity providers, encrypted in the store (DESIGN D18).

A credential is a refresh token; GitHub's OAuth apps issue none, but an access token that does not expire.

There is one document for each account and provider, changed by compare-and-swap. Using the token needs a
lease: a provider may rotate its refresh tokens, and revoke all of them if one is used twice.
"""

from __future__ import annotations

import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.storage import keys
from shared import base64url
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LEASE_S = 30
"""Longer than a provider may take to answer."""

_PURPOSE = "credentials of identity providers"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamCredential:
    """A credential, as it is stored. Times are seconds since 1970.

    Attributes:
        sealed: the encrypted token.
        leased_until: when the credential may be used again.
        fence: counts the leases; only the holder of the last one may replace the token.
    """

    sealed: str
    leased_until: int = 0
    fence: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to use a credential until it is released or expires."""

    subject: str
    provider_id: str
    fence: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PresentedCredential:
    """A leased credential, and what stores the one that replaces it."""

    token: str = field(repr=False)
    rotate: Callable[[str], Awaitable[None]]


class UpstreamCredentials:
    """The credentials in the store."""

    def __init__(self, store: Store, keyring: KeyRing, clock: Clock, ttl_s: int) -> None:
        self._credentials = Collection(store, _key, JsonCodec(UpstreamCredential), lambda _: ttl_s)
        self._keyring = keyring
        self._clock = clock

    async def save(self, subject: str, provider_id: str, token: str) -> None:
        """Store the credential of a new login, in place of an earlier one."""
        sealed, document_id = self._sealed(token), _id(subject, provider_id)

        def rule(stored: UpstreamCredential) -> tuple[UpstreamCredential, bool]:
            # The holder of a lease on the earlier credential must not replace the new one.
            return UpstreamCredential(sealed=sealed, fence=stored.fence + 1), True

        while not await self._credentials.update(document_id, rule):
            if await self._credentials.create(document_id, UpstreamCredential(sealed=sealed)):
                return

    async def lease(self, subject: str, provider_id: str) -> Lease | None:
        """Lease a credential; None if it does not exist, is in use, or cannot be decrypted."""
        now = int(self._clock())

        def rule(stored: UpstreamCredential) -> tuple[UpstreamCredential | None, UpstreamCredential | None]:
            if now < stored.leased_until:
                return None, None
            leased = replace(stored, leased_until=now + LEASE_S, fence=stored.fence + 1)
            return leased, leased

        leased = await self._credentials.update(_id(subject, provider_id), rule)
        token = self._opened(leased.sealed) if leased else None
        return Lease(subject, provider_id, leased.fence, token) if leased and token else None

    async def rotate(self, lease: Lease, token: str) -> None:
        """Store the token that replaces the leased one; the lease goes on.

        Called before anything else can fail: many providers accept the earlier one only once.
        """
        await self._change(lease, sealed=self._sealed(token))

    async def release(self, lease: Lease, *, wait_s: int = 0) -> None:
        """End a lease.

        Args:
            wait_s: how long the credential may not be used, in seconds.
        """
        await self._change(lease, leased_until=int(self._clock()) + wait_s)

    async def _change(self, lease: Lease, **changes: Any) -> None:  # noqa: ANN401 -- members of the document
        def rule(stored: UpstreamCredential) -> tuple[UpstreamCredential | None, None]:
            return (replace(stored, **changes) if stored.fence == lease.fence else None), None

        await self._credentials.update(_id(lease.subject, lease.provider_id), rule)

    async def delete(self, subject: str, provider_id: str) -> None:
        """Delete a credential."""
        await self._credentials.delete(_id(subject, provider_id))

    def _sealed(self, token: str) -> str:
        return base64url.encode(self._keyring.seal(_PURPOSE, token.encode()))

    def _opened(self, sealed: str) -> str | None:
        try:
            return self._keyring.open(_PURPOSE, base64url.decode(sealed)).decode()
        except (SealBrokenError, binascii.Error, ValueError):
            return None


def _id(subject: str, provider_id: str) -> str:
    return f"{subject} {provider_id}"


def _key(document_id: str) -> str:
    subject, _, provider_id = document_id.partition(" ")
    return keys.upstream_credential(subject, provider_id)
