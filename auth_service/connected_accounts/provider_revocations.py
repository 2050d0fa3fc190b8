"""Revokes the tokens of ended connected accounts at their providers, in the background (RFC 7009)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from auth_service.connected_accounts.credentials import Credentials
from auth_service.connected_accounts.discovered_providers import DiscoveredProviders
from auth_service.connected_accounts.ended_tokens import MAX_ATTEMPTS, EndedTokenRecords, EndedTokens
from auth_service.connected_accounts.token_requests import TokenRequests, UpstreamUnavailableError
from auth_service.journal.account_events import AccountAction, AccountEvents
from auth_service.protocol.upstream_providers import AccountProvider, ConfiguredProvider, UpstreamProvider
from shared.clock import Clock
from shared.in_background import in_background
from shared.logs import get_logger
from shared.storage.interface import StoreUnavailableError

LOOK_EVERY_S = 2.0
_AT_ONCE = 10
_CALL_S = 20.0

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ProviderRevocations:
    """Asks providers to revoke tokens, a few times each.

    Attributes:
        providers: by the URL of the resource; see `ConnectedAccounts`.
    """

    providers: Mapping[str, ConfiguredProvider]
    discovered: DiscoveredProviders
    credentials: Credentials
    requests: TokenRequests
    events: AccountEvents
    clock: Clock

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Revoke in the background, for the length of the context."""
        if not self.providers:
            yield
            return
        async with in_background(self._repeat()):
            yield

    async def _repeat(self) -> None:
        while True:
            try:
                await self.revoke_due()
            except Exception as error:  # noqa: BLE001 -- whatever the store has, the next round must be tried
                _log.warning("no tokens are revoked at providers", reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def revoke_due(self) -> None:
        """Ask each provider whose next attempt is due."""
        waiting = await self._ended.waiting()
        for start in range(0, len(waiting), _AT_ONCE):
            await asyncio.gather(*map(self._try, waiting[start : start + _AT_ONCE]))

    @property
    def _ended(self) -> EndedTokenRecords:
        return self.credentials.records.ended

    async def _try(self, version: str) -> None:
        try:
            await self._attempt(version)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 -- one document must not keep the others
            _log.error("tokens cannot be revoked at their provider", version=version, reason=str(error))

    async def _attempt(self, version: str) -> None:
        tokens = await self._ended.claim(version, int(self.clock()))
        if tokens is None:
            return
        try:
            provider = await self._provider(tokens)
        except UpstreamUnavailableError:
            await self._unreachable(tokens)
        else:
            await self._ask(provider, tokens)

    async def _unreachable(self, tokens: EndedTokens) -> None:
        if tokens.attempts < MAX_ATTEMPTS:
            return
        if await self._is_connected(tokens):
            await self._ended.remove(tokens.version)
        else:
            await self._over(tokens, AccountAction.UPSTREAM_NOT_REVOKED)

    async def _ask(self, provider: AccountProvider | None, tokens: EndedTokens) -> None:
        if not isinstance(provider, UpstreamProvider) or not _revokes(provider, tokens):
            await self._over(tokens, AccountAction.UPSTREAM_NOT_REVOKED)
        elif await self._is_connected(tokens):
            # A new connection was about to replace it. If that failed, the tokens are removed in the end.
            if tokens.attempts >= MAX_ATTEMPTS:
                await self._ended.remove(tokens.version)
        elif await self._would_end_another(provider, tokens):
            await self._ended.remove(tokens.version)
        elif await self._revoked(provider, tokens):
            await self._over(tokens, AccountAction.UPSTREAM_REVOKED)
        elif tokens.attempts >= MAX_ATTEMPTS:
            await self._over(tokens, AccountAction.UPSTREAM_NOT_REVOKED)
        else:
            _log.info("tokens not revoked yet", provider=provider.name, attempts=tokens.attempts)

    async def _is_connected(self, ended: EndedTokens) -> bool:
        current = await self.credentials.records.get(ended.subject, ended.resource)
        return current is not None and current.version == ended.version and not current.ending

    async def _provider(self, tokens: EndedTokens) -> AccountProvider | None:
        configured = self.providers.get(tokens.resource)
        return None if configured is None else await self.discovered.of(configured, tokens.subject)

    async def _would_end_another(self, provider: UpstreamProvider, ended: EndedTokens) -> bool:
        """Check whether the person has connected again, and a revocation would end that connection, too."""
        current = await self.credentials.records.get(ended.subject, ended.resource)
        if current is None or current.ending or current.provider_identity != ended.provider_identity:
            return False
        if provider.preset.revocation_ends_all:
            return True
        tokens, of_current = self.credentials.opened(ended), self.credentials.opened(current)
        return bool(tokens and of_current and tokens.token_to_revoke == of_current.token_to_revoke)

    async def _revoked(self, provider: UpstreamProvider, ended: EndedTokens) -> bool:
        tokens = self.credentials.opened(ended)
        if tokens is None:
            return False
        try:
            async with asyncio.timeout(_CALL_S):
                return await self.requests.revoke(provider, tokens)
        except TimeoutError:
            return False

    async def _over(self, tokens: EndedTokens, action: AccountAction) -> None:
        await self._ended.finish(tokens.version)
        await self.events.record(action, tokens.subject, resource=tokens.resource)
        _log.info(action.value, subject=tokens.subject, resource=tokens.resource, attempts=tokens.attempts)


def _revokes(provider: UpstreamProvider, tokens: EndedTokens) -> bool:
    is_its_own = provider.identity == tokens.provider_identity
    return is_its_own and provider.preset.revocation_endpoint is not None
