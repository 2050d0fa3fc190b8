"""A new authorization request: counted, with its client and the session of its browser."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.clients.client_resolver import ClientResolver
from auth_service.clients.repository import ClientRepository
from auth_service.protocol.cimd import names_document
from auth_service.protocol.client import Client
from auth_service.protocol.parameters import Parameters
from auth_service.rate_limits import Throttle
from auth_service.users.sessions import Session, SessionRepository
from shared.storage.interface import Store
from shared.storage.readings import ReadingAhead


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A counted request.

    Attributes:
        client: None if it is not registered.
        session: of its browser; None if there is none, or it is not read yet.
        secret: of that session.
    """

    client: Client | None
    session: Session | None
    is_session_read: bool
    origin: str
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Counts requests, and reads client and session in the same exchange where the store allows.

    Attributes:
        throttle: limits the requests of each network.
        kept_throttle: limits those that are kept, for a page or because they were pushed.
    """

    store: Store
    clients: ClientRepository
    client_resolver: ClientResolver
    sessions: SessionRepository
    throttle: Throttle
    kept_throttle: Throttle

    async def of(self, parameters: Parameters, *, origin: str, secret: str | None) -> Arrival:
        """Count a request of the network `origin`, whose browser has the session with `secret`.

        Raises:
            OAuthError: the request exceeds a limit, or does not name a client that can be resolved.
        """
        client_id = parameters.get("client_id") or ""
        # Not beside a client whose document may be fetched: the session might end in the meantime.
        if names_document(client_id):
            return await self._one_by_one(parameters, origin, secret)
        with ReadingAhead(
            self.store, self.clients.reading(client_id), self.sessions.finding(secret)
        ) as ahead:
            await self.throttle.attempt(origin)
            parameters.require("client_id")
            client, session = await ahead.results()
        return Arrival(client=client, session=session, is_session_read=True, origin=origin, secret=secret)

    async def session_of(self, arrival: Arrival) -> Session | None:
        """Return the session of the browser of a request."""
        return arrival.session if arrival.is_session_read else await self.sessions.find(arrival.secret)

    async def count_kept(self, origin: str) -> None:
        """Count a request of the network `origin` that is about to be kept.

        Pending requests last half an hour: their number per network is limited, not only their rate.

        Raises:
            SlowDownError: the network has too many.
        """
        await self.kept_throttle.attempt(origin)

    async def _one_by_one(self, parameters: Parameters, origin: str, secret: str | None) -> Arrival:
        await self.throttle.attempt(origin)
        client = await self.client_resolver.resolve_for_authorization(parameters.require("client_id"), origin)
        return Arrival(client=client, session=None, is_session_read=False, origin=origin, secret=secret)
