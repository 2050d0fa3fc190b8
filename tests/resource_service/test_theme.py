"""The configured name, logo and colors on the pages of the resource service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, running
from tests.shared.appearance.images import png
from tests.visiting import BROWSER

pytestmark = pytest.mark.requirement("ID-11")

# The start page, how to connect, an error page, an error of the framework, API documentation.
PAGES = ["/tools/", "/tools/mcp", "/tools/hello", "/tools/nowhere", "/tools/docs"]


@pytest.fixture(scope="module")
def themed(
    issuer_running: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    directory: Path = tmp_path_factory.mktemp("themed")
    (directory / "logo").write_bytes(png())
    with running(
        issuer_running,
        directory,
        resource="https://mcp.example/tools/mcp",
        site_name="Söhne & <Co>",
        logo=str(directory / "logo"),
        accent_color="#B3261E",
        accent_color_dark="#ff8a80",
    ) as service:
        yield service


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_configured_name_logo_and_colors(themed: Service, path: str) -> None:
    page = httpx2.get(f"{themed.origin}{path}", headers=BROWSER, trust_env=False).text
    header = page.partition("<header>")[2].partition("</header>")[0]
    assert "Söhne &amp; &lt;Co&gt;" in header
    (logo,) = re.findall(r'<img src="(/tools/docs/assets/logo-[0-9a-f]{16}\.png)"', header)
    assert f'<link rel="icon" href="{logo}" type="image/png">' in page
    assert "--door: #b3261e" in page
    assert "--door: #ff8a80" in page
    assert "doorward.svg" not in page
    image = httpx2.get(f"{themed.origin}{logo}", trust_env=False)
    assert (image.headers["content-type"], image.content) == ("image/png", png())


def test_without_the_settings_pages_are_those_of_doorward(service: Service) -> None:
    for path in ("/", "/docs"):
        page = httpx2.get(f"{service.origin}{path}", headers=BROWSER, trust_env=False).text
        assert "Doorward" in page.partition("<header>")[2].partition("</header>")[0]
        assert re.search(r'<link rel="icon" href="/?docs/assets/doorward\.svg"', page)
        assert "logo-" not in page
