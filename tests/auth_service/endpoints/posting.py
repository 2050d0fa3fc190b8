"""Forms that are posted several times at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import httpx2

from tests.flow import Form, Person

AT_ONCE = 4


def post_at_once(person: Person, page: httpx2.Response, form: Form, **fields: str) -> list[httpx2.Response]:
    """The answers to a form that one browser posts several times at the same moment."""
    where, cookie = (
        urljoin(str(page.url), form.action),
        "; ".join(f"{name}={value}" for name, value in person.browser.cookies.items()),
    )

    def post(_: int) -> httpx2.Response:
        with httpx2.Client(timeout=30, trust_env=False, headers={"Cookie": cookie}) as browser:
            return browser.post(where, data={**form.fields, **fields})

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(post, range(AT_ONCE)))
