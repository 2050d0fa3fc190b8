"""The cookies of a browser: its own secret, a session, and the mark of a known browser."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request

from auth_service.crypto.keyring import KeyRing, Tagger
from auth_service.crypto.secrets import new_secret
from auth_service.web.cookie_names import CookieNames
from auth_service.web.form_tokens import FormTokens, Standing
from shared.asgi import header_values
from shared.uris import serialize_origin, split_absolute

DEVICE_TTL_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Browser:
    """The secrets that a browser sent, all unverified."""

    browser_id: str | None
    session: str | None
    known_browser: str | None


class BrowserCookies:
    """Reads and creates the cookies of browsers."""

    def __init__(self, keys: KeyRing, issuer: str) -> None:
        self.names = CookieNames.of(issuer)
        self.origin = serialize_origin(split_absolute(issuer))
        self._secure = issuer.startswith("https://")
        self._forms = FormTokens(keys)
        self._devices = Tagger(keys, "devices")

    def browser_of(self, request: Request) -> Browser:
        """Return the secrets in the cookies of `request`."""
        return self.read_cookies(header_values(request.scope, "cookie"))

    def read_cookies(self, cookie_headers: list[str]) -> Browser:
        """Return the secrets in the Cookie headers of a request."""
        # Not http.cookies: it stops at the first cookie it cannot parse, and on localhost the cookies of
        # every other program arrive too.
        pairs = (pair.strip().partition("=") for header in cookie_headers for pair in header.split(";"))
        values = {name: value for name, _, value in pairs}
        names = self.names
        return Browser(values.get(names.browser), values.get(names.session), values.get(names.known_browser))

    def cookie(self, name: str, value: str, *, max_age_s: int | None = None) -> str:
        """Return a Set-Cookie header; without `max_age_s` the cookie ends with the browser's own session."""
        lifetime = "" if max_age_s is None else f"; Max-Age={max_age_s}"
        return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{'; Secure' if self._secure else ''}"

    def with_secret(self, browser: Browser) -> tuple[Browser, tuple[str, ...]]:
        """Give `browser` a secret if it has none; return it and the Set-Cookie headers."""
        if browser.browser_id:
            return browser, ()
        secret = new_secret()
        return replace(browser, browser_id=secret), (self.cookie(self.names.browser, secret),)

    def form_token(self, browser: Browser, *, logs_in: bool = False) -> str:
        """Return the token of a form for `browser`, which has a secret.

        Args:
            logs_in: whether the form begins a session, and so belongs to none yet.
        """
        return self._forms.issue(browser.browser_id or "", None if logs_in else browser.session)

    def standing(self, form_token: str | None, browser: Browser, *, logs_in: bool = False) -> Standing:
        """Check whether a posted form was issued to this browser in its current session."""
        if not form_token or not browser.browser_id:
            return Standing.FOREIGN
        return self._forms.standing(form_token, browser.browser_id, None if logs_in else browser.session)

    def browser_mark(self, browser_id: str, subject: str) -> str:
        """Return the mark of a browser in which the account with `subject` has logged in."""
        return f"{browser_id}.{self._devices.tag(_device_text(browser_id, subject))}"

    def known_browser(self, mark: str | None, subject: str | None) -> str | None:
        """Return the id of a browser, if its mark is genuine and for the account with `subject`.

        Whether the person has removed the browser since is for `KnownBrowserRepository` to say.

        A username would not suffice: after a deletion somebody else may have it.
        """
        device, separator, tag = (mark or "").partition(".")
        genuine = separator and self._devices.is_tag(_device_text(device, subject or ""), tag)
        return device if genuine and subject else None


def _device_text(device: str, subject: str) -> str:
    return f"{device} subject {subject}"
