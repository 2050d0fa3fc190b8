"""Steps of one caller that take effect one after the other: in one exchange with the store, where it can.

A caller who lists a document and then checks what the document depends on must not check first. One
pipelined connection to Redis keeps that order, so that the steps need not wait for each other. With keys on
several nodes, with replicated writes, and in a file, each step begins when the one before it is acknowledged.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeAlias

from shared.storage.interface import Count, Store


@dataclass(frozen=True, slots=True)
class Create:
    """`Store.create`."""

    key: str
    value: bytes
    ttl_s: int | None

    def perform(self, store: Store) -> Awaitable[bool]:
        """Perform the step alone."""
        return store.create(self.key, self.value, ttl_s=self.ttl_s)


@dataclass(frozen=True, slots=True)
class Replace:
    """`Store.replace`."""

    key: str
    old: bytes
    new: bytes
    ttl_s: int | None

    def perform(self, store: Store) -> Awaitable[bool]:
        """Perform the step alone."""
        return store.replace(self.key, self.old, self.new, ttl_s=self.ttl_s)


@dataclass(frozen=True, slots=True)
class AddMember:
    """`Store.index_add`."""

    key: str
    member: str
    ttl_s: int | None

    def perform(self, store: Store) -> Awaitable[None]:
        """Perform the step alone."""
        return store.index_add(self.key, self.member, ttl_s=self.ttl_s)


@dataclass(frozen=True, slots=True)
class AddMemberWithin:
    """`Store.index_add_within`."""

    key: str
    member: str
    ttl_s: int | None
    limit: int

    def perform(self, store: Store) -> Awaitable[bool]:
        """Perform the step alone."""
        return store.index_add_within(self.key, self.member, ttl_s=self.ttl_s, limit=self.limit)


@dataclass(frozen=True, slots=True)
class CountUp:
    """`Store.count` of one."""

    key: str
    ttl_s: int
    limit: int

    def perform(self, store: Store) -> Awaitable[Count]:
        """Perform the step alone."""
        return store.count(self.key, ttl_s=self.ttl_s, limit=self.limit)


@dataclass(frozen=True, slots=True)
class ReadMany:
    """`Store.get_many` of at least one key."""

    keys: tuple[str, ...]

    def perform(self, store: Store) -> Awaitable[list[bytes | None]]:
        """Perform the step alone."""
        return store.get_many(self.keys)


Write: TypeAlias = Create | Replace | AddMember | AddMemberWithin | CountUp
Step: TypeAlias = Write | ReadMany


async def in_order(store: Store, *steps: Step) -> list[Any]:
    """Perform all steps, each after the ones before it took effect; return the result of each.

    A step that changes nothing (a key that exists, a set that is full) stops none of those after it.

    Raises:
        StoreUnavailableError: as from the first step that failed. Those before it took effect, as far as they
            could; it is unknown whether those after it did.
    """
    together = store.in_order(steps)
    if together is not None:
        return await together
    return [await step.perform(store) for step in steps]
