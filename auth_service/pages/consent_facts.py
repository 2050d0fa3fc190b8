"""Facts about a client on the consent page that the client has not chosen itself (ID-9)."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.clients.repository import ClientRepository
from auth_service.clients.use_by_people import UseByPeople
from auth_service.clients.used_names import UsedNames
from auth_service.protocol.client import Client
from auth_service.protocol.look_alikes import looks_like, mixes_scripts
from auth_service.protocol.software import places
from auth_service.web.moments import ago
from shared.clock import Clock
from shared.storage.interface import Store
from shared.texts import Text, plural_text

MAX_PLACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts, in words.

    Attributes:
        looks_like: the well-known program with which the name can be confused.
        similar: where the other client with nearly the same name sends people; empty if there is none.
    """

    registered: str
    used: str
    looks_like: str | None
    mixes_scripts: bool
    similar: str


@dataclass(frozen=True, kw_only=True)
class ConsentFacts:
    """Collects the facts about a client."""

    use: UseByPeople
    names: UsedNames
    clock: Clock

    @classmethod
    def of_store(cls, store: Store, clients: ClientRepository, clock: Clock) -> ConsentFacts:
        """Return the facts about the clients in `store`."""
        use = UseByPeople(store)
        return cls(use=use, names=UsedNames(store, clients, use), clock=clock)

    async def of(self, client: Client, subject: str) -> Facts:
        """Return the facts to show to the person with that `subject`."""
        return Facts(
            registered=ago(client.created_at, int(self.clock())),
            used=_used(await self.use.others(client, subject)),
            looks_like=looks_like(client.name),
            mixes_scripts=mixes_scripts(client.name),
            similar=_place(await self.names.similar(client)),
        )

    async def record_use(self, client: Client, subject: str) -> None:
        """Record that the person allowed the client access."""
        await self.use.record(client, subject)
        await self.names.record(client)


def _place(other: Client | None) -> str:
    """Return the domain of a client, or the hosts that its responses go to."""
    return "" if other is None else other.domain or ", ".join(places(other)[:MAX_PLACES])


def _used(others: int) -> Text:
    if others == 0:
        return Text("not used by anybody else here")
    return plural_text("used by one other person here", "used by %(count)s other people here", others)
