"""Access that a command takes away: an open MCP session loses the tool within a second, on both stores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest

from tests.cli.command import doorward
from tests.e2e.relay import Relay
from tests.e2e.services import Deployment, deployed
from tests.flow import Client, Person
from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE
from tests.machine import require
from tests.servers import redis_running, wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.requirement("ID-3", "ID-4"),
    pytest.mark.xdist_group("revocations"),
]

WITHIN_S = 1.0
ALSO_WITHIN_S = 5.0
"""For what a busy machine may delay: the bound is on the first refusal."""

POLICY = """\
scopes: {notes:read: Read your notes, notes:write: Add notes for you}
default: []
tools:
  list_notes: notes:read
  add_note: notes:write
  whoami: {scopes: notes:read, groups: [ops]}
"""


@pytest.fixture
def relays() -> Iterator[list[Relay]]:
    """Between the resource server and the authorization server, once there is a deployment."""
    relays: list[Relay] = []
    yield relays
    for relay in relays:
        relay.close()


@pytest.fixture(params=["sqlite", "redis"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path, relays: list[Relay]) -> Iterator[Deployment]:
    def relayed(url: str) -> str:
        relays.append(Relay(url))
        return relays[-1].url

    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/auth.sqlite3"
        if request.param == "redis":
            require("redis-server")
            url = stack.enter_context(redis_running(tmp_path / "redis")).url
        (tmp_path / "policy.yaml").write_text(POLICY)
        resource = {
            "DOORWARD_INTROSPECTION_CACHE_S": "300",
            "DOORWARD_POLICY": str(tmp_path / "policy.yaml"),
        }
        yield stack.enter_context(
            deployed(
                url,
                tmp_path,
                replicas=2 if request.param == "redis" else 1,
                resource_settings=resource,
                introspect_through=relayed,
            )
        )


class McpSession:
    """An open session of the built-in MCP server, with a stream."""

    def __init__(self, mcp_url: str, token: str, http: httpx2.Client) -> None:
        self.url, self.http = mcp_url, http
        self.headers = {"Authorization": f"Bearer {token}"}
        hello = http.post(mcp_url, headers=self.headers | MESSAGE, json=INITIALIZE)
        assert hello.status_code == 200, hello.text
        if named := hello.headers.get("mcp-session-id"):
            self.headers["Mcp-Session-Id"] = named
        self.stream_ended = False

    def calls(self, name: str, **arguments: str) -> int:
        """The status of a call of a tool."""
        params: dict[str, Any] = {"name": name, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return self.http.post(self.url, headers=self.headers | MESSAGE, json=message).status_code

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Read the stream of the session to its end, beside the test."""

        def read(stream: httpx2.Response) -> None:
            for _ in stream.iter_raw():
                pass
            self.stream_ended = True

        with self.http.stream("GET", self.url, headers=self.headers | LISTEN) as stream:
            assert stream.status_code == 200
            reader = Thread(target=read, args=[stream])
            reader.start()
            yield
            wait_until(lambda: self.stream_ended, timeout_s=ALSO_WITHIN_S)
            reader.join()


def command(deployment: Deployment, *arguments: str, stdin: str = "") -> None:
    done = doorward(*arguments, cwd=Path(), stdin=stdin, DOORWARD_STORE=deployment.store_url)
    assert done.returncode == 0, done.stderr


@contextmanager
def connected(deployment: Deployment) -> Iterator[McpSession]:
    """A session of the demo user."""
    with httpx2.Client(timeout=30, trust_env=False) as http:
        person = Person(trust_env=False)
        token = Client.register(deployment.issuer, http).connect(person)["access_token"]
        person.close()
        yield McpSession(deployment.mcp_url, token, http)


def is_cached(session: McpSession, relay: Relay) -> bool:
    """Whether a call is allowed without a question to the authorization server."""
    before = relay.count("/introspect")
    assert session.calls("whoami") == 200
    return relay.count("/introspect") == before


def test_a_tool_is_lost_within_a_second_of_the_removal_from_its_group(deployment: Deployment) -> None:
    rules = (
        f"people:\n  wesen:\n    {deployment.mcp_url}: [notes:read]\n"
        f"groups:\n  writers:\n    {deployment.mcp_url}: [notes:write]\n"
    )
    command(deployment, "access", "set", "-", stdin=rules)
    command(deployment, "groups", "add", "writers", "wesen")
    with connected(deployment) as session:
        wait_until(lambda: session.calls("add_note", text="mine") == 200)
        with session.streaming():
            command(deployment, "groups", "remove", "writers", "wesen")
            removed_at = time.monotonic()
            wait_until(lambda: session.calls("add_note", text="mine") == 403)
            assert time.monotonic() - removed_at < WITHIN_S
            assert session.calls("list_notes") == 200
        # Without the rule for the person, nothing is left of the token.
        command(deployment, "access", "set", "-", stdin="people: {}\n")
        wait_until(lambda: session.calls("list_notes") == 401, timeout_s=ALSO_WITHIN_S)


def test_a_tool_is_lost_within_a_second_of_a_group_that_only_the_policy_names(
    deployment: Deployment, relays: list[Relay]
) -> None:
    rules = (
        f"people:\n  wesen:\n    {deployment.mcp_url}: '*'\n"
        f"groups:\n  ops:\n    {deployment.mcp_url}: [notes:read]\n"
    )
    command(deployment, "access", "set", "-", stdin=rules)
    command(deployment, "groups", "add", "ops", "wesen")
    with connected(deployment) as session:
        # From here on nobody asks about the token again, unless an event says that it has changed.
        wait_until(lambda: is_cached(session, relays[0]))
        with session.streaming():
            command(deployment, "groups", "remove", "ops", "wesen")
            removed_at = time.monotonic()
            wait_until(lambda: session.calls("whoami") == 403)
            assert time.monotonic() - removed_at < WITHIN_S
            assert session.calls("add_note", text="mine") == 200  # every scope is still there
        command(deployment, "groups", "add", "ops", "wesen")
        wait_until(lambda: session.calls("whoami") == 200, timeout_s=ALSO_WITHIN_S)
