"""The configured name, logo and colors on the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auth_service.crypto.passkeys import RelyingParty
from auth_service.crypto.totp import enrolment_uri
from auth_service.web.qr_code import qr_code
from tests.auth_service.endpoints.second_factors import key_on, log_in, somebody
from tests.auth_service.service import AuthorizationServer, running
from tests.shared.appearance.images import png

pytestmark = pytest.mark.requirement("ID-11")

NAME = "Söhne & <Co>"
# Login, an error page, the page at the root, an error of the framework, API documentation.
PAGES = ["/login", "/authorize", "/", "/nowhere", "/docs"]
LOADING_STYLES = ["/login", "/account", "/device"]
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def themed(
    new_store: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthorizationServer]:
    logo: Path = tmp_path_factory.mktemp("theme") / "logo"
    logo.write_bytes(png())
    with running(
        new_store(),
        site_name=NAME,
        logo=str(logo),
        accent_color="#B3261E",
        accent_color_dark="#ff8a80",
    ) as server:
        yield server


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_configured_name_and_logo(themed: AuthorizationServer, path: str) -> None:
    page = themed.get(path, **HTML).text
    assert "Söhne &amp; &lt;Co&gt;" in page.partition("<title>")[2].partition("</title>")[0]
    assert "Söhne &amp; &lt;Co&gt;" in page.partition("<header>")[2].partition("</header>")[0]
    assert re.search(r'<header><img src="/?static/logo-[0-9a-f]{16}\.png"', page)
    assert re.search(r'<link rel="icon" href="/?static/logo-[0-9a-f]{16}\.png" type="image/png">', page)
    assert "Doorward" not in page
    assert "doorward.svg" not in page


@pytest.mark.parametrize("path", LOADING_STYLES)
def test_the_colors_come_in_a_style_sheet_after_ours(themed: AuthorizationServer, path: str) -> None:
    response = themed.http.get(f"{themed.origin}{path}", headers=HTML, follow_redirects=True)
    ours, theirs = re.findall(r'<link rel="stylesheet" href="([^"]+)">', response.text)
    assert ours == "static/doorward.css"
    style = themed.get(f"/{theirs}")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert style.text.splitlines() == [
        ":root { --door: #b3261e; --door-over: #8f1e18; }",
        "@media (prefers-color-scheme: dark) { :root { --door: #ff8a80; --door-over: #ffa199; } }",
    ]
    assert "style-src 'self';" in response.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_a_page_that_loads_no_style_sheet_contains_the_colors(themed: AuthorizationServer, path: str) -> None:
    response = themed.get(path, **HTML)
    assert "--door: #b3261e" in response.text
    assert "unsafe-inline" not in response.headers["content-security-policy"]


def test_the_files_are_served_with_their_type_and_cached_for_good(themed: AuthorizationServer) -> None:
    page = themed.get("/login", **HTML).text
    for path in re.findall(r'"(static/(?:logo|theme)-[^"]+)"', page):
        response = themed.get(f"/{path}")
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    logo = themed.get("/" + re.findall(r"static/logo-[0-9a-f]+\.png", page)[0])
    assert (logo.headers["content-type"], logo.content) == ("image/png", png())


def test_only_files_with_the_right_hash_are_served(themed: AuthorizationServer) -> None:
    for path in ("/static/logo-0000000000000000.png", "/static/theme-0000000000000000.css"):
        assert themed.get(path).status_code == 404


def test_authenticator_apps_and_passkeys_get_the_configured_name(themed: AuthorizationServer) -> None:
    person = somebody(themed)
    log_in(themed, person)
    page = person.open(f"{themed.origin}/add-authenticator")
    person.close()
    assert str(qr_code(enrolment_uri(key_on(page), person.username, NAME))) in page.text
    party = RelyingParty("https://auth.example", NAME)
    options = json.loads(party.creation_options(b"-", subject="1", username="bob", existing=()))
    assert options["rp"] == {"name": NAME, "id": "auth.example"}


def test_without_the_settings_pages_are_those_of_doorward(server: AuthorizationServer) -> None:
    page = server.get("/login", **HTML).text
    assert "· Doorward</title>" in page
    assert page.count("static/doorward.svg") == 2
    assert "theme-" not in page
