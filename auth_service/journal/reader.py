"""Reads the chains of all processes, and verifies them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from auth_service.storage import keys
from shared.journal.chain import Head, digest_of, empty, read_entry
from shared.journal.verification import Keys, Problem, VerifiedChain, unsigned, verify
from shared.storage.interface import START, Position, Store

_PAGE_BYTES = 256 * 1024
"""Bytes that are read at once, about: Redis keeps its response in the memory that the journal fills."""
_PAGE = 32
"""Writes that are read at once if they are small; large ones, of hundreds of events, may follow them."""


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
        limit = 1
        while page := await self._store.log_read(keys.journal(writer), after=after, limit=limit):
            for after, lines in page:
                yield after, lines.split(b"\n")
            if len(page) < limit:
                return
            limit = _next_page(limit, sum(len(lines) for _, lines in page))

    async def verify(self, public_keys: Keys, *, witnessed: Iterable[Head] = ()) -> JournalReport:
        """Verify all chains, while processes write them and old events are removed.

        Args:
            public_keys: of checkpoints, by key id.
            witnessed: heads that were kept elsewhere.
        """
        witnessed = tuple(witnessed)
        report = await self._verify(public_keys, witnessed)
        # A removal between two reads of one chain looks like a change, but not when it is read again.
        return await self._verify(public_keys, witnessed) if report.problems else report

    async def _verify(self, public_keys: Keys, witnessed: Iterable[Head]) -> JournalReport:
        chains = await self._read(public_keys)
        return JournalReport(
            chains=len(chains),
            events=sum(chain.head.sequence - chain.first + 1 for chain in chains),
            unsigned=unsigned(chains),
            problems=tuple(verify(chains, witnessed)),
        )

    async def _read(self, public_keys: Keys) -> list[VerifiedChain]:
        """Read all chains, and then what was added meanwhile.

        A chain that is read later may name entries that followed the end of one that was read earlier.
        Heads that only the second reading finds may be later still, and are not compared.
        """
        reading: dict[str, _Reading] = {}
        await self._read_on(reading, public_keys)
        heads = {writer: list(each.chain.heads) for writer, each in reading.items()}
        await self._read_on(reading, public_keys)
        for writer, each in reading.items():
            each.chain.heads[:] = heads.get(writer, [])
        return [each.chain for each in reading.values()]

    async def _read_on(self, reading: dict[str, _Reading], public_keys: Keys) -> None:
        for writer in await self.writers():
            each = reading.setdefault(writer, _Reading(VerifiedChain(writer=writer, head=empty(writer))))
            async for position, entries in self.written(writer, after=each.position):
                for entry in entries:
                    each.chain.add(entry, public_keys)
                each.position = position


def _next_page(limit: int, size: int) -> int:
    """Return how many writes to read after `limit` writes that had `size` bytes."""
    return max(1, min(2 * limit, limit * _PAGE_BYTES // max(1, size), _PAGE))


@dataclass
class _Reading:
    """A chain that was read up to a position."""

    chain: VerifiedChain
    position: Position = START
