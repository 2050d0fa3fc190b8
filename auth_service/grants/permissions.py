"""What grants ask about the people who give them; `access` answers (ID-3, ID-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from auth_service.protocol.grant import Grant

Narrow: TypeAlias = Callable[[Grant], Grant | None]
"""Returns a grant with what its person may still hold; None if nothing remains."""


class Permissions(Protocol):
    """The decision what a person may hold, by the access rules and what is known about the person."""

    async def permitted(self, grant: Grant) -> Grant | None:
        """Return the grant with what its person may hold now; None if nothing of it remains."""
        ...

    async def narrowing(self, grant: Grant) -> Narrow:
        """Return the same decision as a pure function, for any later state of the grant."""
        ...

    async def renew(self, grant: Grant) -> None:
        """Learn what the decision depends on from the person's identity provider, if that is due."""
        ...
