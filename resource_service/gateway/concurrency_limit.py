"""A limit on one person's concurrent exchanges, so that nobody can block the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from resource_service.gateway.errors import too_busy
from resource_service.principal import PersonKey, Principal, person_of


class ConcurrencyLimit:
    """Counts each person's exchanges in progress, across all clients.

    Args:
        per_principal: the maximum number of concurrent exchanges.
        limit: the setting or constant that sets the maximum, as named in a refusal.
    """

    def __init__(self, per_principal: int, *, limit: str) -> None:
        self._per_principal = per_principal
        self._limit = limit
        self._under_way: Counter[PersonKey] = Counter()

    @contextmanager
    def slot(self, principal: Principal) -> Iterator[None]:
        """Occupy one slot for the length of the context.

        Raises:
            Refusal: the person has reached the limit.
        """
        person = person_of(principal.key)
        if self._under_way[person] >= self._per_principal:
            raise too_busy(f"{principal.owner} has reached {self._limit}: {self._per_principal}")
        self._under_way[person] += 1
        try:
            yield
        finally:
            self._under_way -= Counter([person])
