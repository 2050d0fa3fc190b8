"""A command gets the API key of the person in their own process, which no other one can read (GW-1)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.accounts import Accounts
from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.gateway.upstreams import PATIENCE, gateway, stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for
from tests.servers import wait_until

pytestmark = [
    pytest.mark.requirement("GW-1"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux"),
]

VARIABLE = "TICKETS_KEY"
COMMAND = stdio(sys.executable, str(Path(__file__).parent / "servers" / "keyed.py"), VARIABLE)
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "t", "arguments": {}}}


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def accounts(server: AuthorizationServer) -> Accounts:
    return Accounts(server)


@pytest.fixture(scope="module")
def service(
    server: AuthorizationServer, accounts: Accounts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A command that gets keys, and beside it one that gets none."""
    keyed = {"upstream_connected_account": "true", "upstream_api_key_variable": VARIABLE}
    settings = {**keyed, "mounts": json.dumps({"/plain": COMMAND})}
    with gateway(server, tmp_path_factory.mktemp("keys"), COMMAND, **settings) as service:
        wait_until(lambda: "receiving revocations" in service.log_file.read_text(), timeout_s=30)
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.origin, timeout=30, trust_env=False) as client:
        yield client


class Visitor:
    """A person with a client of their own."""

    def __init__(
        self, name: str, client: httpx2.Client, service: Service, server: AuthorizationServer
    ) -> None:
        self.subject, self.client = f"sub-{name}", client
        members = {"sub": self.subject, "grant_id": f"grant-{name}", "client_id": f"client-{name}"}
        self.token = token_for(service, server, **members)
        self.later_token = token_for(service, server, **{**members, "grant_id": f"later-{name}"})
        self.plain = token_for(service, server, **{**members, "aud": f"{service.origin}/plain"})

    def call(self, path: str = "/mcp") -> dict[str, Any]:
        """The key and the process of the command, in a request without a session."""
        token = self.token if path == "/mcp" else self.plain
        headers = {**modern_headers("t"), **bearer(token)}
        return text_of(self.client.post(path, headers=headers, json=call("t")))

    def open(self) -> str:
        """Open a session; its id."""
        return str(self._post(INITIALIZE).headers["mcp-session-id"])

    def call_in(self, session: str) -> httpx2.Response:
        return self._post(CALL, **{"Mcp-Session-Id": session})

    def _post(self, message: object, **headers: str) -> httpx2.Response:
        return self.client.post("/mcp", headers=bearer(self.token) | MESSAGE | headers, json=message)


