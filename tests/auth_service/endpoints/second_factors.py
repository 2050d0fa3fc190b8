"""A person who sets up an authenticator app and logs in with it."""

from __future__ import annotations

import re

import httpx2
import pyotp

from tests.auth_service.service import AuthorizationServer, elsewhere, nobodys
from tests.flow import Person, forms_of

PASSWORD = "a password"
_KEY = re.compile(r'<code class="secret">([A-Z2-7 ]+)</code>')
_CODE = re.compile(r"<li><code>([a-z2-7-]+)</code></li>")
WRONG = "The code is wrong, has expired or was used before."


def somebody(server: AuthorizationServer) -> Person:
    """A new account, and its owner at a browser in a network of their own."""
    username = nobodys("user")
    server.add_user(username, PASSWORD).close()
    return at_another_browser(username)


def at_another_browser(username: str, password: str = PASSWORD) -> Person:
    return Person(username, password, trust_env=False, transport=elsewhere())


def log_in(server: AuthorizationServer, person: Person, to: str = "login-methods") -> httpx2.Response:
    return person.log_in(person.open(f"{server.origin}/login?to={to}"))


class App:
    """An authenticator app with the secret of an account; each code that it shows is of another time step."""

    def __init__(self, server: AuthorizationServer, secret: str) -> None:
        self.server, self.totp = server, pyotp.TOTP(secret)

    def code(self, steps: int = 0) -> str:
        """The code that the app shows now, or so many steps of 30 seconds away."""
        return self.totp.at(self.server.clock(), counter_offset=steps)

    def next_code(self) -> str:
        """A code that has not been shown yet."""
        self.server.clock.advance(30)
        return self.code()


def key_on(page: httpx2.Response) -> str:
    """The secret that a page shows as text."""
    key = _KEY.search(page.text)
    assert key, page.text
    return key[1].replace(" ", "")


def codes_on(page: httpx2.Response) -> list[str]:
    """The recovery codes that a page shows."""
    return _CODE.findall(page.text)


def with_app(server: AuthorizationServer, person: Person) -> tuple[App, list[str]]:
    """Log in and add an authenticator app; the app, and the recovery codes."""
    log_in(server, person)
    page = person.open(f"{server.origin}/add-authenticator")
    app = App(server, key_on(page))
    done = person.submit(page, {"code": app.code()})
    assert done.status_code == 200, done.text
    return app, codes_on(done)


def second_step(person: Person, page: httpx2.Response, code: str) -> httpx2.Response:
    """Enter a code on the page of the second step."""
    assert "code" in forms_of(page.text)[0].fields, page.text
    return person.submit(page, {"code": code})


def is_logged_in(server: AuthorizationServer, person: Person) -> bool:
    return person.open(f"{server.origin}/account").url.path == "/account"
