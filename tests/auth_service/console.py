"""An administrator at the console, for the tests of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import httpx2

from tests.auth_service.service import AuthorizationServer
from tests.flow import Form, Person, forms_of


class AtTheConsole:
    """Somebody who has logged in to the console, or tried to."""

    def __init__(self, server: AuthorizationServer, person: Person) -> None:
        self.server, self.person = server, person
        person.log_in(person.open(f"{server.origin}/admin"))

    def open(self, page: str) -> httpx2.Response:
        return self.person.open(f"{self.server.origin}/admin/{page}")

    def press(self, page: httpx2.Response, action: str, **fields: Any) -> httpx2.Response:
        """Press the button `action` of the first form with these fields that has one."""
        form = self.form(page, action, **fields)
        return self.post(str(page.url), {**form.fields, "action": action})

    def form(self, page: httpx2.Response, action: str, **fields: Any) -> Form:
        return next(
            form
            for form in forms_of(page.text)
            if ("action", action) in form.buttons and fields.items() <= form.fields.items()
        )

    def post(self, where: str, fields: dict[str, str]) -> httpx2.Response:
        return self.person.follow(
            self.person.browser.post(urljoin(f"{self.server.origin}/admin/", where), data=fields)
        )
