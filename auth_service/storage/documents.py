"""Typed documents over a store: read, created, deleted, and changed by compare-and-swap.

Knows nothing of OAuth. What a document becomes is decided by a pure rule that the caller hands in; the rule
may run several times, so it must do nothing but decide.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from auth_service.storage.interface import Store, StoreUnavailableError
from auth_service.storage.json_codec import JsonCodec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
R = TypeVar("R")

MAX_ATTEMPTS = 100
FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.5
READ_AT_ONCE = 200


class Decision(NamedTuple, Generic[T, R]):
    """What a rule makes of a document.

    Attributes:
        document: the document from now on; None leaves it as it is.
        result: what `Collection.update` returns once the document is written.
    """

    document: T | None
    result: R


@dataclass(frozen=True)
class Collection(Generic[T]):
    """The documents of one family of keys.

    Attributes:
        key: the store's key of the document with an id.
        codec: how a document is kept as bytes.
        ttl_s: seconds that a document is kept from now on, None for until deleted. Less than 1 counts as 1,
            the shortest life a store can give.
    """

    store: Store
    key: Callable[[str], str]
    codec: JsonCodec[T]
    ttl_s: Callable[[T], int | None]

    async def get(self, document_id: str) -> T | None:
        """Read a document; None where there is none."""
        value = await self.store.get(self.key(document_id))
        return None if value is None else self.codec.decode(value)

    async def get_many(self, document_ids: Iterable[str]) -> list[T]:
        """Read documents, those that there are, in the order asked for. Lets others have a turn meanwhile."""
        ids, documents = list(document_ids), list[T]()
        for start in range(0, len(ids), READ_AT_ONCE):
            some = await asyncio.gather(*map(self.get, ids[start : start + READ_AT_ONCE]))
            documents += [document for document in some if document is not None]
            await asyncio.sleep(0)
        return documents

    async def create(self, document_id: str, document: T) -> bool:
        """Write a new document. False, and no change, where the id is taken."""
        return await self.store.create(
            self.key(document_id), self.codec.encode(document), ttl_s=self._lifetime(document)
        )

    async def delete(self, document_id: str) -> bool:
        """Remove a document. True to exactly one of several concurrent callers."""
        return await self.store.delete(self.key(document_id))

    async def update(
        self,
        document_id: str,
        rule: Callable[[T], tuple[T | None, R]],
        *,
        before: Callable[[T], Awaitable[None]] | None = None,
    ) -> R | None:
        """Change a document by a rule, atomically: where another writer was faster, the rule runs again.

        Args:
            rule: pure; given the document as it is now, decides what it becomes.
            before: awaited with what the document is about to become, before each attempt to write that;
                where it raises, nothing is written.

        Returns:
            the result of the decision that was written; None where there is no document.

        Raises:
            StoreUnavailableError: also where other writers were faster `MAX_ATTEMPTS` times.
        """
        key = self.key(document_id)
        for attempt in range(MAX_ATTEMPTS):
            old = await self.store.get(key)
            if old is None:
                return None
            document, result = rule(self.codec.decode(old))
            if document is None:
                return result
            if before is not None:
                await before(document)
            if await self._replaced(key, old, document):
                return result
            await asyncio.sleep(_pause_s(attempt))
        raise StoreUnavailableError(f"{MAX_ATTEMPTS} attempts to change one document were overtaken")

    async def _replaced(self, key: str, old: bytes, document: T) -> bool:
        new = self.codec.encode(document, replacing=old)
        return await self.store.replace(key, old, new, ttl_s=self._lifetime(document))

    def _lifetime(self, document: T) -> int | None:
        ttl_s = self.ttl_s(document)
        return None if ttl_s is None else max(1, ttl_s)


def _pause_s(attempt: int) -> float:
    """Longer and more spread the more often we lost: rivals in step would only collide again."""
    return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt))  # noqa: S311 -- not a secret
