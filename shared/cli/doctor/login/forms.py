"""Fill in plain login and consent forms of Doorward and other servers, without running scripts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from shared.cli.doctor import messages
from shared.cli.doctor.exchange import Answer, Exchange, Request
from shared.cli.doctor.fetch import Fetch
from shared.cli.doctor.login.browser import CannotLogInError, Visit
from shared.cli.doctor.login.listener import Listener
from shared.cli.doctor.text import quoted
from shared.cli.doctor.urls import origin, redirect_target, same_origin

MAX_PAGES = 12
USE_BROWSER = "log in with the browser instead (leave out --username)"
TICKED = ("checkbox", "radio")
HTML = {"Accept": "text/html"}


@dataclass(slots=True)
class Form:
    """A form on a page.

    Attributes:
        fields: names and values of the inputs that a browser sends by default.
        decisions: the values of the buttons named ``decision``.
    """

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)

    @property
    def asks_for_password(self) -> bool:
        """Check whether the form is a login form with the field names that password managers recognize."""
        return {"username", "password"} <= self.fields.keys()


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        name, value = attributes.get("name"), attributes.get("value", "")
        if tag == "form":
            self.forms.append(Form(attributes.get("action", "")))
        elif not self.forms or not name:
            return
        elif tag == "button" and name == "decision":
            self.forms[-1].decisions.append(value)
        elif tag == "input" and (attributes.get("type") not in TICKED or "checked" in attributes):
            self.forms[-1].fields[name] = value


def forms_of(html: str) -> list[Form]:
    """Return the forms on a page, as far as they can be parsed."""
    parser = _Forms()
    # The parser raises this for markup that it cannot parse.
    with suppress(AssertionError):
        parser.feed(html)
    return parser.forms


def form_filler(fetch: Fetch, listener: Listener, username: str, password: str) -> Visit:
    """Return a visit that goes through the pages like a browser, logs in, and allows the request.

    The password is sent only to the origin at which the visit started.

    Args:
        fetch: a fetcher that stores cookies.
    """

    async def visit(url: str) -> None:
        await _Visitor(fetch=fetch, start=url, listener=listener, username=username, password=password).go()

    return visit


class _Visitor:
    def __init__(self, *, fetch: Fetch, start: str, listener: Listener, username: str, password: str) -> None:
        self._fetch = fetch
        self._start = start
        self._listener = listener
        self._username = username
        self._password = password
        self._logged_in = False

    async def go(self) -> None:
        """Go from page to page until one leads to the redirect URI.

        Raises:
            CannotLogInError: a page leads elsewhere, or cannot be filled in.
        """
        request: Request | None = messages.get(self._start, HTML)
        for _ in range(MAX_PAGES):
            if request is None:
                return
            request = self._next(await self._fetch(request))
        raise CannotLogInError(f"the login shows more than {MAX_PAGES} pages")

    def _next(self, exchange: Exchange) -> Request | None:
        """Return the request to send after `exchange`; None once the response is delivered."""
        if exchange.answer is None:
            raise CannotLogInError(f"{quoted(exchange.url.partition('?')[0])}: {exchange.trouble}")
        if exchange.answer.redirects:
            return self._follow(exchange.url, exchange.answer.header("location") or "")
        return self._fill_in(exchange.url, exchange.answer)

    def _follow(self, url: str, location: str) -> Request | None:
        target = redirect_target(url, location)
        if target is None:
            raise CannotLogInError(f"the login redirects to {quoted(location)}; {USE_BROWSER}")
        if target.startswith(self._listener.redirect_uri) and self._listener.deliver(target):
            return None
        if not same_origin(target, self._start):
            raise CannotLogInError(f"the login leads to another site, {quoted(target)}; {USE_BROWSER}")
        return messages.get(target, HTML)

    def _fill_in(self, url: str, answer: Answer) -> Request:
        forms = forms_of(answer.body.decode("utf-8", "replace"))
        for form, fill in ((form, fill) for form in forms for fill in (self._login, self._consent)):
            if (fields := fill(form)) is not None:
                return self._submit(url, form, fields)
        page = f"{quoted(urlsplit(url).path)} ({answer.status})"
        raise CannotLogInError(
            f"the page {page} has no form with username and password, or with decision; {USE_BROWSER}"
        )

    def _login(self, form: Form) -> dict[str, str] | None:
        if not form.asks_for_password:
            return None
        if self._logged_in:
            raise CannotLogInError("the username or the password is not accepted")
        self._logged_in = True
        return {**form.fields, "username": self._username, "password": self._password}

    def _consent(self, form: Form) -> dict[str, str] | None:
        return {**form.fields, "decision": "allow"} if "allow" in form.decisions else None

    def _submit(self, url: str, form: Form, fields: dict[str, str]) -> Request:
        action = redirect_target(url, form.action) if form.action else url
        if action is None or not same_origin(action, self._start):
            raise CannotLogInError(f"a form is sent to another site, {quoted(form.action)}; {USE_BROWSER}")
        return messages.form(action, fields, {**HTML, "Origin": origin(action)})
