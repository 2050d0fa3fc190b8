"""A `doorward up` that programs of others connect to, and what the tests may know of it from behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Up, up
from tests.interop.browser import Browser, at_a_browser
from tests.machine import require

ACCESS_TTL_S = 5
SHORT = {"DOORWARD_ACCESS_TTL_S": str(ACCESS_TTL_S)}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Both services, whose access tokens do not live long."""
    require("node")
    with up(tmp_path_factory.mktemp("up"), **SHORT) as started:
        yield started


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with the demo user at it."""
    with at_a_browser(tmp_path / "browser") as browser:
        yield browser
