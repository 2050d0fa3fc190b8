"""The interface to the access rules: what the people who give grants may hold (ID-3, ID-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from auth_service.protocol.grant import Grant

Narrow: TypeAlias = Callable[[Grant], Grant | None]
"""Returns a grant with what its person may still hold; None if nothing remains."""


class StoredRules(NamedTuple):
    """The access rules in the store; None if there are none."""

    value: bytes | None


class Permissions(Protocol):
    """Decides what a person may hold, by the access rules and the facts about the person."""

    @property
    def rules_key(self) -> str:
        """The key of the access rules in the store, to read them together with a grant."""
        ...

    def is_unrestricted(self, grant: Grant, rules: StoredRules) -> bool:
        """Check whether `permitted` returns the grant as it is, without reading anything."""
        ...

    async def permitted(self, grant: Grant, rules: StoredRules | None = None) -> Grant | None:
        """Return the grant, limited to what its person may hold now; None if nothing remains.

        Args:
            rules: the access rules, as they were read together with the grant; None to read them.
        """
        ...

    async def narrowing(self, grant: Grant, rules: StoredRules | None = None) -> Narrow:
        """Return the decision of `permitted` as a pure function, for any later state of the grant."""
        ...

    async def groups_for(self, grant: Grant) -> tuple[str, ...]:
        """Return the groups of the grant's person that the access rules name for its resource."""
        ...

    async def groups_of(self, subject: str) -> tuple[str, ...]:
        """Return all groups of a person, named as in access rules."""
        ...

    async def renew(self, grant: Grant) -> bool:
        """Renew the person's groups from the identity provider, if that is due.

        Returns:
            whether this took time, so that access rules read before must be read again.
        """
        ...
