"""Opening a store by its URL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.storage import open_store
from shared.storage.sqlite_file import database_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///doorward.db", "doorward.db"),
        ("sqlite:///.doorward/doorward.db", ".doorward/doorward.db"),
        ("sqlite:////var/lib/doorward.db", "/var/lib/doorward.db"),
        ("sqlite:////var/my%20state%3F/doorward.db", "/var/my state?/doorward.db"),
    ],
)
def test_a_sqlite_url_names_a_relative_or_an_absolute_path(url: str, path: str) -> None:
    assert database_path(url) == Path(path)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://doorward.db",
        "sqlite://host/doorward.db",
        "sqlite:///",
        "sqlite:////",
        "sqlite:///:memory:",
        "sqlite:///doorward.db?mode=memory",
        "sqlite:///doorward.db#x",
        "sqlite:doorward.db",
        "memory://",
        "",
    ],
)
def test_a_url_of_no_known_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///|unknown form"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "rediss://localhost",
        "redis+sentinel://localhost/service",
        "redis+cluster://127.0.0.1:7000",
    ],
)
def test_a_redis_store_is_made_without_an_event_loop_or_a_server(url: str) -> None:
    assert open_store(url)


def test_sqlite_is_opened_without_redis_being_installed(tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["redis"] = None
from shared.storage import open_store
open_store("sqlite:///{tmp_path}/doorward.db")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
