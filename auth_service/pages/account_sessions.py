"""The section of the account page with the browsers in which the person is logged in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth_service.pages.account_sections import Confirmation, Done
from auth_service.pages.other_sessions import OtherSessions
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.request_source import UNKNOWN_BROWSER, shown_browser, shown_network
from auth_service.protocol.second_factor import KEY, PASSWORD, SEVERAL
from auth_service.users.sessions import Session
from auth_service.web.moments import day
from shared.texts import Text

MOST_SHOWN = 50
MESSAGES = {
    "session_ended": Text("That browser is logged out."),
    "other_sessions_ended": Text("All other browsers are logged out."),
}
_STAYS_CONNECTED = Text(
    "Applications that were connected there stay connected. You can disconnect them separately."
)


@dataclass(frozen=True, kw_only=True)
class SessionsSection:
    """Lists the login sessions of the person, last seen first; ends one, or all but this one."""

    others: OtherSessions
    providers: Sequence[IdentityProvider] = ()

    actions = frozenset({"end_session", "end_other_sessions"})

    @property
    def messages(self) -> Mapping[str, Text]:
        """The messages after the actions, by key."""
        return MESSAGES

    async def context(self, session: Session, query: Parameters) -> dict[str, Any]:
        sessions = await self.others.sessions.of_subject(session.subject)
        ordered = sorted(sessions, key=lambda other: other.session_id != session.session_id)
        return {
            "sessions": [self._row(other, session) for other in ordered[:MOST_SHOWN]],
            "sessions_left_out": len(ordered[MOST_SHOWN:]),
        }

    def _row(self, session: Session, current: Session) -> dict[str, Any]:
        source = session.source
        return {
            "session_id": session.session_id,
            "browser": _browser(session),
            "network": shown_network(session.seen_network or (source.network if source else "")),
            "began": day(session.auth_time),
            "how": self._how(session),
            "seen": day(session.last_seen_at),
            "current": session.session_id == current.session_id,
        }

    def _how(self, session: Session) -> str:
        labels = {provider.provider_id: provider.label for provider in self.providers}
        provider_id = session.provider_id
        if provider_id is None and KEY in session.amr and PASSWORD not in session.amr:
            return Text("a passkey")
        first = labels.get(provider_id, provider_id) if provider_id else Text("password")
        return Text("%(first)s and a second factor", first=first) if SEVERAL in session.amr else first

    async def confirmation(self, session: Session, query: Parameters) -> Confirmation | None:
        if query.get("action") == "end_other_sessions":
            return Confirmation(
                title=Text("Log out everywhere else?"),
                effect=Text("All other browsers are logged out at once. %(more)s", more=_STAYS_CONNECTED),
                button=Text("Log out everywhere else"),
                fields={"action": "end_other_sessions"},
            )
        other = await self._other(session, query.get("session") or "")
        if other is None:
            return None
        return Confirmation(
            title=Text("Log out that browser?"),
            about=_browser(other),
            effect=Text(
                "Logged in since %(moment)s. %(more)s", moment=day(other.auth_time), more=_STAYS_CONNECTED
            ),
            button=Text("Log out"),
            fields={"action": "end_session", "session": other.session_id},
        )

    async def _other(self, session: Session, session_id: str) -> Session | None:
        # The session of this browser ends on the logout page, which also clears its cookie.
        others = await self.others.of(session)
        return next((other for other in others if other.session_id == session_id), None)

    async def act(self, session: Session, form: Parameters) -> Done:
        if form.get("action") == "end_other_sessions":
            return Done(message="other_sessions_ended", then=await self.others.end(session, lambda _: True))
        session_id = form.require("session")
        ended = await self.others.end(session, lambda other: other.session_id == session_id)
        return Done(message="session_ended", then=ended)


def _browser(session: Session) -> Text:
    return shown_browser(session.source.browser if session.source else UNKNOWN_BROWSER)
