"""axe-core finds nothing on any page: narrow and wide, light and dark, in German (ID-11)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jinja2 import Environment, Template
from playwright.sync_api import Browser, Page
from pydantic import SecretStr
from starlette.responses import Response

from resource_service.pages.visitors import VisitorPages
from resource_service.settings import ResourceSettings
from shared.appearance.brand import Brand
from shared.appearance.theme import Theme
from shared.asgi import Refused
from shared.languages import in_language
from tests.auth_service.service import RESOURCE_SECRET
from tests.browser import approval_states, connecting_states, console_states, page_states
from tests.browser.axe import load_axe, violations
from tests.browser.visits import State, visiting
from tests.machine import require

pytestmark = [
    pytest.mark.xdist_group("browser pages"),
    pytest.mark.long,
    pytest.mark.requirement("ID-11"),
]

TEMPLATES = ("auth_service/web/templates", "resource_service/pages/templates", "shared/pages/templates")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rendered() -> Iterator[set[str]]:
    """The names of all templates that have been rendered, included and imported ones too."""
    names: set[str] = set()
    original = Environment.get_template

    def noting(self: Environment, name: str, *rest: Any) -> Template:
        names.add(name)
        return original(self, name, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "get_template", noting)
        yield names


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    require("node")
    context = chromium.new_context(locale="de")
    load_axe(context)
    # It would leave the page before it can be looked at.
    context.route("**/static/form_post.js", lambda route: route.abort())
    yield context.new_page()
    context.close()


def show(page: Page, url: str, response: Response | httpx2.Response) -> None:
    """Show a response at its URL, with what it loads from there."""
    headers = {name: response.headers[name] for name in ("content-type", "content-security-policy")}
    body = response.body if isinstance(response, Response) else response.content
    page.route(url, lambda route: route.fulfill(status=200, headers=headers, body=bytes(body)))
    page.goto(url)
    page.unroute(url)


def _states() -> dict[str, State]:
    own = page_states.STATES | connecting_states.STATES
    return own | approval_states.STATES | console_states.STATES


def test_axe_finds_nothing_on_any_page_and_every_template_is_among_them(
    page: Page, rendered: set[str], tmp_path: Path
) -> None:
    wrong = {}
    # Playwright keeps an event loop on this thread.
    with visiting(tmp_path) as visit, ThreadPoolExecutor(1) as elsewhere:
        for name, reach in _states().items():
            response = elsewhere.submit(reach, visit).result()
            show(page, str(response.url), response)
            wrong[name] = violations(page)
    for name, rendered_page in pages_of_the_resource_service().items():
        show(page, f"http://localhost:1/{name}", rendered_page)
        wrong[name] = violations(page)
    assert {name: each for name, each in wrong.items() if each} == {}
    there = {path.name for folder in TEMPLATES for path in (ROOT / folder).glob("*.html")}
    assert there - rendered == set()


def pages_of_the_resource_service() -> dict[str, Response]:
    """Every page that the MCP servers show to a browser."""
    settings = ResourceSettings(
        issuer="https://auth.example",
        resource="https://mcp.example/mcp",
        resource_secret=SecretStr(RESOURCE_SECRET),
        site_name="Beispiel AG",
        accent_color="#b3261e",
        accent_color_dark="#ff8a80",
    )
    pages = VisitorPages(settings, [settings], Brand(icon="/icon.svg"))
    themed = VisitorPages(settings, [settings], Theme.of(settings).brand(""))
    with in_language("de"):
        return {
            "home": pages.home(),
            "themed": themed.home(),
            "mcp": pages.refused(Refused("/mcp", 401, "invalid_token", "a token is needed")),
            **{
                str(status): pages.refused(Refused("/v1", status, "error", "what is wrong"))
                for status in (401, 404, 413, 429, 500, 503)
            },
        }
