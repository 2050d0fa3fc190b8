"""The checks that the other suites rely on: requests and errors of a page are noticed."""

from __future__ import annotations

import pytest

from tests.browser.chromium import Desk
from tests.browser.site import Site

pytestmark = pytest.mark.xdist_group("browser pages")


def test_what_a_page_asks_of_the_world_outside_is_noticed_and_not_answered(
    desk: Desk, elsewhere: Site
) -> None:
    asset = "https://cdn.example/swagger-ui.js"
    elsewhere.pages["/"] = f'<!doctype html><script src="{asset}"></script>'
    page = desk.page()
    with page.expect_event("requestfailed") as failed:
        page.goto(elsewhere.origin)
    assert failed.value.url == asset
    assert failed.value.failure == "net::ERR_NAME_NOT_RESOLVED"
    assert desk.asked_elsewhere == [asset]
    desk.requests.clear()
    assert "ERR_NAME_NOT_RESOLVED" in desk.complaints.pop()


def test_what_a_policy_blocks_is_a_complaint(desk: Desk, elsewhere: Site) -> None:
    elsewhere.pages["/"] = """<!doctype html>
        <meta http-equiv=Content-Security-Policy content="script-src 'none'"><script>1</script>"""
    desk.page().goto(elsewhere.origin)
    assert "Content Security Policy" in desk.complaints.pop()


def test_an_error_in_a_script_is_a_complaint(desk: Desk, elsewhere: Site) -> None:
    elsewhere.pages["/"] = "<!doctype html><script>throw new Error('on purpose')</script>"
    page = desk.page()
    with page.expect_event("pageerror"):
        page.goto(elsewhere.origin)
    assert "on purpose" in desk.complaints.pop()
