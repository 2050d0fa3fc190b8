"""How much one principal may have under way at once, so that nobody keeps the others out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from resource_service.gateway.refusals import too_busy
from resource_service.principal import Principal, PrincipalKey


class FairShare:
    """Counts what each principal has under way.

    Args:
        per_principal: the most of it, at once.
    """

    def __init__(self, per_principal: int) -> None:
        self._per_principal = per_principal
        self._under_way: Counter[PrincipalKey] = Counter()

    @contextmanager
    def one_of(self, principal: Principal) -> Iterator[None]:
        """One more, for the length of the context.

        Raises:
            Refusal: `principal` has as many as one may have.
        """
        if self._under_way[principal.key] >= self._per_principal:
            raise too_busy(f"{principal.owner} has {self._per_principal} exchanges under way")
        self._under_way[principal.key] += 1
        try:
            yield
        finally:
            self._under_way -= Counter([principal.key])
