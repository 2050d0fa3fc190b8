"""The browser that programs open, and the person at it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from tests.flow import Person
from tests.servers import wait_until

_LOOK_EVERY_S = 0.05
_LISTENS_WITHIN_S = 20
_NAMES = ("browser", "xdg-open", "open")


class Browser:
    """A program that notes the URLs it is opened with, and somebody who logs in and allows each of them.

    Args:
        directory: an empty one, for the program.

    Attributes:
        environment: what makes programs open this one.
        visited: every URL that has been opened and dealt with.
    """

    def __init__(self, directory: Path, person: Person) -> None:
        self.person = person
        self.visited: list[str] = []
        self.failures: list[BaseException] = []
        self._opened = directory / "opened"
        self._opened.touch()
        for name in _NAMES:
            program = directory / name
            program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$1\" >>'{self._opened}'\n")
            program.chmod(0o700)
        self.environment = {
            "BROWSER": str(directory / "browser"),
            "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}",
        }

    def visit(self, url: str) -> None:
        """Log in and allow what is asked for; the answer goes to where the client listens."""
        answer = self.person.authorize(url)
        (redirect_uri,) = parse_qs(urlsplit(url).query)["redirect_uri"]
        # What listens there is on this machine and speaks plain http.
        brought = at_a_listener(f"{redirect_uri}?{urlencode(answer)}")
        assert brought.status_code < 400, brought.text
        self.visited.append(url)

    @contextmanager
    def attended(self) -> Iterator[Browser]:
        """Somebody sits at it for the length of the context."""
        leaving = threading.Event()
        thread = threading.Thread(target=self._attend, args=(leaving,), name="browser")
        thread.start()
        try:
            yield self
        finally:
            leaving.set()
            thread.join()
        if self.failures:
            raise self.failures[0]

    @property
    def opened(self) -> int:
        """How many URLs it was opened with: a client may go on before the visit is over here."""
        return len(self._opened.read_text().splitlines())

    def visits(self, count: int) -> None:
        """Wait for the visit of that number to be over; there must not be more."""
        wait_until(lambda: bool(self.failures) or len(self.visited) >= count)
        assert self.failures == []
        assert len(self.visited) == count, self.visited

    def _attend(self, leaving: threading.Event) -> None:
        seen = 0
        while not leaving.wait(_LOOK_EVERY_S):
            for url in self._opened.read_text().splitlines()[seen:]:
                seen += 1
                try:
                    self.visit(url)
                except BaseException as failure:  # noqa: BLE001 -- raised again where the test is
                    self.failures.append(failure)


def at_a_listener(url: str) -> httpx2.Response:
    """Get `url` once somebody listens: some clients open the browser before, as a person takes longer."""
    deadline = time.monotonic() + _LISTENS_WITHIN_S
    while True:
        try:
            return httpx2.get(url, timeout=30, trust_env=False)
        except httpx2.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_EVERY_S)


@contextmanager
def at_a_browser(directory: Path, **options: Any) -> Iterator[Browser]:
    """A browser, in a new `directory`, with the demo user at it for the length of the context.

    Args:
        options: of the HTTP client that the browser is.
    """
    directory.mkdir()
    person = Person(trust_env=False, **options)
    try:
        with Browser(directory, person).attended() as browser:
            yield browser
    finally:
        person.close()
