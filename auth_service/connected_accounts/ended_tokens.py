"""Tokens that are no longer used here, until their provider has revoked them (RFC 7009).

Whatever ends a connected account leaves them here, also a program without the master keys. The processes of
the service revoke them; see `provider_revocations`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.storage import keys
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

KEEP_S = 86_400

DONE_S = 3_600
"""How long it is remembered that tokens are done with: a request that was about to leave them here must not
have them revoked again."""

MAX_WAITING = 10_000
"""Tokens that wait for their provider; those beyond are not revoked."""

MAX_ATTEMPTS = 6
FIRST_PAUSE_S = 60
"""Between the first attempts, and longer than one takes; doubled with each one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedTokens:
    """Tokens that wait for their provider, as they are stored.

    Attributes:
        version: of the credential that they belong to.
        sealed: as in `ConnectedAccount`; empty once the provider is no longer asked.
        attempts: how often the provider was asked.
        due_at: when it is asked next, in seconds since 1970.
    """

    subject: str
    resource: str
    provider_identity: str
    version: str
    sealed: str
    attempts: int = 0
    due_at: int = 0


class EndedTokenRecords:
    """The tokens that wait for their provider, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tokens = Collection(store, keys.ended_tokens, JsonCodec(EndedTokens), _ttl_s)

    async def add(self, tokens: EndedTokens) -> bool:
        """Let the provider of `tokens` revoke them, once; return False if too many wait already."""
        # Before the index, since a document that the index names and that is not there counts as expired.
        if not await self._tokens.create(tokens.version, tokens):
            stored = await self._tokens.get(tokens.version)
            if stored is not None and not stored.sealed:
                return True
        index = keys.all_ended_tokens()
        if await self._store.index_add_within(index, tokens.version, ttl_s=KEEP_S, limit=MAX_WAITING):
            return True
        await self._tokens.delete(tokens.version)
        return False

    async def waiting(self) -> list[str]:
        """Return the versions whose tokens wait."""
        return await self._store.index_list(keys.all_ended_tokens())

    async def claim(self, version: str, now: int) -> EndedTokens | None:
        """Return tokens whose provider must be asked now; None if they are not due.

        One caller gets them, and nobody again before the next attempt is due.
        """

        def rule(stored: EndedTokens) -> tuple[EndedTokens | None, tuple[EndedTokens | None, bool]]:
            if now < stored.due_at or not stored.sealed:
                return None, (None, not stored.sealed)
            pause_s = FIRST_PAUSE_S * 2**stored.attempts
            claimed = replace(stored, attempts=stored.attempts + 1, due_at=now + pause_s)
            return claimed, (claimed, False)

        result = await self._tokens.update(version, rule)
        if result is None:
            await self.remove(version)  # it has expired
            return None
        claimed, is_finished = result
        if is_finished:
            await self._unlist(version)  # `add` has listed it after `finish` had ended
        return claimed

    async def finish(self, version: str) -> None:
        """Delete tokens that were revoked, or cannot be, and do not take them again."""
        await self._tokens.update(version, lambda stored: (replace(stored, sealed=""), None))
        await self._unlist(version)

    async def remove(self, version: str) -> None:
        """Delete tokens that are still connected, or may end later."""
        await self._tokens.delete(version)
        await self._unlist(version)

    async def _unlist(self, version: str) -> None:
        await self._store.index_remove(keys.all_ended_tokens(), version)


def _ttl_s(tokens: EndedTokens) -> int:
    return KEEP_S if tokens.sealed else DONE_S
