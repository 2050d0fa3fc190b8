"""Pages are for requests that prefer HTML and have no access token."""

from __future__ import annotations

from typing import Any

import pytest

from shared.asgi import asks_for_page
from tests.visiting import CHROMIUM, PROGRAMS

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def request(method: str = "GET", **headers: str) -> dict[str, Any]:
    listed = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "method": method, "headers": listed}


@pytest.mark.parametrize(
    "accept",
    [
        *(
            CHROMIUM,
            FIREFOX,
            "text/html",
            "TEXT/HTML",
            "text/html;charset=utf-8",
            "text/html ; q=1.0 , */*;q=0.1",
        ),
        "application/json;q=0.5, text/html",
        "text/html;q=0.2, application/*;q=0.1, text/event-stream;q=0.1",
    ],
)
def test_a_caller_that_prefers_html_gets_a_page(accept: str) -> None:
    assert asks_for_page(request(accept=accept))
    assert asks_for_page(request("HEAD", accept=accept))


@pytest.mark.parametrize(
    "accept",
    [
        *PROGRAMS.values(),
        *(
            "",
            ",",
            ";",
            "text/*",
            "text/htmlx",
            "application/xhtml+xml",
            "text/html;q=0",
            "text/html;q=0.0, */*",
        ),
        *(
            "text/html;q=x",
            "text/html;q=",
            "text/html;q=-1",
            "text/html;q=nan",
            "text/html;q=1e3",
            "text/html;q=²",
        ),
        *(
            "text/html, */*",
            "text/html;q=0.5, */*;q=0.6",
            "text/html;q=0.9, application/json",
            "q=1;text/html",
        ),
        "text/html;q=0.5, application/*;q=0.5",
    ],
)
def test_others_are_not(accept: str) -> None:
    assert not asks_for_page(request(accept=accept))


def test_a_missing_accept_header_states_no_preference() -> None:
    assert not asks_for_page(request())


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "DPoP", "DPOP"])
def test_a_caller_with_an_access_token_is_a_program(scheme: str) -> None:
    assert not asks_for_page(request(accept=CHROMIUM, authorization=f"{scheme} token"))


def test_a_form_says_from_which_page_it_is_posted_and_a_program_does_not() -> None:
    # Java's HttpURLConnection prefers HTML unless told otherwise, at the token endpoint too.
    java = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
    assert not asks_for_page(request("POST", accept=java))
    assert asks_for_page(request("POST", accept=CHROMIUM, origin="null"))
    assert asks_for_page(request("POST", accept=CHROMIUM, origin="https://auth.example"))
