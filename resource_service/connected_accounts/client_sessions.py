"""MCP sessions that this service opens for clients before their account is connected.

They are in memory, bounded, and belong to a principal. As soon as the account is connected, such a session
continues as one of the upstream.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resource_service.person_links import opens_links
from resource_service.principal import Principal, PrincipalKey

MAX_SESSIONS = 2_000
MAX_PER_PRINCIPAL = 50
MAX_LINK_CLIENTS = 10_000


@dataclass(slots=True, eq=False, kw_only=True)
class ClientSession:
    """A session that a client opened with this service.

    Attributes:
        params: of its `initialize`.
        revision: of MCP, as this service answered.
        upstream_id: the session of the upstream, once it is open; None if the upstream has no sessions.
        offered: the capabilities of the upstream, once it is open; empty if they are too large to be kept.
    """

    owner: PrincipalKey
    params: Mapping[str, Any]
    revision: str
    is_open: bool = False
    upstream_id: bytes | None = None
    offered: Mapping[str, Any] | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClientSessions:
    """The sessions of one resource, the least recently used first."""

    def __init__(self, *, at_most: int = MAX_SESSIONS, per_principal: int = MAX_PER_PRINCIPAL) -> None:
        self._at_most = at_most
        self._per_principal = per_principal
        self._sessions: OrderedDict[str, ClientSession] = OrderedDict()
        self._link_clients: OrderedDict[tuple[PrincipalKey, str], bool] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def create(self, principal: Principal, params: Mapping[str, Any], revision: str) -> str:
        """Create a session, and return its id."""
        theirs = [name for name, session in self._sessions.items() if session.owner == principal.key]
        if len(theirs) >= self._per_principal:
            del self._sessions[theirs[0]]
        elif len(self._sessions) >= self._at_most:
            self._sessions.popitem(last=False)
        session_id = f"doorward-{secrets.token_urlsafe(24)}"
        self._sessions[session_id] = ClientSession(owner=principal.key, params=params, revision=revision)
        return session_id

    def find(self, session_id: str | None, principal: Principal) -> ClientSession | None:
        """Return a session of `principal`; None if there is none with this id."""
        session = self._sessions.get(session_id or "")
        if session is None or session.owner != principal.key:
            return None
        self._sessions.move_to_end(session_id or "")
        return session

    def forget(self, session_id: str) -> None:
        """Forget a session that has ended."""
        self._sessions.pop(session_id, None)

    def note_upstream(self, session_id: str, principal: Principal, params: Mapping[str, Any]) -> None:
        """Remember whether the client of a session of the upstream opens links.

        Args:
            params: of its `initialize`.
        """
        self._link_clients[(principal.key, session_id)] = opens_links(params.get("capabilities"))
        if len(self._link_clients) > MAX_LINK_CLIENTS:
            self._link_clients.popitem(last=False)

    def is_of_upstream(self, session_id: str | None, principal: Principal) -> bool:
        """Whether this is the id of a session that `principal` opened with the upstream."""
        return (principal.key, session_id or "") in self._link_clients

    def opens_links(self, session_id: str | None, principal: Principal) -> bool:
        """Whether the client of a session opens links."""
        session = self.find(session_id, principal)
        if session is not None:
            return opens_links(session.params.get("capabilities"))
        return self._link_clients.get((principal.key, session_id or ""), False)
