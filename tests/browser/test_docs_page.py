"""The docs pages of both services: without a network, and with nothing but what is on them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Desk
from tests.browser.pair import Pair
from tests.browser.steps import deny, log_in
from tests.browser.swagger import DocsPage, leave_out_others

pytestmark = pytest.mark.xdist_group("browser pages")


@pytest.fixture(params=["at_the_root", "under_paths"])
def services(request: pytest.FixtureRequest) -> Pair:
    """Both services, wherever they are."""
    services: Pair = request.getfixturevalue(request.param)
    return services


@pytest.fixture(params=["issuer", "resource_service"])
def base(request: pytest.FixtureRequest, services: Pair) -> str:
    """The URL of each service in turn."""
    return str(getattr(services, request.param))


def described(base: str, http: httpx2.Client) -> set[tuple[str, str]]:
    """The operations in a service's OpenAPI document."""
    document: dict[str, Any] = http.get(f"{base}/openapi.json").json()
    return {(method.upper(), path) for path, item in document["paths"].items() for method in item}


def test_every_operation_is_on_the_page_under_our_title_and_icon(
    page: Page, base: str, http: httpx2.Client
) -> None:
    docs = DocsPage.open(page, base)
    assert docs.operations() == described(base, http)
    expect(page.locator(".errors-wrapper")).to_have_count(0)
    assert page.title().endswith(" · API")
    icon = page.locator("link[rel=icon]").evaluate("link => link.href")
    assert icon == f"{base}/docs/assets/doorward.svg"
    assert http.get(icon).headers["Content-Type"].startswith("image/svg+xml")


def test_the_example_registers_a_client_that_authorize_takes_to_a_token(page: Page, services: Pair) -> None:
    docs = DocsPage.open(page, services.issuer, "/register", "/userinfo")
    client = docs.register()
    docs.authorize()
    assert docs.execute("GET", "/userinfo").json()["preferred_username"] == "wesen"

    window = page.context.new_page()
    notes = DocsPage.open(window, services.resource_service)
    popup = notes.begin_to_authorize(client["client_id"])
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Allow").click()
    notes.close_dialog()
    greeting = notes.execute("GET", "/hello").json()
    assert greeting == {"message": "Hello wesen, your request to MCP is authorized!"}


def test_the_page_of_the_resource_service_is_enough_by_itself_also_after_a_reload(
    page: Page, at_the_root: Pair
) -> None:
    docs = DocsPage.open(page, at_the_root.resource_service)
    docs.register()
    docs.authorize()
    answer = docs.execute("POST", "/mcp")
    assert answer.json()["result"]["structuredContent"]["username"] == "wesen"
    page.reload()
    assert docs.execute("GET", "/hello").status == 200


def test_unselected_scopes_are_not_requested(page: Page, at_the_root: Pair) -> None:
    docs = DocsPage.open(page, at_the_root.resource_service)
    client = docs.register()
    page.get_by_role("button", name="Authorize", exact=True).first.click()
    docs.dialog.get_by_text("notes:write").click()
    docs.close_dialog()
    window = docs.begin_to_authorize(client["client_id"])
    log_in(window)
    expect(window.get_by_role("checkbox")).to_have_count(2)


def test_a_refusal_is_shown_with_its_reason(page: Page, at_the_root: Pair) -> None:
    docs = DocsPage.open(page, at_the_root.resource_service)
    docs.register()
    window = docs.begin_to_authorize()
    log_in(window)
    with window.expect_event("close"):
        deny(window)
    expect(page.locator(".errors-wrapper")).to_contain_text("access_denied: the user denied access")


def test_parameters_that_are_left_alone_are_left_out(page: Page, at_the_root: Pair) -> None:
    docs = DocsPage.open(page, at_the_root.issuer, "/register", "/token")
    client = docs.register()
    docs.authorize()
    tokens = page.evaluate("JSON.parse(localStorage.authorized).oauth.token")
    refreshed = docs.execute(
        "POST",
        "/token",
        grant_type="refresh_token",
        refresh_token=tokens["refresh_token"],
        client_id=client["client_id"],
    )
    assert refreshed.status == 200, refreshed.text()


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("code=c&state=another&iss={issuer}", "another request"),
        ("code=c&iss={issuer}", "another request"),
        ("code=c&state=ours&iss=https://evil.example", "another authorization server"),
        ("code=c&state=ours", "another authorization server"),
        ("error=access_denied&error_description=access+was+refused&state=ours&iss={issuer}", "was refused"),
        ("state=ours&iss={issuer}", "no code"),
    ],
)
@pytest.mark.requirement("SEC-3")
def test_an_answer_that_is_not_ours_is_not_taken(
    page: Page, at_the_root: Pair, answer: str, complaint: str
) -> None:
    page.goto(f"{at_the_root.issuer}/docs/oauth2-redirect")
    page.evaluate(
        """() => {
            window.outcome = new Promise((resolve) => {
                window.swaggerUIRedirectOauth2 = {
                    state: "ours", auth: { name: "oauth" },
                    callback: () => resolve("taken"), errCb: (error) => resolve(error.message),
                };
            });
        }"""
    )
    query = answer.format(issuer=at_the_root.issuer)
    page.evaluate("query => { window.open(`?${query}`) }", query)
    assert complaint in page.evaluate("window.outcome")


def test_an_answer_that_nobody_waits_for_says_what_to_do(page: Page, at_the_root: Pair) -> None:
    page.goto(f"{at_the_root.issuer}/docs/oauth2-redirect?code=c&state=s")
    expect(page.locator("body")).to_contain_text("press Authorize again")


def test_a_page_opened_by_another_name_says_where_it_is_at_home(page: Page, under_paths: Pair) -> None:
    home = f"{under_paths.issuer}/docs"
    leave_out_others(page, "/register")
    page.goto(home)
    expect(page.locator("#elsewhere")).to_be_hidden()
    page.goto(home.replace("localhost", "127.0.0.1"))
    expect(page.get_by_role("link", name=home, exact=True)).to_be_visible()


def test_the_page_follows_the_system_into_the_dark(desk: Desk, at_the_root: Pair) -> None:
    page = desk.page(color_scheme="dark")
    DocsPage.open(page, at_the_root.resource_service)
    expect(page.locator("html")).to_have_css("background-color", "rgb(28, 32, 34)")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_css("background-color", "rgb(28, 32, 34)")


def test_a_proxy_may_take_the_path_off(under_paths: Pair, http: httpx2.Client) -> None:
    for base in (under_paths.issuer, under_paths.resource_service):
        inside = base.rpartition("/")[0]
        for path in ("/docs", "/docs/oauth2-redirect", "/openapi.json", "/docs/assets/docs.js"):
            assert http.get(f"{inside}{path}").text == http.get(f"{base}{path}").text


@pytest.mark.requirement("SEC-14")
@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/oauth2-redirect", "/openapi.json", "/static"])
def test_no_url_is_made_of_the_host_header(base: str, http: httpx2.Client, path: str) -> None:
    answer = http.get(f"{base}{path}", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.status_code in (200, 404)
    assert "evil.example" not in answer.text + str(answer.headers)


def test_browsers_keep_the_assets_and_ask_whether_they_changed(base: str, http: httpx2.Client) -> None:
    url = f"{base}/docs/assets/swagger-ui-bundle.js"
    first = http.get(url)
    assert first.headers["Cache-Control"] == "no-cache"
    again = http.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "no-cache"
