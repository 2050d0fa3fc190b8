"""The interface to the access rules: what the people who give grants may hold (ID-3, ID-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from auth_service.protocol.grant import Grant

Narrow: TypeAlias = Callable[[Grant], Grant | None]
"""Returns a grant with what its person may still hold; None if nothing remains."""


class Permissions(Protocol):
    """Decides what a person may hold, by the access rules and the facts about the person."""

    async def permitted(self, grant: Grant) -> Grant | None:
        """Return the grant, limited to what its person may hold now; None if nothing remains."""
        ...

    async def narrowing(self, grant: Grant) -> Narrow:
        """Return the decision of `permitted` as a pure function, for any later state of the grant."""
        ...

    async def groups_for(self, grant: Grant) -> tuple[str, ...]:
        """Return the groups of the grant's person that the access rules name for its resource."""
        ...

    async def renew(self, grant: Grant) -> None:
        """Renew the person's groups from the identity provider, if that is due."""
        ...
