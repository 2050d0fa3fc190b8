"""The connected accounts of all resources, as this process knows them.

A credential is kept for a minute at most, and used only while the revocation feed tells which accounts have
been disconnected. Whether it may be used is decided at the time of use and from the clock alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from resource_service.connected_accounts.answers import Account, Credential
from resource_service.connected_accounts.client import Question
from resource_service.connected_accounts.kept_credentials import Kept, KeptCredentials, Key
from resource_service.introspection.cache import LIVE_FOR_S
from resource_service.introspection.single_flight import SingleFlight
from resource_service.principal import Principal
from resource_service.stops.matching import is_same
from shared.clock import Clock
from shared.disconnections import Disconnection
from shared.logs import get_logger

KEEP_FOR_S = 60
JOIN_FOR_S = 60.0
"""Longer than any query takes: requests that need the same credential share one query. A disconnection ends
that for the queries that have begun."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """A request in progress that uses a credential."""

    principal: Principal
    resource: str
    end: Callable[[], None]


class ConnectedAccounts:
    """Returns the accounts of principals, and is a listener to the revocation feed.

    Args:
        ask: queries the authorization server; returns None if the token of the question is not active.
        steady_clock: the clock of the feed.
    """

    def __init__(self, ask: Callable[[Question], Awaitable[Account | None]], steady_clock: Clock) -> None:
        self._ask = ask
        self._flights = SingleFlight(self._queried, join_for_s=JOIN_FOR_S)
        self._steady_clock = steady_clock
        self._kept = KeptCredentials()
        self._ended: tuple[Disconnection, ...] = ()
        self._is_told = False
        self._changes = 0
        self._live_until = float("-inf")
        self._open: set[_Open] = set()

    async def get(self, question: Question) -> Account | None:
        """Return the account; None if the token is not active.

        Raises:
            IntrospectionUnavailableError: it is unknown.
        """
        credential = self._usable(question)
        return await self._flights(question) if credential is None else credential

    def kept_version(self, question: Question) -> str | None:
        """Return the version of the credential that the next request uses; None if it must ask first."""
        credential = self._usable(question)
        return None if credential is None else credential.version

    async def replacement(self, question: Question, refused: Credential) -> Account | None:
        """Return what replaces a credential that the upstream has refused; None if the token is not active.

        Raises:
            IntrospectionUnavailableError: it is unknown.
        """
        credential = self._usable(question)
        if credential is not None and credential.version != refused.version:
            return credential
        self._kept.forget(_key(question))
        return await self._flights(replace(question, rejected=refused.version))

    @contextmanager
    def in_use(self, question: Question, end: Callable[[], None]) -> Iterator[None]:
        """End a request if its account is disconnected within the context.

        Args:
            end: called at most once, from the event loop.
        """
        request = _Open(question.principal, question.resource, end)
        self._open.add(request)
        try:
            yield
        finally:
            self._open.discard(request)

    @property
    def live(self) -> bool:
        """Whether the feed is up to date; the server may still not say what was disconnected."""
        return self._steady_clock() < self._live_until

    @property
    def _is_current(self) -> bool:
        """Whether disconnections currently arrive."""
        return self._is_told and self.live

    def disconnected(self, ended: Sequence[Disconnection] | None) -> None:
        """Take the list of what was disconnected in the last two minutes; None if the server does not say."""
        self._is_told = ended is not None
        if ended is None:
            self._drop_all()
            return
        former, self._ended = self._ended, tuple(ended)
        if self._ended and (new := [each for each in self._ended if each not in former]):
            self._changed()
            self._kept.forget_if(lambda key, kept: any(_is_of(each, kept.principal, key[1]) for each in new))
            self._end_requests(new)

    def confirm(self, as_of: float) -> None:
        """Note that every revocation announced before `as_of`, on the steady clock, has been delivered."""
        if not self.live:
            self._drop_all()
        self._live_until = as_of + LIVE_FOR_S

    def revoke(self, grant_id: str) -> None:
        """Record that a grant has ended, or is about to; the guard refuses its tokens."""
        self._kept.forget_grant(grant_id)

    def change(self, grant_id: str | None) -> None:
        """Record that tokens of a grant may allow something else than before; None for any grant."""
        if grant_id is None:
            self._drop_all()
        else:
            self.revoke(grant_id)

    def doubt(self) -> None:
        """Use nothing that is kept, because a disconnection may have been missed."""
        self._live_until = float("-inf")
        self._drop_all()

    def _usable(self, question: Question) -> Credential | None:
        return self._kept.find(_key(question), self._steady_clock()) if self._is_current else None

    async def _queried(self, question: Question) -> Account | None:
        changes, asked_at = self._changes, self._steady_clock()
        account = await self._ask(question)
        if isinstance(account, Credential):
            if question.rejected is not None:
                account = replace(account, replaces_refused=True)
            if changes == self._changes and self._is_current and question.principal.grants:
                self._keep(question, account, asked_at)
        return account

    def _keep(self, question: Question, credential: Credential, asked_at: float) -> None:
        principal, resource = question.principal, question.resource
        if any(
            each.version == credential.version and _is_of(each, principal, resource) for each in self._ended
        ):
            return
        expires_in = KEEP_FOR_S if credential.expires_in is None else credential.expires_in
        kept = Kept(credential, principal, asked_at + min(KEEP_FOR_S, expires_in))
        self._kept.keep(_key(question), kept)

    def _end_requests(self, new: Sequence[Disconnection]) -> None:
        concerned = [
            request
            for request in self._open
            if any(_is_of(each, request.principal, request.resource) for each in new)
        ]
        _log.info("connected accounts have ended", accounts=len(new), requests=len(concerned))
        for request in concerned:
            self._open.discard(request)
            request.end()

    def _drop_all(self) -> None:
        self._changed()
        self._kept.clear()

    def _changed(self) -> None:
        """Let no answer to a question that was asked before be kept or shared."""
        self._changes += 1
        self._flights.forget()


def _key(question: Question) -> Key:
    return (question.holder, question.resource)


def _is_of(ended: Disconnection, principal: Principal, resource: str) -> bool:
    return ended.subject == principal.subject and is_same(ended.resource, resource)
