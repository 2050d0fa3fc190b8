"""Clients that go on whatever happens to the servers, and remember exactly what they were promised.

A client that gets no answer, or a 503, tries again with what it has: that is all that may be asked of it.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from operator import attrgetter

import httpx2

from tests.e2e.contest import WEB
from tests.flow import Client, Person, Pkce
from tests.servers import wait_until

TIMEOUT_S = 60
PAUSE_S = 0.02


class UnavailableError(Exception):
    """The server said that it cannot answer now."""


def puts_off(response: httpx2.Response) -> bool:
    """Whether an answer is a 503, which must be a good one: JSON or a page, and it says when to try again."""
    if response.status_code != 503:
        return False
    response.read()
    assert int(response.headers["retry-after"]) > 0
    if response.headers["content-type"] == "application/json":
        assert response.json()["error"] == "temporarily_unavailable"
    else:
        assert response.headers["content-type"].startswith("text/html")
    return True


def _note_outage(response: httpx2.Response) -> None:
    if puts_off(response):
        raise UnavailableError


HOOKS = {"response": [_note_outage]}


class Worker(ABC):
    """Does one kind of thing over and over, on a thread of its own.

    Attributes:
        acknowledged: how often it was told that it was done.
        failures: how often it was not.
    """

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.http = httpx2.Client(timeout=30, trust_env=False, event_hooks=HOOKS)
        self.person = Person(trust_env=False, event_hooks=HOOKS)
        self.acknowledged = 0
        self.failures = 0

    def begin(self) -> None:
        """Prepare the work."""
        self.client = self.register()

    @abstractmethod
    def step(self) -> None:
        """Do it once."""

    @abstractmethod
    def check(self) -> None:
        """Look whether every promise is kept; AssertionError where one is not."""

    def register(self) -> Client:
        """A new client, whose consents are remembered."""
        return Client.register(self.issuer, self.http, redirect_uris=WEB)

    def work_until(self, stop: threading.Event) -> None:
        """The thread."""
        while not stop.is_set():
            try:
                self.step()
                self.acknowledged += 1
            except (httpx2.TransportError, UnavailableError):
                self.failures += 1
            stop.wait(PAUSE_S)

    def close(self) -> None:
        self.http.close()
        self.person.close()


class Registers(Worker):
    """Registers clients; all of them must be there."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self.registered: list[Client] = []

    def step(self) -> None:
        self.registered.append(self.register())

    def check(self) -> None:
        for client in self.registered:
            token = client.information["registration_access_token"]
            response = self.http.get(
                f"{self.issuer}/register/{client.client_id}", headers={"Authorization": f"Bearer {token}"}
            )
            assert response.status_code == 200
            assert response.json() == client.information


class ConsentRepository(Worker):
    """Logs in and consents; the session, the consent and the code must be there."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self.issued: list[tuple[Client, Pkce, str]] = []

    def step(self) -> None:
        client, pkce = self.register(), Pkce()
        code = self.person.authorize(client.authorization_url(pkce))["code"]
        self.issued.append((client, pkce, code))

    def check(self) -> None:
        for client, pkce, code in self.issued:
            silently = self.person.authorize(client.authorization_url(Pkce(), prompt="none"))
            assert "code" in silently
            assert client.redeem(code, pkce).status_code == 200


class Refreshes(Worker):
    """Refreshes, always with the newest token it was given, and stays connected."""

    def begin(self) -> None:
        super().begin()
        self.tokens = self.client.connect(self.person)

    def step(self) -> None:
        response = self.client.refresh(self.tokens["refresh_token"])
        assert response.status_code == 200, response.text
        self.tokens = response.json()

    def check(self) -> None:
        self.step()


class Revokes(Worker):
    """Connects and revokes; what is revoked must stay so."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self.revoked: list[str] = []

    def step(self) -> None:
        tokens = self.client.connect(self.person)
        assert self.client.revoke(tokens["access_token"]).status_code == 200
        self.revoked.append(tokens["refresh_token"])

    def check(self) -> None:
        for refresh_token in self.revoked:
            assert self.client.refresh(refresh_token).json()["error"] == "invalid_grant"


KINDS: tuple[type[Worker], ...] = (Registers, ConsentRepository, Refreshes, Revokes)


class Load:
    """Workers at work, each on a thread that ends early only by an answer that no outage excuses."""

    def __init__(self, workers: Sequence[Worker], threads: Sequence[Future[None]]) -> None:
        self._workers = workers
        self._threads = threads

    def goes_on(self, times: int = 5) -> None:
        """Wait until every worker has been told so many more times that it was done."""
        self._wait_for(attrgetter("acknowledged"), times)

    def falters(self) -> None:
        """Wait until every worker has failed once more."""
        self._wait_for(attrgetter("failures"), 1)

    def _wait_for(self, count: Callable[[Worker], int], more: int) -> None:
        goals = [count(worker) + more for worker in self._workers]

        def reached() -> bool:
            return all(count(worker) >= goal for worker, goal in zip(self._workers, goals, strict=True))

        wait_until(lambda: reached() or any(map(Future.done, self._threads)), timeout_s=TIMEOUT_S)
        for thread in self._threads:
            if thread.done():
                thread.result()


@contextmanager
def under_load(issuers: Sequence[str]) -> Iterator[Load]:
    """Workers of all kinds at every one of `issuers`, inside the context; then every promise is checked."""
    stop, workers = threading.Event(), [kind(issuer) for issuer in issuers for kind in KINDS]
    with ExitStack() as stack:
        for worker in workers:
            stack.enter_context(closing(worker))
            worker.begin()
        with ThreadPoolExecutor(len(workers)) as pool:
            threads = [pool.submit(worker.work_until, stop) for worker in workers]
            try:
                yield Load(workers, threads)
            finally:
                stop.set()
        for worker, thread in zip(workers, threads, strict=True):
            thread.result()
            worker.check()
