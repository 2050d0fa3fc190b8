"""What a browser holds: a secret of its own, a session, and the mark of a device that logged in before."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.crypto.keyring import KeyRing, Tagger
from auth_service.crypto.secrets import digest, new_id, new_secret
from auth_service.users.repository import canonical

DEVICE_TTL_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class CookieNames:
    """The `__Host-` prefix binds a cookie to this very host (RFC 6265bis §4.1.3.2); it needs https."""

    browser: str
    session: str
    known_browser: str

    @classmethod
    def over(cls, *, secure: bool) -> CookieNames:
        """The names to use over https (`secure`) or plain http."""
        prefix = "__Host-" if secure else ""
        return cls(*(f"{prefix}doorward-{name}" for name in ("browser", "session", "device")))


@dataclass(frozen=True, slots=True)
class Browser:
    """The secrets a browser sent; all unverified."""

    browser_id: str | None
    session: str | None
    known_browser: str | None


class BrowserCookies:
    """Reads and makes what browsers hold."""

    def __init__(self, keys: KeyRing, *, secure: bool) -> None:
        self.names = CookieNames.over(secure=secure)
        self._secure = secure
        self._csrf = Tagger(keys, "csrf")
        self._devices = Tagger(keys, "devices")

    def read_cookies(self, cookie_headers: list[str]) -> Browser:
        """What the Cookie headers of a request hold."""
        # Not http.cookies: it gives up at the first cookie it dislikes, and on localhost every other
        # program's cookies come along.
        pairs = (pair.strip().partition("=") for header in cookie_headers for pair in header.split(";"))
        values = {name: value for name, _, value in pairs}
        names = self.names
        return Browser(values.get(names.browser), values.get(names.session), values.get(names.known_browser))

    def cookie(self, name: str, value: str, *, max_age_s: int | None = None) -> str:
        """A Set-Cookie header; without `max_age_s` it ends with the browser's own session."""
        lifetime = "" if max_age_s is None else f"; Max-Age={max_age_s}"
        return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{'; Secure' if self._secure else ''}"

    def new_browser_id(self) -> str:
        """A secret for a browser that has none."""
        return new_secret()

    def csrf_token(self, browser_secret: str) -> str:
        """The token that a form carries to show that this browser was given it here; another for each page.

        So a form that is posted twice can be told from two forms: see `Submissions`.
        """
        page = new_id()
        return f"{page}~{self._csrf.tag(f'{page} {browser_secret}')}"

    def is_csrf_token(self, token: str | None, browser_secret: str | None) -> bool:
        """Whether a form that came back was given to this browser."""
        page, _, tag = (token or "").partition("~")
        return bool(tag and browser_secret) and self._csrf.is_tag(f"{page} {browser_secret}", tag)

    def new_known_browser(self, username: str) -> str:
        """The mark of a browser on which `username` has logged in."""
        device = new_id()
        return f"{device}.{self._devices.tag(self._device_text(device, username))}"

    def known_browser(self, mark: str | None, username: str) -> str | None:
        """The name of the device, if its mark is genuine and for `username`."""
        device, separator, tag = (mark or "").partition(".")
        genuine = separator and self._devices.is_tag(self._device_text(device, username), tag)
        return device if genuine else None

    @staticmethod
    def _device_text(device: str, username: str) -> str:
        try:
            return f"{device} {digest(canonical(username))}"
        except ValueError:
            return f"{device} -"
