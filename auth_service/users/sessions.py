"""Login sessions: a random secret in the browser, its digest in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auth_service.crypto.secrets import digest, new_id
from auth_service.protocol.claims_request import ACR_MFA, ACR_PASSWORD
from auth_service.protocol.interaction import Login
from auth_service.protocol.owner import Owner
from auth_service.protocol.request_source import RequestSource
from auth_service.protocol.second_factor import acr_of
from auth_service.storage import keys
from auth_service.users.repository import User
from shared.clock import Clock
from shared.replacing import replace
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import READ_OFTEN, JsonCodec
from shared.storage.readings import NOTHING, Reading
from shared.storage.revocation_log import record_in

SEEN_RECORDED_EVERY_S = 300
"""The resolution of the time at which a session was last seen; not every page causes a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login session. Times are seconds since 1970.

    Attributes:
        session_id: identifies the session; authenticates nothing.
        key: the digest of its secret, under which it is stored; authenticates nothing either.
        continued: whether a later login of the same person in the same browser replaced the session. Its
            secret is no longer accepted; grants given in it last.
        consent_epoch: the epoch of the account at the login.
        provider_id: the identity provider used for the login; None for a password.
        provider_session: the `sid` of the session at the provider, if it sent one.
        amr: the methods of the login (RFC 8176); empty if unknown.
        auth_time_known: whether `auth_time` is when the person authenticated. Otherwise it is when a provider
            that does not say sent them back.
        source: the network and browser of the login.
        seen_at: when it was last seen, to within `SEEN_RECORDED_EVERY_S`; 0 if not since the login.
        seen_network: the network of that request.
        known_browser: the id of the browser, as in `protocol.known_browsers`.
    """

    session_id: str
    subject: str
    username: str
    auth_time: int
    expires_at: int
    key: str = ""
    continued: bool = False
    consent_epoch: int = 0
    provider_id: str | None = None
    provider_session: str | None = None
    amr: tuple[str, ...] = ()
    auth_time_known: bool = True
    source: RequestSource | None = None
    seen_at: int = 0
    seen_network: str | None = None
    known_browser: str | None = None

    @property
    def acr(self) -> str:
        """The authentication context of the login."""
        return acr_of(self.amr, federated=self.provider_id is not None)

    def is_fresh(self, now: float, within_s: int) -> bool:
        """Whether the person is known to have authenticated within the last `within_s` seconds."""
        return self.auth_time_known and now < self.auth_time + within_s

    @property
    def last_seen_at(self) -> int:
        """When the browser was last seen in this session (seconds since 1970)."""
        return max(self.auth_time, self.seen_at)

    @property
    def login(self) -> Login:
        """Return the login as the protocol rules see it."""
        return Login(
            subject=self.subject,
            session_id=self.session_id,
            auth_time=self.auth_time,
            acr=self.acr,
            auth_time_known=self._proves_auth_time,
        )

    @property
    def _proves_auth_time(self) -> bool:
        """Whether the person authenticated at `auth_time` or later: a second factor is always proven here."""
        return self.auth_time_known or self.acr == ACR_MFA

    @property
    def owner(self) -> Owner:
        """Return the owner of the grants given in this session."""
        return Owner(
            subject=self.subject,
            username=self.username,
            session_id=self.session_id,
            auth_time=self.auth_time,
            auth_time_known=self._proves_auth_time,
            session_key=self.key or None,
            acr=None if self.acr == ACR_PASSWORD else self.acr,
            amr=self.amr,
            provider_id=self.provider_id,
            source=self.source,
        )


class SessionRepository:
    """The sessions in the store."""

    def __init__(self, store: Store, clock: Clock, ttl_s: int) -> None:
        self._store = store
        self._clock = clock
        self._ttl_s = ttl_s
        self._sessions = Collection(
            store, keys.session, JsonCodec(Session, remembered=READ_OFTEN), self._remaining
        )

    def _remaining(self, session: Session) -> int:
        return max(1, session.expires_at - int(self._clock()))

    async def begin(
        self,
        user: User,
        secret: str,
        *,
        continues: Session | None = None,
        provider_id: str | None = None,
        provider_session: str | None = None,
        amr: tuple[str, ...] = (),
        auth_time: int | None = None,
        auth_time_known: bool = True,
        source: RequestSource | None = None,
        known_browser: str | None = None,
    ) -> Session:
        """Begin a session after a login, with a new `secret` (AS-23: never the secret from before the login).

        Args:
            secret: if a session with it exists, because a form was posted twice, that session is returned.
            continues: a session of the same person in the same browser. Both share an id and end together.
            provider_id: the identity provider used for the login.
            provider_session: the `sid` of the session at the provider.
            amr: the methods of the login.
            auth_time: of a login that is continued by a second factor, or that happened earlier at the
                provider; None for now.
            auth_time_known: False if the provider does not say when the person authenticated.
            auth_time: of a login that is only continued, by a second factor; None for now.
            source: the network and browser of the login.
            known_browser: the id of the browser.
        """
        now, key = int(self._clock()), digest(secret)
        session = Session(
            session_id=continues.session_id if continues else new_id(),
            subject=user.subject,
            username=user.username,
            auth_time=now if auth_time is None else min(now, auth_time),
            expires_at=now + self._ttl_s,
            key=key,
            consent_epoch=user.consent_epoch,
            provider_id=provider_id,
            provider_session=provider_session,
            amr=amr,
            auth_time_known=auth_time_known,
            source=source,
            known_browser=known_browser,
        )
        # Indexed before it is stored: ending all sessions of a subject must never miss a valid one.
        await self._store.index_add(keys.subject_sessions(user.subject), key, ttl_s=self._ttl_s)
        if not await self._sessions.create(key, session):
            return await self._alive(key) or session
        if continues:
            await self._sessions.update(
                continues.key, lambda earlier: (replace(earlier, continued=True), None)
            )
        return session

    async def find(self, secret: str | None) -> Session | None:
        """Return the session with this `secret`, if it is active."""
        return _current(await self._alive(digest(secret))) if secret else None

    def finding(self, secret: str | None) -> Reading[Session | None]:
        """Return how to `find` the session with this `secret` together with other documents."""
        if not secret:
            return NOTHING
        reading = self.reading(digest(secret))
        return Reading(reading.keys, lambda value: _current(reading.decode(value)))

    async def lives(self, key: str | None) -> bool:
        """Whether the session stored under `key` has neither ended nor expired.

        True for None: a grant from before sessions were recorded, or one given without a session.
        """
        return key is None or await self._alive(key) is not None

    def reading(self, key: str) -> Reading[Session | None]:
        """Return how to read the session stored under `key`, if it lives, together with other documents."""
        return Reading(
            self._sessions.reading(key).keys, lambda value: self._living(key, self._sessions.decoded(value))
        )

    async def _alive(self, key: str) -> Session | None:
        return self._living(key, await self._sessions.get(key))

    def _living(self, key: str, session: Session | None) -> Session | None:
        if session is None or session.expires_at <= self._clock():
            return None
        return replace(session, key=key)

    async def of_subject(self, subject: str) -> list[Session]:
        """Return the sessions of `subject` in which somebody is logged in, the last seen first."""
        sessions = [
            await self._alive(key) for key in await self._store.index_list(keys.subject_sessions(subject))
        ]
        current = [session for session in sessions if session and not session.continued]
        return sorted(current, key=lambda session: (-session.last_seen_at, session.key))

    async def record_seen(self, session: Session, network: str) -> None:
        """Record a request in `session`, unless one was recorded within `SEEN_RECORDED_EVERY_S`."""
        now = int(self._clock())

        def rule(stored: Session) -> tuple[Session | None, None]:
            return replace(stored, seen_at=now, seen_network=network), None

        if now >= session.last_seen_at + SEEN_RECORDED_EVERY_S:
            await self._sessions.update(session.key, rule)

    async def end(self, secret: str | None) -> None:
        """End the session with this `secret`, if it exists, and the sessions that it continues."""
        session = await self.find(secret)
        if session is None:
            return
        index = keys.subject_sessions(session.subject)
        for key in await self._store.index_list(index):
            other = await self._sessions.get(key)
            if other is None or other.session_id == session.session_id:
                await self._delete(key)
                await self._store.index_remove(index, key)

    async def end_all(self, subject: str, *, but: Session | None = None) -> None:
        """End every session of `subject`, except `but`."""
        index = keys.subject_sessions(subject)
        for key in await self._store.index_list(index):
            if but is None or key != but.key:
                await self._delete(key)
                await self._store.index_remove(index, key)

    async def end_those(self, subject: str, is_over: Callable[[Session], bool]) -> frozenset[str]:
        """End the sessions of `subject` for which `is_over` is true; return their keys.

        Keys, not ids: a session and its continuation share an id, and only one of them may end.
        """
        index, ended = keys.subject_sessions(subject), set[str]()
        for key in await self._store.index_list(index):
            session = await self._sessions.get(key)
            if session is not None and is_over(session):
                await self._delete(key)
                await self._store.index_remove(index, key)
                ended.add(key)
        return frozenset(ended)

    async def _delete(self, key: str) -> None:
        log = self._store.revocation_log
        if log and (session := await self._sessions.get(key)):
            await record_in(log, keys.session(key), self._remaining(session))
        await self._sessions.delete(key)


def _current(session: Session | None) -> Session | None:
    return None if session is None or session.continued else session
