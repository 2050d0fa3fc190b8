"""Login sessions: a random secret in the browser, its digest in the store."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.crypto.secrets import digest, new_id, new_secret
from auth_service.identity.users import User
from auth_service.protocol.grant import Owner
from auth_service.protocol.interaction import Login
from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Session:
    """Times are seconds since 1970.

    Attributes:
        session_id: names it; authenticates nothing.
    """

    session_id: str
    subject: str
    username: str
    auth_time: int
    expires_at: int

    @property
    def login(self) -> Login:
        """Who is at the browser, as the rules see it."""
        return Login(self.subject, self.session_id, self.auth_time)

    @property
    def owner(self) -> Owner:
        """Who grants what is granted in this session."""
        return Owner(self.subject, self.username, self.session_id, self.auth_time)


class Sessions:
    """The sessions in a store."""

    def __init__(self, store: Store, clock: Clock, ttl_s: int) -> None:
        self._store = store
        self._clock = clock
        self._ttl_s = ttl_s
        self._sessions = Collection(store, keys.session, JsonCodec(Session), self._remaining)

    def _remaining(self, session: Session) -> int:
        return max(1, session.expires_at - int(self._clock()))

    async def begin(self, user: User) -> tuple[str, Session]:
        """A new session after a login, with a new secret (AS-23: never the one from before it)."""
        secret, now = new_secret(), int(self._clock())
        session = Session(new_id(), user.subject, user.username, now, now + self._ttl_s)
        # Listed before it exists: whoever ends all sessions of a subject must never miss one that works.
        await self._store.index_add(keys.subject_sessions(user.subject), digest(secret), ttl_s=self._ttl_s)
        await self._sessions.create(digest(secret), session)
        return secret, session

    async def find(self, secret: str | None) -> Session | None:
        """The session that `secret` opens, if it lives."""
        session = await self._sessions.get(digest(secret)) if secret else None
        return session if session and session.expires_at > self._clock() else None

    async def end(self, secret: str | None) -> None:
        """End the session that `secret` opens, if there is one."""
        session = await self.find(secret)
        if secret and session:
            await self._sessions.delete(digest(secret))
            await self._store.index_remove(keys.subject_sessions(session.subject), digest(secret))

    async def end_all(self, subject: str) -> None:
        """End every session of `subject`."""
        index = keys.subject_sessions(subject)
        for hashed in await self._store.index_list(index):
            await self._sessions.delete(hashed)
            await self._store.index_remove(index, hashed)
