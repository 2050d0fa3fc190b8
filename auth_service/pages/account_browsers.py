"""The section of the account page with the browsers in which the person has logged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.journal.account_events import AccountAction
from auth_service.pages.account_sections import Confirmation, Done
from auth_service.pages.other_sessions import OtherSessions
from auth_service.protocol.known_browsers import KnownBrowser
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.request_source import UNKNOWN_BROWSER, shown_browser, shown_network
from auth_service.users.known_browsers import KnownBrowserRepository
from auth_service.users.sessions import Session
from auth_service.web.moments import day
from shared.texts import Text

MESSAGES = {
    "browser_forgotten": Text("That browser is forgotten."),
    "browsers_forgotten": Text("All browsers are forgotten."),
}
_FORGOTTEN = Text("Wrong passwords entered there then count like those of strangers.")


@dataclass(frozen=True, kw_only=True)
class BrowsersSection:
    """Lists the known browsers, the last used first; forgets one or all, and logs them out."""

    browsers: KnownBrowserRepository
    others: OtherSessions

    actions = frozenset({"forget_browser", "forget_browsers"})

    @property
    def messages(self) -> Mapping[str, Text]:
        """The messages after the actions, by key."""
        return MESSAGES

    async def context(self, session: Session, query: Parameters) -> dict[str, Any]:
        browsers = await self.browsers.of(session.subject)
        return {"known_browsers": [_row(browser, session) for browser in browsers]}

    async def confirmation(self, session: Session, query: Parameters) -> Confirmation | None:
        if query.get("action") == "forget_browsers":
            return Confirmation(
                title=Text("Forget all browsers?"),
                effect=Text("All other browsers are logged out at once. %(more)s", more=_FORGOTTEN),
                button=Text("Forget all browsers"),
                fields={"action": "forget_browsers"},
            )
        browser = await self._find(session, query.get("browser") or "")
        if browser is None:
            return None
        here = browser.browser_id == session.known_browser
        logged_out = Text("You stay logged in here.") if here else Text("It is logged out at once.")
        return Confirmation(
            title=Text("Forget this browser?") if here else Text("Forget that browser?"),
            about=shown_browser(browser.name or UNKNOWN_BROWSER),
            effect=Text(
                "Last login %(moment)s. %(session)s %(more)s",
                moment=day(browser.last_at),
                session=logged_out,
                more=_FORGOTTEN,
            ),
            button=Text("Forget"),
            fields={"action": "forget_browser", "browser": browser.browser_id},
        )

    async def _find(self, session: Session, browser_id: str) -> KnownBrowser | None:
        browsers = await self.browsers.of(session.subject)
        return next((each for each in browsers if each.browser_id == browser_id), None)

    async def act(self, session: Session, form: Parameters) -> Done:
        await self.others.account_events.record(
            AccountAction.BROWSERS_FORGOTTEN, session.subject, session=session.session_id
        )
        if form.get("action") == "forget_browsers":
            await self.browsers.forget_all(session.subject)
            return Done(message="browsers_forgotten", then=await self.others.end(session, lambda _: True))
        browser_id = form.require("browser")
        await self.browsers.forget(session.subject, browser_id)
        ended = await self.others.end(session, lambda other: other.known_browser == browser_id)
        return Done(message="browser_forgotten", then=ended)


def _row(browser: KnownBrowser, session: Session) -> dict[str, Any]:
    return {
        "browser_id": browser.browser_id,
        "name": shown_browser(browser.name or UNKNOWN_BROWSER),
        "network": shown_network(browser.network),
        "first": day(browser.first_at),
        "last": day(browser.last_at),
        "current": browser.browser_id == session.known_browser,
    }
