"""The name of a browser, from a header that anybody may write."""

from __future__ import annotations

import pytest

from auth_service.protocol.request_source import (
    MAX_USER_AGENT,
    RequestSource,
    browser_name,
    shown_network,
)

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.requirement("ID-7")
@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0 Safari/537.36",
            "Chrome on Windows",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18 Safari/605",
            "Safari on macOS",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140 Safari/604", "Chrome on iPhone"),
        (f"Mozilla/5.0 (Linux; Android 15; K) {WEBKIT} Chrome/140.0 Mobile Safari/537", "Chrome on Android"),
        ("Dillo/3.2 Linux", "Unknown browser on Linux"),
        ("curl/8.5.0", "Unknown browser"),
        ("<script>alert(1)</script>\u202e", "Unknown browser"),
        ("x" * MAX_USER_AGENT + "Firefox/140.0", "Unknown browser"),
        ("", "Unknown browser"),
        (None, "Unknown browser"),
    ],
)
def test_a_browser_is_named_plainly_whatever_else_it_claims(user_agent: str | None, name: str) -> None:
    assert browser_name(user_agent) == name


@pytest.mark.parametrize(
    ("network", "text"),
    [("192.0.2.1/32", "192.0.2.1"), ("2001:db8::/64", "2001:db8::/64"), ("unknown", "unknown"), ("", "")],
)
def test_a_network_of_one_address_is_shown_as_the_address(network: str, text: str) -> None:
    assert shown_network(network) == text


def test_a_page_shows_the_network_and_the_browser_as_people_write_them() -> None:
    source = RequestSource(network="192.0.2.1/32", browser="Firefox on Linux")
    assert (source.shown_network, source.shown_browser) == ("192.0.2.1", "Firefox on Linux")
    assert source.shown_browser.values == {"browser": "Firefox", "system": "Linux"}
    assert RequestSource(network="", browser="Unknown browser").shown_browser == "Unknown browser"
