"""Calls while either service is killed: each side effect has exactly one event (JR-2)."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth_service.journal.reader import JournalReader
from shared.journal.chain import read_entry
from shared.journal.delivery import process_of
from shared.storage import open_store
from tests.e2e.services import Deployment, Service, deployed, start
from tests.flow import Client, Person
from tests.gateway.upstreams import python_upstream
from tests.resource_service.service import bearer, call, modern_headers
from tests.servers import wait_until

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("load"), pytest.mark.requirement("JR-1", "JR-2")]

CALLS = int(os.environ.get("DOORWARD_SOAK_CALLS", "300"))
KILLS = max(4, CALLS // 500)
THREADS = 4
POLICY = """\
scopes: {"notes:read": Use notes}
default: "notes:read"
journal: {add_note: full}
"""


@dataclass
class Calls:
    """Clients that call a tool with texts that differ.

    Attributes:
        ended: when a call began and ended, by its text.
        answered: the texts of the calls that were answered with success.
    """

    service: Service
    token: str
    made: int = 0
    answered: set[str] = field(default_factory=set)
    ended: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make calls until `CALLS` were made."""
        threads = [threading.Thread(target=self._make) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    def has_made(self, count: int) -> bool:
        """Whether so many calls began."""
        return self.made >= count

    def _make(self) -> None:
        with httpx2.Client(timeout=30, trust_env=False) as http:
            while (text := self._next()) is not None:
                began = time.monotonic()
                if self._call(http, text):
                    self.answered.add(text)
                self.ended[text] = began, time.monotonic()
                if text not in self.answered:  # a service that is down must not use up all calls
                    wait_until(partial(self._is_live, http), timeout_s=120)

    def _is_live(self, http: httpx2.Client) -> bool:
        try:
            return http.get(f"{self.service.url}/live").is_success
        except httpx2.HTTPError:
            return False

    def _next(self) -> str | None:
        with self._lock:
            self.made += 1
            return None if self.made > CALLS else f"call {self.made}"

    def _call(self, http: httpx2.Client, text: str) -> bool:
        headers = {**bearer(self.token), **modern_headers("add_note")}
        try:
            answer = http.post(f"{self.service.url}/mcp", json=call("add_note", text=text), headers=headers)
        except httpx2.HTTPError:
            return False
        return answer.is_success and "error" not in answer.text


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with python_upstream(
        "tests.faults.counting_server", tmp_path, arguments=(str(tmp_path / "ledger"),)
    ) as upstream:
        settings = {
            "DOORWARD_UPSTREAM": upstream.url,
            "DOORWARD_POLICY": str(policy),
            "DOORWARD_JOURNAL_DIRECTORY": str(tmp_path / "journal"),
            "DOORWARD_OUTAGE_GRACE_S": "60",
        }
        with deployed(
            f"sqlite:///{tmp_path}/auth.sqlite3", tmp_path, resource_settings=settings
        ) as deployment:
            yield deployment


async def events_in(store_url: str) -> list[dict[str, Any]]:
    async with aclosing(open_store(store_url)) as store:
        reader = JournalReader(store)
        return [
            {"process": process_of(chain), **read_entry(entry)}
            for chain in await reader.writers()
            async for _, entries in reader.written(chain)
            for entry in entries
        ]


@pytest.mark.anyio
async def test_each_side_effect_has_one_event_and_outcomes_are_unknown_only_around_kills(
    deployment: Deployment, http: httpx2.Client, tmp_path: Path
) -> None:
    person = Person(trust_env=False)
    tokens = Client.register(deployment.issuer, http).connect(
        person, resource=deployment.mcp_url, scope="notes:read"
    )
    person.close()
    calls = Calls(deployment.resource, tokens["access_token"])
    killed_at = []
    with calls.running():
        for kill in range(KILLS):
            due = CALLS * (kill + 1) // (KILLS + 1)
            wait_until(partial(calls.has_made, due), timeout_s=600)
            service = deployment.resource if kill % 2 == 0 else deployment.auth[0]
            service.kill()
            if service is deployment.resource:
                killed_at.append(time.monotonic())
            start([service])
    assert deployment.resource.stop() == 0
    effects = Counter((tmp_path / "ledger").read_text().splitlines())
    events = await events_in(deployment.store_url)
    begun = {
        (event["process"], event["call"]): event["arguments"]["full"]["text"]
        for event in events
        if event["kind"] == "call.begun" and event["name"] == "add_note"
    }
    assert len(calls.answered) > CALLS // 4
    assert set(effects.values()) == {1}
    assert Counter(begun.values()).keys() >= effects.keys(), "each side effect has an event"
    assert set(Counter(begun.values()).values()) == {1}, "and only one"
    endings = Counter(
        (event["process"], event["call"])
        for event in events
        if event["kind"] in ("call.completed", "call.unknown")
    )
    assert dict.fromkeys(begun, 1) == {key: endings[key] for key in begun}
    unknown = [
        begun[event["process"], event["call"]]
        for event in events
        if event["kind"] == "call.unknown" and (event["process"], event["call"]) in begun
    ]
    for text in unknown:
        began, ended = calls.ended[text]
        assert any(began <= killed <= ended + 1 for killed in killed_at), text
    assert len(unknown) <= 2 * THREADS * len(killed_at)
