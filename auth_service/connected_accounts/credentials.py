"""Tokens of connected accounts: sealed for one subject and resource, refreshed under a lease (GW-1).

A provider may rotate its refresh tokens, and end the connection if one is used twice. So a process takes a
lease before it calls the provider. If it dies during the lease, nobody refreshes for `LEASE_S` seconds. Then
the stored refresh token is used: if the provider had replaced it already, it refuses, and the person connects
the account again.
"""

from __future__ import annotations

import binascii
import json
from dataclasses import asdict, dataclass, field, replace

from auth_service.connected_accounts.ended_tokens import EndedTokens
from auth_service.connected_accounts.records import ConnectedAccount, ConnectedAccountRecords
from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.crypto.secrets import new_id
from auth_service.protocol.connected_account import UpstreamTokens
from auth_service.protocol.upstream_providers import AccountProvider, ApiKeyProvider
from shared import base64url
from shared.clock import Clock

LEASE_S = 30
"""Longer than a request to a provider may take."""

FAILED_S = 5
"""How long nobody asks a provider that could not be reached."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to refresh a credential until it is released or expires."""

    account: ConnectedAccount
    tokens: UpstreamTokens = field(repr=False)


class Credentials:
    """The tokens of connected accounts."""

    def __init__(self, records: ConnectedAccountRecords, keyring: KeyRing, clock: Clock) -> None:
        self.records = records
        self._keyring = keyring
        self._clock = clock

    async def save(
        self, subject: str, client_id: str, provider: AccountProvider, tokens: UpstreamTokens
    ) -> tuple[ConnectedAccount, ConnectedAccount | None]:
        """Store the tokens of a new connection; return it, and the earlier one that it replaces, if any."""
        now = int(self._clock())
        account = ConnectedAccount(
            subject=subject,
            resource=provider.resource,
            provider=provider.name,
            provider_identity=provider.identity,
            version=new_id(),
            sealed=self._sealed(subject, provider.resource, tokens),
            client_id=client_id,
            connected_at=now,
            replaced_at=now,
            expires_at=tokens.expires_at,
            refreshable=tokens.refresh_token is not None,
            is_api_key=isinstance(provider, ApiKeyProvider),
        )
        return account, await self.records.put(account)

    def opened(self, account: ConnectedAccount | EndedTokens) -> UpstreamTokens | None:
        """Return the tokens; None if the master key that encrypted them was removed."""
        try:
            sealed = base64url.decode(account.sealed)
            opened = self._keyring.open(_purpose(account.subject, account.resource), sealed)
            return UpstreamTokens(**json.loads(opened))
        except (SealBrokenError, binascii.Error, ValueError, TypeError):
            return None

    async def seal_again(self, account: ConnectedAccount, tokens: UpstreamTokens) -> None:
        """Encrypt tokens under the newest master key, if they are not yet."""
        if self._keyring.is_newest(base64url.decode(account.sealed)):
            return
        sealed = self._sealed(account.subject, account.resource, tokens)

        def rule(stored: ConnectedAccount) -> tuple[ConnectedAccount | None, None]:
            return (replace(stored, sealed=sealed) if stored.sealed == account.sealed else None), None

        await self.records.change(account, rule)

    async def lease(self, account: ConnectedAccount, tokens: UpstreamTokens) -> Lease | None:
        """Lease a credential; None if it was replaced, has ended, or somebody else refreshes it."""
        now = int(self._clock())

        def rule(stored: ConnectedAccount) -> tuple[ConnectedAccount | None, ConnectedAccount | None]:
            busy = now < stored.leased_until or now < stored.failed_until
            if busy or stored.ending or not stored.sealed or stored.version != account.version:
                return None, None
            leased = replace(stored, leased_until=now + LEASE_S, fence=stored.fence + 1)
            return leased, leased

        leased = await self.records.change(account, rule)
        return Lease(leased, tokens) if leased is not None else None

    async def replace(self, lease: Lease, tokens: UpstreamTokens) -> ConnectedAccount | None:
        """Store the tokens that replace the leased ones, and end the lease.

        Returns:
            None if another credential was connected, or this one ended, in the meantime: the provider must
            revoke the new tokens.
        """
        renewed = replace(
            lease.account,
            version=new_id(),
            sealed=self._sealed(lease.account.subject, lease.account.resource, tokens),
            replaced_at=int(self._clock()),
            expires_at=tokens.expires_at,
            refreshable=tokens.refresh_token is not None,
            leased_until=0,
            failed_until=0,
        )

        def rule(stored: ConnectedAccount) -> tuple[ConnectedAccount | None, ConnectedAccount | None]:
            own = stored.fence == lease.account.fence
            return (renewed, renewed) if own else (None, None)

        stored = await self.records.change(lease.account, rule)
        if stored is None:
            await self.records.leave_to_revoke(renewed)
        return stored

    async def release(self, lease: Lease) -> None:
        """End a lease without new tokens: the provider could not be reached."""
        until = int(self._clock()) + FAILED_S

        def rule(stored: ConnectedAccount) -> tuple[ConnectedAccount | None, None]:
            own = stored.fence == lease.account.fence
            return (replace(stored, leased_until=0, failed_until=until) if own else None), None

        await self.records.change(lease.account, rule)

    def _sealed(self, subject: str, resource: str, tokens: UpstreamTokens) -> str:
        content = json.dumps(asdict(tokens)).encode()
        return base64url.encode(self._keyring.seal(_purpose(subject, resource), content))


def _purpose(subject: str, resource: str) -> str:
    # A key for each: the sealed tokens of one person or resource cannot be put in the place of another's.
    return f"connected account {json.dumps([subject, resource])}"
