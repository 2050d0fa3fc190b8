"""Take the pictures of the documentation, docs/images, from `doorward up` in Chromium.

    make screenshots
    make screenshots ARGS=/tmp/pictures

The ports are those of `make run`, because the pages show them: stop it before.
"""

from __future__ import annotations

import argparse
import base64
import re
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import chromium_running
from tests.browser.demonstration import (
    CLIENT,
    ISSUER,
    MCP_URL,
    PASSWORD,
    USERNAME,
    authorization_url,
    connect_others,
)
from tests.browser.steps import allow, sees
from tests.cli.command import ROOT, Up, up
from tests.flow import REDIRECT_URI

PICTURES = ROOT / "docs" / "images"
PORTS = ("--auth-port", "9000", "--resource-port", "9001", "--set-up-port", "9002")
SERVER = f"/usr/bin/env PYTHONPATH={ROOT} {shlex.quote(sys.executable)} -m tests.browser.wiki"
MARGIN = 24
PHONE, DESK = (360, 640), (1000, 640)
QUALITY = 85
"""Quality of WebP, in percent: letters have no visible artifacts, and a picture has 10 to 50 kB."""


class Camera:
    """Saves pictures of pages in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def take(self, page: Page, name: str, height: int = 10_000) -> None:
        """Save the top `height` CSS pixels of the page, at most all of it; the picture has as many pixels."""
        page.wait_for_load_state("networkidle")
        width, whole = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(whole, height), "scale": 1}
        options = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True}
        answer = page.context.new_cdp_session(page).send("Page.captureScreenshot", options)
        (self.directory / f"{name}.webp").write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browsing(chromium: Browser, size: tuple[int, int]) -> Iterator[Page]:
    """A page in a browser of its own."""
    width, height = size
    context = chromium.new_context(viewport={"width": width, "height": height}, device_scale_factor=2)
    yield context.new_page()
    context.close()


def press(page: Page, name: str) -> None:
    page.wait_for_timeout(600)  # Forms accept no click in their first half second.
    page.get_by_role("button", name=name).click()


def lower_edge(page: Page, name: str) -> int:
    """The position of the lower edge of the first button or link of that name, in CSS pixels."""
    box = page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first.bounding_box()
    assert box
    return round(box["y"] + box["height"])


def create_administrator(page: Page, link: str) -> None:
    """Create the first administrator by the link after *Set up*."""
    page.goto(link)
    page.get_by_role("link", name="Create the first administrator").click()
    page.get_by_label("Username").fill(USERNAME)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.wait_for_timeout(600)
    page.locator("button.primary").click()
    page.wait_for_load_state()


def set_up(page: Page, link: str, camera: Camera) -> None:
    """Put Doorward in front of the server."""
    create_administrator(page, link)
    page.goto("http://localhost:9002/")
    page.get_by_role("link", name="Continue").click()
    page.get_by_label("URL, or command").fill(SERVER)
    press(page, "List its tools")
    expect(page.get_by_label("delete_page")).to_be_visible()
    camera.take(page, "set-up")
    press(page, "Use these permissions")
    expect(page.get_by_text("The self-check")).to_be_visible()
    press(page, "Finish")
    sees(page, "Doorward is set up")


def connect(page: Page, url: str, camera: Camera) -> None:
    """Log in and allow the client, as its user does."""
    page.goto(url)
    camera.take(page, "login")
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Log in")
    sees(page, "Allow access?")
    camera.take(page, "consent")
    page.wait_for_timeout(600)
    with page.expect_request(f"{REDIRECT_URI}*"):
        allow(page)


def administer(page: Page, camera: Camera) -> None:
    """Look at the console."""
    page.goto(f"{ISSUER}/admin")
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Log in")
    for name, height in (("software", 900), ("journal", 1_300)):
        page.goto(f"{ISSUER}/admin/{name}")
        camera.take(page, name, height)


def take_all(running: Up, chromium: Browser, camera: Camera) -> None:
    """Take every picture, in the order of a first visit."""
    link = re.search(r"Set up +(\S+)", running.output)
    assert link, running.output
    # Playwright keeps an event loop on this thread.
    with httpx2.Client(timeout=30) as http, ThreadPoolExecutor(1) as elsewhere:
        with browsing(chromium, DESK) as page:
            set_up(page, link[1], camera)
            page.goto(MCP_URL)
            camera.take(page, "connect")
        elsewhere.submit(connect_others, http).result()
        with browsing(chromium, PHONE) as page:
            connect(page, authorization_url(http, CLIENT), camera)
            account = page.context.new_page()
            account.goto(f"{ISSUER}/account")
            camera.take(account, "account", lower_edge(account, "Disconnect") + MARGIN)
        with browsing(chromium, DESK) as page:
            administer(page, camera)


def main() -> None:
    """Take the pictures into the directory of the documentation, or another one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=PICTURES)
    camera = Camera(parser.parse_args().directory)
    camera.directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as directory, up(Path(directory), *PORTS) as running:
        assert running.process.poll() is None, running.output
        with chromium_running() as chromium:
            take_all(running, chromium, camera)


if __name__ == "__main__":
    main()
