"""Clients that write down what was acknowledged, and count what is missing afterwards."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import httpx2

from tests.auth_service.service import AuthorizationServer, machine
from tests.e2e.load import UnavailableError, puts_off
from tests.flow import Client, Person
from tests.servers import wait_until

PAUSE_S = 0.02
RECOVERY_S = 60
CHECK_S = 60


@dataclass
class Outcome:
    """The result of one scenario.

    Attributes:
        acknowledged: registrations, connections, refreshes and revocations that were answered with success.
        lost: registrations and connections of them that are gone.
        revived: revoked tokens that are accepted.
        logged_out: clients whose refresh was refused.
        recovery_s: from the end of the fault until every client had succeeded again.
    """

    scenario: str
    acknowledged: int = 0
    lost: int = 0
    revived: int = 0
    logged_out: int = 0
    recovery_s: float = 0.0


OUTCOMES: list[Outcome] = []


def table() -> str:
    """The outcomes as a Markdown table."""
    rows = [f"| {' | '.join(_cells(outcome))} |" for outcome in OUTCOMES]
    head = "| scenario | acknowledged | lost | revoked, accepted | logged out | recovery |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *rows])


def _cells(outcome: Outcome) -> list[str]:
    counts = (outcome.acknowledged, outcome.lost, outcome.revived, outcome.logged_out)
    return [outcome.scenario, *map(str, counts), f"{outcome.recovery_s:.1f} s"]


def _note_outage(response: httpx2.Response) -> None:
    if puts_off(response):
        raise UnavailableError


@dataclass
class Bookkeeper(ABC):
    """One kind of client at one server."""

    server: AuthorizationServer
    outcome: Outcome
    successes: int = 0
    failures: int = 0
    http: httpx2.Client = field(default_factory=lambda: machine(event_hooks={"response": [_note_outage]}))

    def __post_init__(self) -> None:
        self.person = Person(trust_env=False, event_hooks={"response": [_note_outage]})

    def close(self) -> None:
        self.http.close()
        self.person.close()

    def register(self) -> Client:
        return Client.register(self.server.origin, self.http)

    def work_until(self, stop: threading.Event) -> None:
        """Repeat the work; an outage is a reason to try again."""
        while not stop.is_set():
            try:
                self.step()
                self.successes += 1
            except (httpx2.TransportError, UnavailableError):
                self.failures += 1
            stop.wait(PAUSE_S)

    @abstractmethod
    def step(self) -> None:
        """Do it once, and write down what was acknowledged."""

    @abstractmethod
    def audit(self) -> None:
        """Count what is missing."""


class Registering(Bookkeeper):
    """Registers clients."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clients: list[Client] = []

    def step(self) -> None:
        self.clients.append(self.register())

    def audit(self) -> None:
        self.outcome.acknowledged += len(self.clients)
        for client in self.clients:
            authorization = f"Bearer {client.information['registration_access_token']}"
            url = f"{self.server.origin}/register/{client.client_id}"
            response = self.http.get(url, headers={"Authorization": authorization})
            self.outcome.lost += response.status_code != 200


class Staying(Bookkeeper):
    """Refreshes with the newest token, and connects again only if it was logged out."""

    tokens: dict[str, Any] | None = None
    client: Client | None = None

    def step(self) -> None:
        if self.tokens is None or self.client is None:
            self.client = self.register()
            self.tokens = self.client.connect(self.person)
        else:
            response = self.client.refresh(self.tokens["refresh_token"])
            self.tokens = response.json() if response.status_code == 200 else None
            self.outcome.logged_out += response.status_code != 200
        self.outcome.acknowledged += 1

    def audit(self) -> None:
        self.step()


class Revoking(Bookkeeper):
    """Connects and revokes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.revoked: list[tuple[Client, dict[str, Any]]] = []
        self.pending: tuple[Client, dict[str, Any]] | None = None

    def step(self) -> None:
        if self.pending is None:
            client = self.register()
            self.pending = client, client.connect(self.person)
        client, tokens = self.pending
        assert client.revoke(tokens["refresh_token"]).status_code == 200
        self.revoked.append(self.pending)
        self.pending = None

    def audit(self) -> None:
        self.outcome.acknowledged += len(self.revoked)
        for client, tokens in self.revoked:
            accepted = self.server.is_active(tokens["access_token"])
            refreshed = client.refresh(tokens["refresh_token"]).status_code == 200
            self.outcome.revived += accepted or refreshed


Kind = Callable[[AuthorizationServer, Outcome], Bookkeeper]
KINDS: tuple[Kind, ...] = (Registering, Staying, Staying, Revoking)


class Load:
    """Clients at work."""

    def __init__(self, clients: Sequence[Bookkeeper], threads: Sequence[Future[None]]) -> None:
        self._clients = clients
        self._threads = threads

    def goes_on(self, times: int = 3) -> float:
        """Wait until every client has succeeded so many more times; return the seconds."""
        began = time.monotonic()
        self._wait_for(attrgetter("successes"), times)
        return time.monotonic() - began

    def falters(self) -> None:
        """Wait until every client has failed once more."""
        self._wait_for(attrgetter("failures"), 1)

    def _wait_for(self, count: Callable[[Bookkeeper], int], more: int) -> None:
        goals = [count(client) + more for client in self._clients]

        def reached() -> bool:
            return all(count(client) >= goal for client, goal in zip(self._clients, goals, strict=True))

        wait_until(lambda: reached() or any(map(Future.done, self._threads)), timeout_s=RECOVERY_S)
        for thread in self._threads:
            if thread.done():
                thread.result()


@contextmanager
def under_load(
    outcome: Outcome, servers: Sequence[AuthorizationServer], kinds: Sequence[Kind] = KINDS
) -> Iterator[Load]:
    """Clients of all `kinds` at every server inside the context; then the books are audited."""
    stop, clients = threading.Event(), [kind(server, outcome) for server in servers for kind in kinds]
    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            threads = [pool.submit(client.work_until, stop) for client in clients]
            try:
                yield Load(clients, threads)
            finally:
                stop.set()
        for client in clients:
            _audited(client)
        for server in servers:
            only_outages(server)
    finally:
        for client in clients:
            closing(client).__exit__()
    OUTCOMES.append(outcome)


def only_outages(server: AuthorizationServer) -> None:
    """Forget the responses of 503, which a fault excuses; there must be no other failures."""
    failures = [failure for failure in server.failures if not failure.startswith("503 ")]
    server.failures.clear()
    assert failures == []


def _audited(client: Bookkeeper) -> None:
    deadline = time.monotonic() + CHECK_S
    before = vars(client.outcome).copy()
    while True:
        try:
            client.audit()
            return
        except (httpx2.TransportError, UnavailableError):
            vars(client.outcome).update(before)
            assert time.monotonic() < deadline
