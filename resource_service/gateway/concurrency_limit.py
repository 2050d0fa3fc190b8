"""A limit on one person's concurrent exchanges, so that nobody can block the others."""

from __future__ import annotations

from contextlib import AbstractContextManager

from resource_service.gateway.errors import too_busy
from resource_service.principal import PersonKey, Principal


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
