"""A store that becomes unavailable at a chosen step."""

from __future__ import annotations

import inspect
from typing import Any

from shared.storage import NotReplicatedError, Store, StoreUnavailableError

NEVER = 1_000


class FailingStore:
    """A real store, unavailable from one of its calls on.

    Attributes:
        available: how many calls succeed before the outage.
        loses_answer: whether the first call of the outage does its work, and only its answer is lost.
        unreplicated: whether that call fails because no replica has confirmed it, and no other call fails.
        once: the lifetimes of the keys that `put_once` has marked, in seconds.
        made: the methods that were called since `fail_from`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fail_from(NEVER)
        self.once: dict[str, int] = {}

    def fail_from(self, available: int, *, loses_answer: bool = False, unreplicated: bool = False) -> None:
        self.available, self.loses_answer, self.unreplicated = available, loses_answer, unreplicated
        self.made: list[str] = []

    async def expire(self) -> None:
        """Let the marks of `put_once` expire."""
        for key in self.once:
            await self._store.delete(key)
        self.once.clear()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not inspect.iscoroutinefunction(method) and name not in ("get", "get_many"):
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            if name == "put_once":
                self.once[arguments[0]] = options["ttl_s"]
            step = len(self.made)
            self.made.append(name)
            if step < self.available or (self.unreplicated and step > self.available):
                return await method(*arguments, **options)
            if step == self.available and (self.loses_answer or self.unreplicated):
                await method(*arguments, **options)
            raise (NotReplicatedError if self.unreplicated else StoreUnavailableError)(f"step {step}")

        return call
