"""Reads the chains of all processes, and verifies them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from auth_service.storage import keys
from auth_service.storage.interface import START, Position, Store
from shared.journal.chain import Head, digest_of, empty, read_entry
from shared.journal.verification import Keys, Problem, VerifiedChain, verify

_PAGE = 500
"""Writes that are read at once."""


@dataclass(frozen=True, kw_only=True)
class JournalReport:
    """The outcome of a verification.

    Attributes:
        events: the number of events, checkpoints included.
        unsigned: how many of them follow the last checkpoint of their chain.
    """

    chains: int
    events: int
    unsigned: int
    problems: tuple[Problem, ...]


class JournalReader:
    """Reads the journal in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def writers(self) -> list[str]:
        """Return the names of the chains."""
        return await self._store.index_list(keys.journal_chains())

    async def head(self, writer: str) -> Head | None:
        """Return the last entry of a chain; None if it has none, or one that cannot be read."""
        last = await self._store.log_last(keys.journal(writer))
        entry = last[1].rpartition(b"\n")[2] if last else b""
        try:
            return Head(writer, read_entry(entry)["sequence"], digest_of(entry))
        except ValueError:
            return None

    async def written(
        self, writer: str, *, after: Position = START
    ) -> AsyncIterator[tuple[Position, list[bytes]]]:
        """Iterate over the entries of a chain after a position, oldest first, as they were stored."""
        while page := await self._store.log_read(keys.journal(writer), after=after, limit=_PAGE):
            for after, lines in page:
                yield after, lines.split(b"\n")

    async def verify(self, public_keys: Keys, *, witnessed: Iterable[Head] = ()) -> JournalReport:
        """Verify all chains.

        Args:
            public_keys: of checkpoints, by key id.
            witnessed: heads that were kept elsewhere.
        """
        chains = [await self._verified(writer, public_keys) for writer in await self.writers()]
        return JournalReport(
            chains=len(chains),
            events=sum(chain.head.sequence - chain.first + 1 for chain in chains),
            unsigned=sum(chain.head.sequence - max(chain.signed, chain.first - 1) for chain in chains),
            problems=tuple(verify(chains, witnessed)),
        )

    async def _verified(self, writer: str, public_keys: Keys) -> VerifiedChain:
        chain = VerifiedChain(writer=writer, head=empty(writer))
        async for _, entries in self.written(writer):
            for entry in entries:
                chain.add(entry, public_keys)
        return chain
