"""Facts about a client on the consent page that the client has not chosen itself (ID-9)."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.clients.use_by_people import UseByPeople
from auth_service.protocol.client import Client
from auth_service.protocol.look_alikes import looks_like, mixes_scripts
from auth_service.web.moments import ago
from shared.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts, in words.

    Attributes:
        looks_like: the well-known program with which the name can be confused.
    """

    registered: str
    used: str
    looks_like: str | None
    mixes_scripts: bool


@dataclass(frozen=True, kw_only=True)
class ConsentFacts:
    """Collects the facts about a client."""

    use: UseByPeople
    clock: Clock

    async def of(self, client: Client, subject: str) -> Facts:
        """Return the facts to show to the person with that `subject`."""
        return Facts(
            registered=ago(client.created_at, int(self.clock())),
            used=_used(await self.use.others(client, subject)),
            looks_like=looks_like(client.name),
            mixes_scripts=mixes_scripts(client.name),
        )


def _used(others: int) -> str:
    if others == 0:
        return "not used by anybody else here"
    return "used by one other person here" if others == 1 else f"used by {others} other people here"
