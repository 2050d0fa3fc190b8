"""The cookies of a browser: secret, form tokens, the id of a known browser."""

from __future__ import annotations

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.web.browser_cookies import Browser, BrowserCookies
from auth_service.web.form_tokens import Standing, session_secret
from tests.auth_service.crypto.master_keys import ONE, TWO

SECURE = BrowserCookies(KeyRing([ONE]), "https://auth.example")
PLAIN = BrowserCookies(KeyRing([ONE]), "http://localhost")


@pytest.mark.requirement("AS-23", "SEC-16")
def test_cookies_on_https_are_bound_to_the_host_and_to_https() -> None:
    cookie = SECURE.cookie(SECURE.names.session, "value")
    assert cookie == "__Host-doorward-session=value; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert all(name.startswith("__Host-") for name in (SECURE.names.browser, SECURE.names.known_browser))


@pytest.mark.requirement("AS-23")
def test_cookies_on_plain_http_have_no_prefix_that_browsers_would_reject() -> None:
    assert (
        PLAIN.cookie(PLAIN.names.session, "value") == "doorward-session=value; Path=/; HttpOnly; SameSite=Lax"
    )


def test_a_cookie_ends_with_the_browser_unless_told_otherwise() -> None:
    assert "Max-Age" not in PLAIN.cookie("name", "value")
    assert "; Max-Age=60" in PLAIN.cookie("name", "value", max_age_s=60)


@pytest.mark.parametrize(
    ("headers", "browser"),
    [
        ([], Browser(None, None, None)),
        ([""], Browser(None, None, None)),
        (["doorward-browser=b; doorward-session=s; doorward-device=d"], Browser("b", "s", "d")),
        (["doorward-browser=b", "doorward-session=s"], Browser("b", "s", None)),
        (["theme=a b; {}; =x; ;; doorward-session=s; é=1"], Browser(None, "s", None)),
        (['other="quoted; doorward-session=s'], Browser(None, "s", None)),
        (["doorward-session=a=b=c"], Browser(None, "a=b=c", None)),
        (["DOORWARD-SESSION=s; xdoorward-session=s; doorward-session"], Browser(None, "", None)),
        (["__Host-doorward-session=s"], Browser(None, None, None)),
    ],
)
@pytest.mark.requirement("SEC-17")
def test_our_cookies_are_found_among_any_others(headers: list[str], browser: Browser) -> None:
    assert PLAIN.read_cookies(headers) == browser


@pytest.mark.requirement("AS-23", "SEC-16")
def test_on_https_a_cookie_that_any_neighbour_could_set_counts_for_nothing() -> None:
    assert SECURE.read_cookies(["doorward-session=planted; doorward-browser=planted"]) == Browser(
        None, None, None
    )


def at(secret: str | None, session: str | None = None) -> Browser:
    return Browser(secret, session, None)


@pytest.mark.requirement("ID-10")
def test_each_page_has_a_token_of_its_own_so_that_a_form_posted_twice_is_known() -> None:
    tokens = {PLAIN.form_token(at("browser-1")) for _ in range(3)}
    assert len(tokens) == 3
    assert all(
        "~" in token and PLAIN.standing(token, at("browser-1")) is Standing.CURRENT for token in tokens
    )


@pytest.mark.requirement("AS-23", "SEC-16")
@pytest.mark.parametrize("session", [None, "session-1"])
def test_a_form_token_is_good_for_the_browser_it_was_made_for_only(session: str | None) -> None:
    token = PLAIN.form_token(at("browser-1", session))
    assert PLAIN.standing(token, at("browser-1", session)) is Standing.CURRENT
    mark, _, tag = token.partition(".")
    for wrong_token, secret in (
        (token, "browser-2"),
        (token, None),
        (token, ""),
        (None, "browser-1"),
        ("", "browser-1"),
        (token[:-1], "browser-1"),
        (token.replace(".", ""), "browser-1"),
        (f".{tag}", "browser-1"),
        (f"{tag}.{mark}", "browser-1"),
        ("browser-1", "browser-1"),
        ("ü.ü", "browser-1"),
    ):
        assert PLAIN.standing(wrong_token, at(secret, session)) is Standing.FOREIGN


@pytest.mark.requirement("AS-23", "SEC-5", "SEC-16")
@pytest.mark.parametrize(
    ("given_in", "posted_in"), [(None, "session-1"), ("session-1", "session-2"), ("session-1", None)]
)
def test_a_form_token_is_good_for_the_session_it_was_made_for_only(
    given_in: str | None, posted_in: str | None
) -> None:
    token = PLAIN.form_token(at("browser-1", given_in))
    assert PLAIN.standing(token, at("browser-1", posted_in)) is Standing.STALE


@pytest.mark.requirement("AS-23", "ID-10")
def test_a_login_form_belongs_to_the_browser_whatever_session_it_has() -> None:
    token = PLAIN.form_token(at("browser-1", "session-1"), logs_in=True)
    for session in (None, "session-1", "session-2"):
        assert PLAIN.standing(token, at("browser-1", session), logs_in=True) is Standing.CURRENT
    # It is good for nothing else.
    assert PLAIN.standing(token, at("browser-1", "session-1")) is Standing.STALE


def test_form_tokens_outlive_a_rotation_of_the_master_key() -> None:
    browser = at("browser-1", "session-1")
    token = PLAIN.form_token(browser)
    assert (
        BrowserCookies(KeyRing([TWO, ONE]), "http://localhost").standing(token, browser) is Standing.CURRENT
    )
    assert BrowserCookies(KeyRing([TWO]), "http://localhost").standing(token, browser) is Standing.FOREIGN


@pytest.mark.requirement("SEC-16")
def test_a_device_is_known_for_the_account_that_logged_in_on_it_only() -> None:
    mark = PLAIN.browser_mark("an-id", "sub-1")
    assert PLAIN.known_browser(mark, "sub-1") == "an-id"
    for wrong_mark, subject in (
        (mark, "sub-2"),
        (mark, ""),
        (mark, None),
        (PLAIN.browser_mark("an-id", ""), None),
        (None, "sub-1"),
        ("", "sub-1"),
        (".", "sub-1"),
        ("a.b", "sub-1"),
        (mark[:-1], "sub-1"),
        ("x" + mark, "sub-1"),
        (mark.replace(".", ""), "sub-1"),
    ):
        assert PLAIN.known_browser(wrong_mark, subject) is None


@pytest.mark.requirement("AS-23", "ID-10")
def test_a_login_that_continues_a_session_leaves_the_forms_of_other_tabs_good() -> None:
    before = session_secret("a" * 43)
    form = PLAIN.form_token(at("browser-1", before))
    assert PLAIN.standing(form, at("browser-1", session_secret("b" * 43, before))) is Standing.CURRENT
    assert PLAIN.standing(form, at("browser-1", session_secret("b" * 43))) is Standing.STALE
    assert PLAIN.standing(form, at("browser-1")) is Standing.STALE
