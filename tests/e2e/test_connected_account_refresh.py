"""Several processes share one credential: the provider is asked once, whatever happens (GW-1)."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import anyio
import httpx2
import pytest

from auth_service.connected_accounts.records import ConnectedAccount, ConnectedAccountRecords
from shared.storage import open_store
from tests.auth_service.connected_accounts.upstream import Upstream, resource_server, running_upstream
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET
from tests.e2e.dump import dump
from tests.e2e.services import NO_BRAKES, Service, start
from tests.flow import Client, Person
from tests.machine import require
from tests.servers import free_port, redis_running, wait_until

pytestmark = [pytest.mark.long, pytest.mark.requirement("GW-1")]

PROCESSES, AT_ONCE = 3, 200
AUTH = httpx2.BasicAuth("resource", RESOURCE_SECRET)


@dataclass
class Replicas:
    """Processes of the authorization server on one Redis, and a person with a connected account."""

    processes: list[Service]
    upstream: Upstream
    store_url: str
    person: Person
    client: Client
    token: str
    subject: str

    def ask(self, process: Service) -> httpx2.Response:
        """Ask a process for the credential, as the resource server does."""
        url = f"{process.url}/connected-account"
        return self.client.http.post(url, data={"token": self.token}, auth=AUTH)

    def ask_at_once(self, count: int) -> list[httpx2.Response]:
        """The responses to requests at the same time, to all processes in turn."""

        async def run() -> list[httpx2.Response]:
            limits = httpx2.Limits(max_connections=count)
            async with httpx2.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
                urls = [
                    f"{self.processes[number % PROCESSES].url}/connected-account" for number in range(count)
                ]
                posts = (http.post(url, data={"token": self.token}, auth=AUTH) for url in urls)
                return list(await asyncio.gather(*posts))

        return anyio.run(run)

    def change(self, **members: Any) -> None:
        """Change the stored document behind the back of the processes."""

        def rule(account: ConnectedAccount) -> tuple[ConnectedAccount, bool]:
            return replace(account, **members), True

        async def run() -> None:
            store = open_store(self.store_url)
            records = ConnectedAccountRecords(store)
            account = await records.get(self.subject, RESOURCE)
            assert account is not None
            assert await records.change(account, rule)
            await store.aclose()

        anyio.run(run)

    def connect(self) -> None:
        """Connect the account by the link."""
        answer = self.ask(self.processes[0]).json()
        assert answer["status"] == "not_connected", answer
        left = self.person.submit(self.person.open(answer["connect_url"]), {})
        page = self.person.open(self.upstream.approve(left.headers["location"]))
        assert page.status_code == 200, page.text
        self.upstream.requests.clear()


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    require("redis-server")
    directory = tmp_path_factory.mktemp("connected")
    with ExitStack() as stack:
        upstream = stack.enter_context(running_upstream())
        redis = stack.enter_context(redis_running(directory / "redis"))
        ports = [free_port() for _ in range(PROCESSES)]
        settings = {
            **NO_BRAKES,
            "DOORWARD_ISSUER": f"http://127.0.0.1:{ports[0]}",
            "DOORWARD_STORE": redis.url,
            "DOORWARD_MASTER_KEYS": f"1:{urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
            "DOORWARD_RESOURCE_SERVERS": json.dumps([resource_server(upstream)]),
            "DOORWARD_DEMO_USER": "true",
            "DOORWARD_FETCH_LOOPBACK": "true",
        }
        processes = [Service("auth", port, settings, directory / f"{port}.log") for port in ports]
        for process in processes:
            stack.callback(process.kill)
        start(processes)
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False))
        person = Person(trust_env=False)
        stack.callback(person.close)
        client = Client.register(settings["DOORWARD_ISSUER"], http)
        token = client.connect(person, resource=RESOURCE)["access_token"]
        read = http.post(f"{processes[0].url}/introspect", data={"token": token}, auth=AUTH).json()
        yield Replicas(processes, upstream, redis.url, person, client, token=token, subject=read["sub"])


@pytest.fixture
def connected(replicas: Replicas) -> Replicas:
    """With a connected account."""
    replicas.upstream.latency_s = 0
    if replicas.ask(replicas.processes[0]).json()["status"] == "not_connected":
        replicas.connect()
    replicas.upstream.requests.clear()
    return replicas


def test_200_requests_at_the_moment_of_expiry_lead_to_one_refresh(connected: Replicas) -> None:
    connected.upstream.latency_s = 0.3
    connected.change(expires_at=int(time.time()) - 1)
    responses = connected.ask_at_once(AT_ONCE)
    assert {response.status_code for response in responses} == {200}
    assert connected.upstream.refreshes == 1
    answers = {(answer["authorization"], answer["version"]) for answer in (r.json() for r in responses)}
    assert len(answers) == 1
    assert answers.pop()[0] == f"Bearer {connected.upstream.tokens[-2]}"


def test_requests_ahead_of_the_expiry_wait_for_nobody_and_lead_to_one_refresh(connected: Replicas) -> None:
    connected.upstream.latency_s = 0.3
    now = int(time.time())
    connected.change(replaced_at=now - 1_000, expires_at=now + 30)
    responses = connected.ask_at_once(60)
    assert {response.status_code for response in responses} == {200}
    assert connected.upstream.refreshes == 1


def test_nothing_in_the_store_is_a_token_of_the_provider(connected: Replicas) -> None:
    stored = repr(dump(connected.store_url))
    assert f"connected-account:{connected.subject}" in stored
    assert connected.upstream.tokens
    assert [token for token in connected.upstream.tokens if token in stored] == []
    logs = "".join(process.log for process in connected.processes)
    assert [token for token in connected.upstream.tokens if token in logs] == []


def test_a_crash_during_a_refresh_costs_at_most_the_connection_and_makes_no_loop(connected: Replicas) -> None:
    connected.upstream.latency_s = 3
    connected.change(expires_at=int(time.time()) - 1)
    crashing, other = connected.processes[2], connected.processes[1]
    token = connected.token

    async def crash() -> None:
        async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
            url = f"{crashing.url}/connected-account"
            asking = asyncio.ensure_future(http.post(url, data={"token": token}, auth=AUTH))
            await asyncio.to_thread(wait_until, lambda: connected.upstream.refreshes == 1)
            crashing.kill()
            with pytest.raises(httpx2.HTTPError):
                await asking

    anyio.run(crash)
    connected.upstream.latency_s = 0
    # During the lease nobody else asks the provider, whose answer is lost.
    response = connected.ask(other)
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    assert connected.upstream.refreshes == 1
    connected.change(leased_until=0)
    answers = [connected.ask(other).json() for _ in range(3)]
    assert {answer["status"] for answer in answers} == {"not_connected"}
    assert len({answer["connect_url"] for answer in answers}) == 1
    assert connected.upstream.refreshes == 2
    start([crashing])
    connected.connect()
    assert connected.ask(crashing).json()["status"] == "connected"
