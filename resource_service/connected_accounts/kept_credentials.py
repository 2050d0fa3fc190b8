"""A store for credentials in memory, by grant and resource, with a maximum size. It uses no clock."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from resource_service.connected_accounts.answers import Credential
from resource_service.principal import Principal

MAX_KEPT = 10_000

Key = tuple[str, str]
"""Grant and resource."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A credential, and until when it may be used, on the clock of the caller."""

    credential: Credential
    principal: Principal = field(repr=False)
    until: float


class KeptCredentials:
    """The most recently used credentials."""

    def __init__(self, *, at_most: int = MAX_KEPT) -> None:
        self._at_most = at_most
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._by_grant: defaultdict[str, set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Key, now: float) -> Credential | None:
        """Return a credential; None if it is missing or has expired."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now >= kept.until:
            self.forget(key)
            return None
        self._kept.move_to_end(key)
        return kept.credential

    def keep(self, key: Key, kept: Kept) -> None:
        """Store a credential, replacing the previous one."""
        self.forget(key)
        self._kept[key] = kept
        for grant_id in kept.principal.grants:
            self._by_grant[grant_id].add(key)
        if len(self._kept) > self._at_most:
            self.forget(next(iter(self._kept)))

    def forget_grant(self, grant_id: str) -> None:
        """Drop every credential that was requested with this grant."""
        for key in tuple(self._by_grant.get(grant_id, ())):
            self.forget(key)

    def forget_if(self, concerned: Callable[[Key, Kept], bool]) -> None:
        """Drop the credentials that are concerned."""
        for key in [key for key, kept in self._kept.items() if concerned(key, kept)]:
            self.forget(key)

    def clear(self) -> None:
        """Drop every credential."""
        self._kept.clear()
        self._by_grant.clear()

    def forget(self, key: Key) -> None:
        """Drop a credential."""
        kept = self._kept.pop(key, None)
        for grant_id in kept.principal.grants if kept else ():
            keys = self._by_grant[grant_id]
            keys.discard(key)
            if not keys:
                del self._by_grant[grant_id]
