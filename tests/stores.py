"""Empty stores on each backend, and the authorization servers on them that many tests share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.machine import require
from tests.servers import redis_running

if TYPE_CHECKING:
    from tests.auth_service.service import AuthorizationServer

_IN_MEMORY = ("--save", "", "--appendonly", "no", "--databases", "1000")
NewStore = Callable[[], str]

ON_ONE_STORE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True, scope="session")
"""For a table of cases of one rule that differ in nothing the store sees; others run the rule on both."""


class SharedServers:
    """The servers that the tests of one process share, started on first use.

    Fixtures with a parameter end whenever another value of it comes next, so they only point in here.
    """

    def __init__(self, directory: Path, until: ExitStack) -> None:
        self._directory = directory
        self._until = until
        self._stores: dict[str, NewStore] = {}
        self._servers: dict[str, AuthorizationServer] = {}

    def new_store(self, backend: str) -> NewStore:
        """Gives the URL of another empty store at each call; none of these is ever emptied."""
        if backend not in self._stores:
            self._stores[backend] = self._redis() if backend == "redis" else self._sqlite()
        return self._stores[backend]

    def server(self, backend: str) -> AuthorizationServer:
        """The authorization server as most tests want it."""
        from tests.auth_service.service import running

        if backend not in self._servers:
            started = running(self.new_store(backend)())
            self._servers[backend] = self._until.enter_context(started)
        return self._servers[backend]

    def _sqlite(self) -> NewStore:
        numbers = itertools.count()
        return lambda: f"sqlite:///{self._directory}/{next(numbers)}.db"

    def _redis(self) -> NewStore:
        require("redis-server")
        numbers = itertools.count()
        redis = self._until.enter_context(redis_running(self._directory / "redis", *_IN_MEMORY))
        return lambda: f"{redis.url}/{next(numbers)}"


@contextmanager
def shared_servers(directory: Path) -> Iterator[SharedServers]:
    """They end with the context."""
    with ExitStack() as stack:
        yield SharedServers(directory, stack)
