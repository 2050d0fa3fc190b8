"""The sessions of clients (MCP 2025-11-25) at the joined URL, and those of the mounts in them.

They are in memory, bounded, and belong to a principal.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resource_service.connected_accounts.request_account import AccountUse
from resource_service.messages.request_ids import key_of
from resource_service.notifier import Notifier
from resource_service.principal import Principal, PrincipalKey

MAX_SESSIONS = 2_000
MAX_PER_PRINCIPAL = 50
MAX_REQUESTS = 1_000
"""Requests of a session whose mounts are remembered: streams with their answers may be resumed."""

MAX_KEY = 256
"""Characters of an id that is remembered as it is."""

Key = tuple[str, object]


@dataclass(slots=True, eq=False, kw_only=True)
class Part:
    """The session of one mount in a client's session.

    Attributes:
        session_id: None if the mount has no sessions, or none is open.
        revision: of MCP, as the mount answered.
        introduction: the result of its `initialize`; None while it is not open.
        account: the account with which it was opened.
        retry_at: when to try again after a failure, in monotonic seconds.
        failure: why it could not be opened.
    """

    session_id: bytes | None = None
    revision: str = ""
    introduction: Mapping[str, Any] | None = None
    account: AccountUse = field(default_factory=AccountUse)
    retry_at: float = float("-inf")
    failure: str = ""
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_open(self) -> bool:
        """Whether the mount has accepted `initialize`."""
        return self.introduction is not None

    def close(self) -> None:
        """Note that the mount no longer has the session."""
        self.session_id = self.introduction = None


class SentKeys:
    """The mounts to which ids or progress tokens were sent, the oldest forgotten first."""

    def __init__(self) -> None:
        self._mounts: OrderedDict[Key, str] = OrderedDict()

    def note(self, sent: object, mount: str) -> None:
        """Remember that `sent` was sent to `mount`."""
        key = _bounded(key_of(sent))
        self._mounts[key] = mount
        self._mounts.move_to_end(key)
        if len(self._mounts) > MAX_REQUESTS:
            self._mounts.popitem(last=False)

    def mount_of(self, key: Key) -> str | None:
        """Return the mount that it was sent to."""
        return self._mounts.get(_bounded(key))


def _bounded(key: Key) -> Key:
    """Return a digest in place of a long text: a client may choose ids of the size of a request."""
    kind, value = key
    if not isinstance(value, str) or len(value) <= MAX_KEY:
        return key
    return kind, hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


@dataclass(slots=True, eq=False, kw_only=True)
class JoinedSession:
    """A session of a client.

    Attributes:
        params: of its `initialize`.
        revision: of MCP, as this service answered.
        parts: by mount.
        requests: the ids of the client's requests; `tokens` its progress tokens.
        level: the parameters of its last ``logging/setLevel``.
        opened: notifies about a part that was opened.
    """

    session_id: str
    owner: PrincipalKey
    params: Mapping[str, Any]
    revision: str
    parts: dict[str, Part] = field(default_factory=dict)
    requests: SentKeys = field(default_factory=SentKeys)
    tokens: SentKeys = field(default_factory=SentKeys)
    level: Mapping[str, Any] | None = None
    opened: Notifier = field(default_factory=Notifier)

    def part(self, mount: str) -> Part:
        """Return the part of a mount, which may not be open."""
        return self.parts.setdefault(mount, Part())


class JoinedSessions:
    """The sessions of all clients, the least recently used first."""

    def __init__(self, *, at_most: int = MAX_SESSIONS, per_principal: int = MAX_PER_PRINCIPAL) -> None:
        self._at_most = at_most
        self._per_principal = per_principal
        self._sessions: OrderedDict[str, JoinedSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def create(self, principal: Principal, params: Mapping[str, Any], revision: str) -> JoinedSession:
        """Create a session."""
        theirs = [name for name, session in self._sessions.items() if session.owner == principal.key]
        if len(theirs) >= self._per_principal:
            del self._sessions[theirs[0]]
        elif len(self._sessions) >= self._at_most:
            self._sessions.popitem(last=False)
        session = JoinedSession(
            session_id=f"joined-{secrets.token_urlsafe(24)}",
            owner=principal.key,
            params=params,
            revision=revision,
        )
        self._sessions[session.session_id] = session
        return session

    def find(self, session_id: str, principal: Principal) -> JoinedSession | None:
        """Return a session of `principal`; None if there is none with this id."""
        session = self._sessions.get(session_id)
        if session is None or session.owner != principal.key:
            return None
        self._sessions.move_to_end(session_id)
        return session

    def forget(self, session: JoinedSession) -> None:
        """Forget a session that has ended."""
        self._sessions.pop(session.session_id, None)
