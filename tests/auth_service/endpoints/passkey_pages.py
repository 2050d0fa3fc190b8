"""A person who adds passkeys and logs in with them."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx2

from tests.auth_service.endpoints.second_factors import log_in
from tests.auth_service.endpoints.soft_passkey import SoftPasskey
from tests.auth_service.service import AuthorizationServer
from tests.flow import Form, Person, forms_of

_FORM = re.compile(r'data-passkey="(\w+)" data-options="([^"]*)"')


def options_on(page: httpx2.Response) -> dict[str, Any]:
    """The options that a page gives to the browser."""
    form = _FORM.search(page.text)
    assert form, page.text
    options: dict[str, Any] = json.loads(html.unescape(form[2]))
    return options


def form_on(page: httpx2.Response) -> Form:
    return next(form for form in forms_of(page.text) if "credential" in form.fields)


def send(person: Person, page: httpx2.Response, credential: str, **more: str) -> httpx2.Response:
    form = form_on(page)
    url = str(page.url.join(form.action))
    return person.follow(person.browser.post(url, data={**form.fields, "credential": credential, **more}))


def with_passkey(
    server: AuthorizationServer, person: Person, **attributes: Any
) -> tuple[SoftPasskey, httpx2.Response]:
    log_in(server, person)
    page = person.open(f"{server.origin}/add-passkey")
    key = SoftPasskey(server.issuer, **attributes)
    added = send(person, page, key.create(options_on(page)), name="Phone")
    assert added.status_code == 200, added.text
    return key, added
