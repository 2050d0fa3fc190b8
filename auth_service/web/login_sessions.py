"""Begins the session of a login, and sets the cookies of the browser."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.crypto.secrets import new_id, new_secret
from auth_service.journal.journal import Journal
from auth_service.protocol.request_source import RequestSource
from auth_service.protocol.second_factor import with_methods
from auth_service.users.known_browsers import KnownBrowserRepository
from auth_service.users.repository import User, UserRepository
from auth_service.users.sessions import Session, SessionRepository
from auth_service.web.browser_cookies import DEVICE_TTL_S, Browser, BrowserCookies
from auth_service.web.form_tokens import session_secret
from auth_service.web.forms import RequestOverError
from auth_service.web.submissions import Submission
from shared.journal.event import EventKind


@dataclass(frozen=True, kw_only=True)
class BegunSession:
    """A new session.

    Attributes:
        cookies: Set-Cookie headers.
    """

    session: Session
    cookies: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LoginSessions:
    """Begins sessions for people who have been authenticated, by password or by a provider."""

    users: UserRepository
    sessions: SessionRepository
    browsers: BrowserCookies
    known_browsers: KnownBrowserRepository
    journal: Journal

    async def begin(
        self,
        browser: Browser,
        user: User,
        drawn: str,
        *,
        provider_id: str,
        provider_session: str | None,
        auth_time: int | None,
        source: RequestSource | None = None,
    ) -> BegunSession | None:
        """Log `user` in; return None if the account is disabled.

        A session of the same person in this browser is continued; a session of somebody else ends.

        Args:
            drawn: 256 random bits from which the secret of the session is made.
            provider_session: the `sid` of the session at the provider.
            auth_time: when the provider authenticated the person; None if it does not say.
            source: the network and browser of the login.
        """
        current = await self.continued(browser, user)
        return await self.begin_with(
            browser,
            user,
            session_secret(drawn, browser.session if current else None),
            continues=current,
            provider_id=provider_id,
            provider_session=provider_session,
            auth_time=auth_time,
            auth_time_known=auth_time is not None,
            source=source,
        )

    async def continued(self, browser: Browser, user: User) -> Session | None:
        """Return the session of `user` in this browser, to be continued; end a session of somebody else."""
        current = await self.sessions.find(browser.session)
        if current is not None and current.subject != user.subject:
            await self.sessions.end(browser.session)
            return None
        return current

    async def begin_with(
        self,
        browser: Browser,
        user: User,
        secret: str,
        *,
        continues: Session | None,
        provider_id: str | None = None,
        provider_session: str | None = None,
        amr: tuple[str, ...] = (),
        auth_time: int | None = None,
        auth_time_known: bool = True,
        source: RequestSource | None = None,
    ) -> BegunSession | None:
        """Begin the session that `secret` opens; return None if `user` may no longer log in.

        Args:
            continues: from `continued`.
            provider_id: the identity provider; None for a login with the password.
            provider_session: the `sid` of the session at the provider.
            amr, auth_time, auth_time_known: see `SessionRepository.begin`.
            source: the network and browser of the login.
        """
        session = await self.sessions.begin(
            user,
            secret,
            continues=continues,
            provider_id=provider_id,
            provider_session=provider_session,
            amr=amr,
            auth_time=auth_time,
            auth_time_known=auth_time_known,
            source=source,
            known_browser=self.browsers.known_browser(browser.known_browser, user.subject) or new_id(),
        )
        # Checked after the session began: code that disables a user or changes a password does so before it
        # ends the existing sessions, so one of the two operations notices the other.
        if not await self.users.may_still_log_in(user):
            await self.sessions.end(secret)
            return None
        await self.journal.record(
            EventKind.LOGIN,
            subject=user.subject,
            session=session.session_id,
            methods=list(amr),
            provider=provider_id,
            network=source.network if source else None,
            browser=source.browser if source else None,
        )
        browser_id = session.known_browser or new_id()
        await self.known_browsers.record_login(user.subject, browser_id, source)
        mark = self.browsers.browser_mark(browser_id, user.subject)
        cookies = (
            self.browsers.cookie(self.browsers.names.session, secret),
            self.browsers.cookie(self.browsers.names.known_browser, mark, max_age_s=DEVICE_TTL_S),
        )
        return BegunSession(session=session, cookies=cookies)

    async def secret_for(
        self, submission: Submission, browser: Browser, current: Session | None, *, once: bool = False
    ) -> str:
        """Return the secret of a new session: the first one again if the form was submitted before.

        Args:
            once: whether the proof in the form counts once, so that it does not log in again after a logout.

        Raises:
            RequestOverError: the form was submitted before, and its session has ended.
        """
        secret = await submission.secret()
        for opened in (session_secret(secret, browser.session), session_secret(secret)):
            if await self.sessions.find(opened) is not None:
                return opened
        if submission.outcome.finished:
            if once:
                raise RequestOverError
            secret = new_secret()  # logged out since the form was first submitted
        return session_secret(secret, browser.session if current else None)

    async def begun_by(self, submission: Submission, browser: Browser) -> Session | None:
        """Return the session that an earlier submission of the same form has begun or continued."""
        secret = await submission.secret()
        return await self.sessions.find(session_secret(secret, browser.session))

    async def with_factor(
        self, submission: Submission, browser: Browser, session: Session, added: tuple[str, ...]
    ) -> BegunSession | None:
        """Continue a session after a second factor; return None if the account may no longer log in.

        The new session has a new secret: a thief of the old secret did not pass the second factor.
        """
        user = await self.users.by_subject(session.subject)
        if user is None:
            return None
        return await self.begin_with(
            browser,
            user,
            await self.secret_for(submission, browser, session),
            continues=session,
            provider_id=session.provider_id,
            provider_session=session.provider_session,
            amr=with_methods(session.amr, added),
            auth_time=session.auth_time,
            auth_time_known=session.auth_time_known,
            source=session.source,
        )

    async def cookies_again(self, browser: Browser, drawn: str) -> tuple[str, ...]:
        """Return the cookies of the session that `begin` began, for a browser that may have lost them."""
        for secret in (session_secret(drawn, browser.session), session_secret(drawn)):
            if await self.sessions.find(secret) is not None:
                return (self.browsers.cookie(self.browsers.names.session, secret),)
        return ()
