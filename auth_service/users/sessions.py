"""Login sessions: a random secret in the browser, its digest in the store."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.crypto.secrets import digest, new_id, new_secret
from auth_service.protocol.grant import Owner
from auth_service.protocol.interaction import Login
from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec
from auth_service.users.repository import User
from shared.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Times are seconds since 1970.

    Attributes:
        session_id: names it; authenticates nothing.
        key: what it is kept under, the digest of its secret; authenticates nothing either.
    """

    session_id: str
    subject: str
    username: str
    auth_time: int
    expires_at: int
    key: str = ""

    @property
    def login(self) -> Login:
        """Who is at the browser, as the rules see it."""
        return Login(self.subject, self.session_id, self.auth_time)

    @property
    def owner(self) -> Owner:
        """Who grants what is granted in this session."""
        return Owner(
            subject=self.subject,
            username=self.username,
            session_id=self.session_id,
            auth_time=self.auth_time,
            session_key=self.key or None,
        )


class SessionRepository:
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
        key = digest(secret)
        session = Session(
            session_id=new_id(),
            subject=user.subject,
            username=user.username,
            auth_time=now,
            expires_at=now + self._ttl_s,
            key=key,
        )
        # Listed before it exists: whoever ends all sessions of a subject must never miss one that works.
        await self._store.index_add(keys.subject_sessions(user.subject), key, ttl_s=self._ttl_s)
        await self._sessions.create(key, session)
        return secret, session

    async def find(self, secret: str | None) -> Session | None:
        """The session that `secret` opens, if it lives."""
        return await self._find(digest(secret)) if secret else None

    async def lives(self, key: str | None) -> bool:
        """Whether the session kept under `key` has neither ended nor expired.

        True for None: a grant from before sessions were noted, or one that no session gave.
        """
        return key is None or await self._find(key) is not None

    async def _find(self, key: str) -> Session | None:
        session = await self._sessions.get(key)
        if session is None or session.expires_at <= self._clock():
            return None
        return replace(session, key=key)

    async def end(self, secret: str | None) -> None:
        """End the session that `secret` opens, if there is one."""
        session = await self.find(secret)
        if secret and session:
            await self._sessions.delete(digest(secret))
            await self._store.index_remove(keys.subject_sessions(session.subject), digest(secret))

    async def end_all(self, subject: str, *, but: Session | None = None) -> None:
        """End every session of `subject`, except `but`."""
        index = keys.subject_sessions(subject)
        for key in await self._store.index_list(index):
            if but is None or key != but.key:
                await self._sessions.delete(key)
                await self._store.index_remove(index, key)