def text_of(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    line = next(line for line in response.text.splitlines() if '"jsonrpc"' in line)
    content = json.loads(line.removeprefix("data:"))["result"]["content"]
    members: dict[str, Any] = json.loads(content[0]["text"])
    return members


@pytest.fixture
def visitors(
    client: httpx2.Client, service: Service, server: AuthorizationServer, request: pytest.FixtureRequest
) -> tuple[Visitor, Visitor]:
    """Two people whom no other test has."""
    name = request.node.name
    return tuple(Visitor(f"{name}-{number}", client, service, server) for number in (1, 2))  # type: ignore[return-value]


def runs(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_each_process_has_the_key_of_its_person_and_reads_that_of_nobody_else(
    visitors: tuple[Visitor, Visitor], accounts: Accounts
) -> None:
    ada, bob = visitors
    accounts.connect_key(ada.token, "key-of-ada")
    accounts.connect_key(bob.token, "key-of-bob")
    first, second = ada.call(), bob.call()
    assert (first["key"], second["key"]) == ("key-of-ada", "key-of-bob")
    assert text_of(ada.call_in(ada.open()))["key"] == "key-of-ada"
    beside = ada.call("/plain")
    assert beside["key"] is None
    # All of them run still, as the same user.
    assert all(runs(each["pid"]) for each in (first, second, beside))
    assert {each["uid"] for each in (first, second, beside)} == {os.getuid()}
    assert [each["others"] for each in (ada.call(), bob.call(), ada.call("/plain"))] == [[], [], []]


def test_the_key_is_neither_in_the_log_nor_in_the_arguments_of_the_process(
    visitors: tuple[Visitor, Visitor], accounts: Accounts, service: Service
) -> None:
    accounts.connect_key(visitors[0].token, "a-key-that-is-secret")
    pid = visitors[0].call()["pid"]
    assert b"a-key-that-is-secret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert "a-key-that-is-secret" not in service.log_file.read_text()


def test_a_process_ends_when_its_key_is_disconnected(
    visitors: tuple[Visitor, Visitor], accounts: Accounts, service: Service
) -> None:
    ada, bob = visitors
    accounts.connect_key(ada.token, "key-of-ada")
    accounts.connect_key(bob.token, "key-of-bob")
    session = ada.open()
    pids = [ada.call()["pid"], text_of(ada.call_in(session))["pid"]]
    other = bob.call()["pid"]
    accounts.offer_link(ada.token)
    accounts.disconnect(ada.subject, service.resource, "1")
    wait_until(lambda: not any(map(runs, pids)), timeout_s=10)
    assert runs(other)
    assert "/connect/" in ada.call_in(session).text


def test_a_process_with_an_earlier_key_is_not_used(
    visitors: tuple[Visitor, Visitor], accounts: Accounts, service: Service
) -> None:
    ada, _ = visitors
    accounts.connect_key(ada.token, "key-1")
    session, first = ada.open(), ada.call()
    accounts.by_token[ada.token] = [{"status": "connected", "api_key": "key-2", "version": "2"}]
    accounts.disconnect(ada.subject, service.resource, "1")
    wait_until(lambda: not runs(first["pid"]), timeout_s=10)
    assert ada.call()["key"] == "key-2"
    assert ada.call_in(session).status_code == 404
    assert text_of(ada.call_in(ada.open()))["key"] == "key-2"


def test_a_process_with_an_earlier_key_is_not_used_before_its_end_is_announced_either(
    visitors: tuple[Visitor, Visitor], accounts: Accounts
) -> None:
    ada, _ = visitors
    accounts.connect_key(ada.token, "key-1")
    session, first = ada.open(), ada.call()
    accounts.by_token[ada.later_token] = [{"status": "connected", "api_key": "key-2", "version": "2"}]
    ada.token = ada.later_token
    second = ada.call()
    assert second["key"] == "key-2"
    assert ada.call_in(session).status_code == 404
    wait_until(lambda: not runs(first["pid"]), timeout_s=10)
    # The end of the earlier one leaves the later one in use.
    assert ada.call()["pid"] == second["pid"]


def test_no_request_uses_a_process_that_starts_with_another_key(
    visitors: tuple[Visitor, Visitor], accounts: Accounts
) -> None:
    ada, _ = visitors
    accounts.connect_key(ada.token, "key-1")
    accounts.by_token[ada.later_token] = [{"status": "connected", "api_key": "key-2", "version": "2"}]

    def post(token: str) -> str:
        headers = {**modern_headers("t"), **bearer(token)}
        return ada.client.post("/mcp", headers=headers, json=call("t")).text

    with ThreadPoolExecutor() as threads:
        earlier, later = threads.map(post, (ada.token, ada.later_token))
    # One of them may fail, since its process ends.
    assert "key-1" in earlier or "key-2" in later
    assert "key-2" not in earlier
    assert "key-1" not in later


def test_a_command_that_needs_a_key_is_not_started_with_the_token_of_a_provider(
    visitors: tuple[Visitor, Visitor], accounts: Accounts, client: httpx2.Client
) -> None:
    ada, _ = visitors
    accounts.connect(ada.token, "Bearer of-a-provider")
    headers = {**modern_headers("t"), **bearer(ada.token)}
    response = client.post("/mcp", headers=headers, json=call("t"))
    assert response.status_code == 502, response.text
    assert "of-a-provider" not in response.text


@pytest.mark.requirement("GW-3")
def test_behind_a_joined_url_a_command_gets_the_key_of_its_mount(
    server: AuthorizationServer, accounts: Accounts, tmp_path: Path
) -> None:
    keyed = {"upstream": COMMAND, "connected_account": True, "api_key_variable": VARIABLE}
    mounts = json.dumps({"/keyed": keyed, "/plain": COMMAND})
    with running(server, tmp_path, mounts=mounts, join="true", **PATIENCE) as service:
        wait_until(lambda: "receiving revocations" in service.log_file.read_text(), timeout_s=30)
        token = token_for(service, server, sub="sub-joined", grant_id="grant-joined", scope="keyed plain")
        accounts.connect_key(token, "key-of-the-mount")

        def called(tool: str) -> dict[str, Any]:
            headers = {**modern_headers(tool), **bearer(token)}
            with httpx2.Client(timeout=30, trust_env=False) as http:
                return text_of(http.post(service.resource, headers=headers, json=call(tool)))

        assert called("keyed_t")["key"] == "key-of-the-mount"
        assert called("plain_t")["key"] is None
        first = called("keyed_t")["pid"]
        accounts.offer_link(token)
        accounts.disconnect("sub-joined", f"{service.origin}/keyed", "1")
        wait_until(lambda: not runs(first), timeout_s=10)
