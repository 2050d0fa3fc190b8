"""Logout: ends a session and notifies clients (OpenID Connect Back-Channel Logout)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import anyio

from auth_service.clients.repository import ClientRepository
from auth_service.crypto.secrets import new_id
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.fetching import Fetcher, FetchError
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.client import Client
from auth_service.protocol.logout import TOKEN_TYPE, logout_token_claims
from auth_service.users.client_subjects import ClientSubjects
from auth_service.users.sessions import Session, SessionRepository
from shared.clock import Clock
from shared.encoded_text import encoded
from shared.logs import get_logger

_log = get_logger(__name__)
LONGEST_S = 10


@dataclass(frozen=True, kw_only=True)
class Logout:
    """Ends sessions and notifies the clients that took part in them."""

    sessions: SessionRepository
    grants: GrantRepository
    clients: ClientRepository
    subjects: ClientSubjects
    signing_keys: SigningKeys
    fetcher: Fetcher
    issuer: str
    clock: Clock

    async def end_session(self, secret: str | None, session: Session) -> list[Client]:
        """End a session and the grants limited to it; return the clients to notify.

        Grants with a refresh token outlive the session: a person who logs out of a browser does not mean to
        disconnect the programs they have connected. The account page does that.
        """
        await self.sessions.end(secret)
        return await self._end_grants(session)

    async def end_other(self, session: Session) -> list[Client]:
        """End a session in another browser, without its secret, as `end_session` does."""
        session_id = session.session_id
        await self.sessions.end_those(session.subject, lambda other: other.session_id == session_id)
        return await self._end_grants(session)

    async def _end_grants(self, session: Session) -> list[Client]:
        in_session = [
            g for g in await self.grants.of_subject(session.subject) if g.session_id == session.session_id
        ]
        for grant in in_session:
            if not grant.refreshable:
                await self.grants.revoke(grant.grant_id, "the user logged out")
        _log.info(
            "logout",
            subject=session.subject,
            username=encoded(session.username),
            session_id=session.session_id,
        )
        clients = [
            await self.clients.get(client_id) for client_id in dict.fromkeys(g.client_id for g in in_session)
        ]
        return [client for client in clients if client and client.metadata.get("backchannel_logout_uri")]

    async def notify_clients(self, clients: list[Client], session: Session) -> None:
        """Notify clients concurrently, within a bounded time; an unresponsive client delays no other."""
        with anyio.move_on_after(LONGEST_S):
            async with anyio.create_task_group() as tasks:
                for client in clients:
                    tasks.start_soon(self._tell, client, session)

    async def _tell(self, client: Client, session: Session) -> None:
        client_subject = await self.subjects.client_subject(
            client.sector, session.subject, session.session_id
        )
        now = int(self.clock())
        claims = logout_token_claims(self.issuer, client.client_id, client_subject, now=now, jti=new_id())
        token = await self.signing_keys.sign(claims, typ=TOKEN_TYPE, alg=client.id_token_alg)
        body = urlencode({"logout_token": token}).encode()
        url = str(client.metadata["backchannel_logout_uri"])
        try:
            await self.fetcher.post(url, body, "application/x-www-form-urlencoded")
        except FetchError as error:
            _log.warning("logout not delivered", client_id=client.client_id, reason=str(error))
