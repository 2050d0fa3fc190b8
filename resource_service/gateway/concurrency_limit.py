"""A limit on one person's concurrent exchanges, so that nobody can block the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager

from resource_service.gateway.errors import too_busy
from resource_service.limits.person_slots import PersonSlots
from resource_service.principal import PersonKey, Principal

PER_PRINCIPAL = "DOORWARD_UPSTREAM_CONNECTIONS_PER_PRINCIPAL"


class ConcurrencyLimit:
    """Counts each person's exchanges in progress, across all clients.

    Args:
        per_principal: the maximum number of concurrent exchanges.
        limit: the setting or constant that sets the maximum, as named in a refusal.
    """

    def __init__(self, per_principal: int, *, limit: str) -> None:
        self._per_principal = per_principal
        self._limit = limit
        self._under_way: dict[PersonKey, int] = {}

    def slot(self, principal: Principal) -> AbstractContextManager[None]:
        """Return a context that occupies one slot, from now on to its end: enter it at once.

        Raises:
            Refusal: the person has reached the limit.
        """
        person = principal.person
        under_way = self._under_way.get(person, 0)
        if under_way >= self._per_principal:
            raise too_busy(f"{principal.owner} has reached {self._limit}: {self._per_principal}")
        self._under_way[person] = under_way + 1
        return _Slot(self, person)

    def end(self, person: PersonKey) -> None:
        """Give back a slot."""
        left = self._under_way[person] - 1
        if left:
            self._under_way[person] = left
        else:
            del self._under_way[person]


class _Slot(AbstractContextManager[None]):
    """One occupied slot."""

    __slots__ = ("_limit", "_person")

    def __init__(self, limit: ConcurrencyLimit, person: PersonKey) -> None:
        self._limit = limit
        self._person = person

    def __exit__(self, *_: object) -> None:
        self._limit.end(self._person)


@asynccontextmanager
async def common_slot(slots: PersonSlots, principal: Principal) -> AsyncIterator[None]:
    """Occupy a slot of a person, over all processes, for the length of the context.

    Raises:
        Refusal: the person has reached the limit.
    """
    async with slots.slot(principal.person) as is_free:
        if not is_free:
            raise too_busy(f"{principal.owner} has reached {PER_PRINCIPAL}, over all processes")
        yield
