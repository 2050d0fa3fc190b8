"""The browsers in which a person has logged in."""

from __future__ import annotations

import pytest

from auth_service.protocol.known_browsers import KNOWN_S, MAX_BROWSERS, KnownBrowser, KnownBrowsers

pytestmark = pytest.mark.requirement("ID-7")


def login(browser_id: str, now: int) -> KnownBrowser:
    return KnownBrowser(browser_id=browser_id, first_at=now, last_at=now)


def test_a_login_keeps_when_the_browser_was_first_seen_and_lists_it_first() -> None:
    browsers = KnownBrowsers().with_login(login("a", 1)).with_login(login("b", 2)).with_login(login("a", 3))
    assert [(each.browser_id, each.first_at, each.last_at) for each in browsers.current(3)] == [
        ("a", 1, 3),
        ("b", 2, 2),
    ]
    assert browsers.without("a").current(3) == (login("b", 2),)


def test_a_browser_is_known_for_a_year() -> None:
    browsers = KnownBrowsers().with_login(login("a", 0))
    assert browsers.find("a", KNOWN_S - 1) is not None
    assert browsers.find("a", KNOWN_S) is None
    assert browsers.find("a", KNOWN_S + 1) is None
    assert KNOWN_S == 365 * 86_400
    again = browsers.with_login(login("a", KNOWN_S))
    assert again.browsers == (login("a", KNOWN_S),)


def test_the_browser_that_was_not_used_for_longest_makes_room() -> None:
    browsers = KnownBrowsers()
    for number in range(MAX_BROWSERS + 1):
        browsers = browsers.with_login(login(str(number), number))
    assert len(browsers.browsers) == MAX_BROWSERS
    assert browsers.find("0", MAX_BROWSERS) is None
