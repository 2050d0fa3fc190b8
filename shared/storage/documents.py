"""Typed documents over a store: read, created, deleted, and changed by compare-and-swap.

Knows nothing of OAuth. The caller passes in a pure rule that decides what a document becomes; the rule may
run several times, so it must have no side effects.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from shared.logs import get_logger
from shared.storage.interface import NotReplicatedError, Store, StoreUnavailableError
from shared.storage.json_codec import JsonCodec
from shared.storage.readings import LaterReading, Reading
from shared.storage.steps import Create, Replace

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_log = get_logger(__name__)

T = TypeVar("T", bound="DataclassInstance")
R = TypeVar("R")

MAX_ATTEMPTS = 100
FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.5
READ_AT_ONCE = 200


class Read(NamedTuple, Generic[T]):
    """A document and the bytes that it was decoded from."""

    document: T
    value: bytes


class Decision(NamedTuple, Generic[T, R]):
    """The result of applying a rule to a document.

    Attributes:
        document: the new document; None leaves it unchanged.
        result: the value that `Collection.update` returns once the document is written.
    """

    document: T | None
    result: R


@dataclass(frozen=True)
class Collection(Generic[T]):
    """The documents of one family of keys.

    Attributes:
        key: maps a document id to the store's key.
        codec: converts a document to bytes and back.
        ttl_s: seconds to keep a document from now on, None to keep it until deleted. Less than 1 counts as 1,
            the shortest lifetime of a store.
    """

    store: Store
    key: Callable[[str], str]
    codec: JsonCodec[T]
    ttl_s: Callable[[T], int | None]

    async def get(self, document_id: str) -> T | None:
        """Read a document; None if it does not exist."""
        return self.decoded(await self.store.get(self.key(document_id)))

    def reading(self, document_id: str) -> Reading[T | None]:
        """Return how to read a document together with others."""
        return Reading((self.key(document_id),), self.decoded)

    def decoded(self, value: bytes | None) -> T | None:
        """Decode the value of a key; None if it does not exist."""
        return None if value is None else self.codec.decode(value)

    async def read(self, document_id: str) -> Read[T] | None:
        """Read a document that may be changed afterwards; None if it does not exist."""
        value = await self.store.get(self.key(document_id))
        return None if value is None else Read(self.codec.decode(value), value)

    async def get_many(self, document_ids: Iterable[str]) -> list[T]:
        """Read the existing documents, in the order of their ids. Yields to other tasks in between."""
        ids, documents = list(document_ids), list[T]()
        for start in range(0, len(ids), READ_AT_ONCE):
            some = await asyncio.gather(*map(self.get, ids[start : start + READ_AT_ONCE]))
            documents += [document for document in some if document is not None]
            await asyncio.sleep(0)
        return documents

    async def create(self, document_id: str, document: T) -> bool:
        """Write a new document. Return False, without a change, if the id is taken."""
        return await self.store.create(
            self.key(document_id), self.codec.encode(document), ttl_s=self._lifetime(document)
        )

    def creation(self, document_id: str, document: T) -> Create:
        """Return `create` as a step, to be performed in order with others."""
        return Create(self.key(document_id), self.codec.encode(document), self._lifetime(document))

    async def delete(self, document_id: str) -> bool:
        """Delete a document. Returns True to exactly one of several concurrent callers."""
        return await self.store.delete(self.key(document_id))

    async def update(
        self,
        document_id: str,
        rule: Callable[[T], tuple[T | None, R]],
        *,
        before: Callable[[T], Awaitable[None]] | None = None,
        was: Read[T] | None = None,
        may_be_lost: bool = False,
        later: LaterReading[Any] | None = None,
    ) -> R | None:
        """Change a document by a rule, atomically: if another writer was faster, the rule runs again.

        Args:
            rule: pure; maps the current document to the new one.
            before: awaited with the new document before each attempt to write it; if it raises, nothing is
                written.
            was: the document as the caller has read it, which saves reading it. A decision to leave the
                document unchanged is only made about the current one.
            later: is done with each attempt to write the document.

        Returns:
            the result of the decision that was written; None if the document does not exist.

        Raises:
            NotReplicatedError: the change was written, but not confirmed by replicas in time.
            StoreUnavailableError: also if other writers were faster `MAX_ATTEMPTS` times.
        """
        key = self.key(document_id)
        for attempt in range(MAX_ATTEMPTS):
            old = was.value if was else await self.store.get(key)
            if old is None:
                return None
            current = self.codec.decode(old)
            document, result = rule(current)
            if document is None:
                if was is None and await self.store.confirm(key, old, ttl_s=self._lifetime(current)):
                    return result
                was = None
                continue
            was = None
            if before is not None:
                await before(document)
            if await self._replaced(key, old, document, may_be_lost=may_be_lost, later=later):
                return result
            await asyncio.sleep(_pause_s(attempt))
        raise StoreUnavailableError(f"{MAX_ATTEMPTS} attempts to change one document were overtaken")

    async def _replaced(
        self,
        key: str,
        old: bytes,
        document: T,
        *,
        may_be_lost: bool,
        later: LaterReading[Any] | None,
    ) -> bool:
        step = Replace(key, old, self.codec.encode(document, replacing=old), self._lifetime(document))
        try:
            if later is not None:
                return bool(await later.read_after(self.store, step))
            return await step.perform(self.store)
        except NotReplicatedError as error:
            if not may_be_lost:
                raise
            _log.warning("a write was acknowledged without its replicas", reason=str(error))
            return True

    def _lifetime(self, document: T) -> int | None:
        ttl_s = self.ttl_s(document)
        return None if ttl_s is None else max(1, ttl_s)


def _pause_s(attempt: int) -> float:
    """Longer and more random with each lost attempt: writers in step would only collide again."""
    return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt))  # noqa: S311 -- not a secret
