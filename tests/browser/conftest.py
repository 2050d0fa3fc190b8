"""Both services, and Chromium. The suites are in two xdist groups, each of which shares these.

One looks at pages, the other does what people do: a single group would be the last to end.

Everything long-lived ends with the package: the event loop that Playwright keeps on this thread would be in
the way of the asynchronous tests of other packages.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import NETWORK_CHANGED, Desk, chromium_running
from tests.browser.pair import Pair, pair
from tests.browser.site import Site, site
from tests.flow import Client
from tests.machine import require

DIRECTORY = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Repeat a test that the browser gave up for that reason, and for no other."""
    for item in items:
        if item.path.is_relative_to(DIRECTORY):
            item.add_marker(pytest.mark.flaky(reruns=2, only_rerun=[NETWORK_CHANGED]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Name the reason where a page that a click should have opened is missing.

    Raises:
        RuntimeError: the test failed, and the browser had given up a connection before.
    """
    try:
        return (yield)
    except Exception as error:
        desk = getattr(item, "funcargs", {}).get("desk")
        if isinstance(desk, Desk) and any(NETWORK_CHANGED in each for each in desk.complaints):
            raise RuntimeError(NETWORK_CHANGED) from error
        raise


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    require("chromium")
    with chromium_running() as browser:
        yield browser


@pytest.fixture(scope="package")
def at_the_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The services as `doorward up` has them."""
    require("chromium")
    with pair(tmp_path_factory.mktemp("at-the-root")) as services:
        yield services


@pytest.fixture(scope="package")
def under_paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The services where other things share their hosts."""
    require("chromium")
    directory = tmp_path_factory.mktemp("under-paths")
    with pair(directory, issuer_path="/auth", resource_path="/tools") as services:
        yield services


@pytest.fixture
def desk(chromium: Browser) -> Iterator[Desk]:
    """Browsers; nothing may be asked of the world outside, nor be complained about."""
    desk = Desk(chromium)
    yield desk
    desk.leave()
    assert desk.complaints == []
    assert desk.asked_elsewhere == []


@pytest.fixture
def page(desk: Desk) -> Page:
    """A tab."""
    return desk.page()


@pytest.fixture(scope="package")
def one_site() -> Iterator[Site]:
    with site() as running:
        yield running


@pytest.fixture
def elsewhere(one_site: Site) -> Site:
    """A site of another origin, with nothing on it and not asked yet."""
    one_site.pages.clear()
    one_site.calls.clear()
    one_site.slow_s.clear()
    one_site.cookie = None
    return one_site


@pytest.fixture(scope="package")
def http() -> Iterator[httpx2.Client]:
    """For what machines do."""
    with httpx2.Client(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def client(at_the_root: Pair, http: httpx2.Client, elsewhere: Site) -> Client:
    """A client whose callback is a page of `elsewhere`."""
    return Client.register(at_the_root.issuer, http, redirect_uris=[f"{elsewhere.origin}/callback"])
