"""The owners of an upstream's MCP sessions (RS-8): bounded, and forgotten when idle."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from resource_service.principal import PersonKey, Principal, PrincipalKey, person_of


@dataclass(slots=True)
class _Session:
    owner: PrincipalKey
    used_at: float
    in_use: int = 0


class SessionOwners:
    """Maps session ids to owners, the least recently used first.

    Args:
        idle_s: how long an unused session is remembered; a session in use is never idle.
        max_sessions: above this, the least recently used session is forgotten.
        monotonic: a monotonic clock in seconds.
    """

    def __init__(self, *, idle_s: float, max_sessions: int, monotonic: Callable[[], float]) -> None:
        self._idle_s = idle_s
        self._max_sessions = max_sessions
        self._monotonic = monotonic
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def bind(self, session_id: str, principal: Principal) -> bool:
        """Bind a new session to `principal`; return False if it already belongs to another principal."""
        self._forget_idle()
        session = self._sessions.get(session_id)
        if session is not None:
            return session.owner == principal.key
        if len(self._sessions) >= self._max_sessions:
            self._make_room(principal.person)
        self._sessions[session_id] = _Session(principal.key, self._monotonic())
        return True

    def owned(self, session_id: str, principal: Principal) -> bool:
        """Check whether the session is known and belongs to `principal`."""
        self._forget_idle()
        session = self._sessions.get(session_id)
        return session is not None and session.owner == principal.key

    @contextmanager
    def in_use(self, session_id: str) -> Iterator[None]:
        """Keep a session for the length of the context, which counts as a use."""
        session = self._sessions[session_id]
        session.in_use += 1
        self._touch(session_id, session)
        try:
            yield
        finally:
            session.in_use -= 1
            self._touch(session_id, session)

    def forget(self, session_id: str) -> None:
        """Forget a session that the upstream has ended."""
        self._sessions.pop(session_id, None)

    def _forget_idle(self) -> None:
        """Forget idle sessions, from the front up to the first recently used one."""
        before = self._monotonic() - self._idle_s
        while self._sessions:
            session_id, session = next(iter(self._sessions.items()))
            if session.used_at >= before:
                return
            if session.in_use:
                self._touch(session_id, session)
            else:
                del self._sessions[session_id]

    def _touch(self, session_id: str, session: _Session) -> None:
        session.used_at = self._monotonic()
        if self._sessions.get(session_id) is session:
            self._sessions.move_to_end(session_id)

    def _make_room(self, newcomer: PersonKey) -> None:
        """Forget a session of the person with the most sessions, across all clients (RS-16)."""
        counts = Counter([newcomer, *(person_of(session.owner) for session in self._sessions.values())])
        crowder = max(counts, key=lambda person: (counts[person], person == newcomer))
        theirs = [name for name, session in self._sessions.items() if person_of(session.owner) == crowder]
        candidates = theirs or list(self._sessions)
        unused = [name for name in candidates if not self._sessions[name].in_use]
        del self._sessions[(unused or candidates)[0]]
