"""Several processes discover the provider of an MCP server, register once and refresh once (GW-1).

The providers are npm's `oidc-provider`, which registers clients, and a second Doorward, which reads our
client metadata document or registers us.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.auth_service.journal.events import events_of
from tests.auth_service.service import RESOURCE_SERVER, SCOPES, running
from tests.flow import Person
from tests.gateway.accounts import accepting
from tests.interop.libraries.connected import Mount, Processes, running_processes
from tests.interop.libraries.npm import HERE, install
from tests.interop.libraries.providers import Traveller
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer, Question, answer_json
from tests.servers import free_port

pytestmark = [pytest.mark.long, pytest.mark.requirement("GW-1"), pytest.mark.xdist_group("accounts")]

CALLS = 20
METADATA = "/.well-known/oauth-protected-resource/mcp"


@dataclass(frozen=True)
class Issued:
    """The registrations and grants of a provider so far.

    Attributes:
        registrations: how many clients have registered.
        grants: the grant types of the token requests that it accepted.
    """

    registrations: int
    grants: list[str]


@dataclass(kw_only=True)
class DiscoveredMount(Mount):
    """A mount whose provider is discovered.

    Attributes:
        issued: asks the provider what it has done.
    """

    issued: Callable[[], Issued]

    @property
    def authorizations(self) -> set[str]:
        """The credentials that the MCP server has got."""
        headers = (question.headers.get("authorization") for question in self.server.questions)
        return {authorization for authorization in headers if authorization}


async def accept_any(question: Question, writer: asyncio.StreamWriter) -> None:
    """Reply as an MCP server that is content with any credential."""
    await accepting(question.headers.get("authorization", "of nobody"))(question, writer)


def mcp_server(issuer: str) -> AuthorizationServer:
    """An MCP server that names its authorization server."""
    server = AuthorizationServer().start()
    url = f"{server.url}/mcp"
    server.replies[METADATA] = answer_json({"resource": url, "authorization_servers": [issuer]})
    server.replies["/mcp"] = accept_any
    return server


@contextmanager
def at_npm() -> Iterator[DiscoveredMount]:
    """A mount whose provider is npm's."""
    install()
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    server = mcp_server(issuer)
    configuration = {"port": port, "resource": f"{server.url}/mcp", "scope": "notes:read"}
    command = ["node", str(HERE / "mcp_provider.mjs"), json.dumps(configuration)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:

        def issued() -> Issued:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            # Between its warnings, which it writes when they first apply.
            line = next(line for line in iter(process.stdout.readline, "") if line.startswith("{"))
            members = json.loads(line)
            return Issued(len(members["registrations"]), members["grants"])

        assert process.stdout
        assert "ready\n" in iter(process.stdout.readline, "")
        # This provider issues refresh tokens only if the person is asked.
        discovering = {
            "discover": f"{server.url}/mcp",
            "scopes": ["openid", "notes:read"],
            "parameters": {"prompt": "consent"},
        }
        there = Traveller("ada", "npm", ("of nobody", issuer))
        yield DiscoveredMount(
            path="/npm", upstream_oauth=discovering, there=there, server=server, issued=issued
        )
        process.kill()
    there.close()
    server.stop()


@contextmanager
def at_doorward(name: str, directory: Path, **settings: Any) -> Iterator[DiscoveredMount]:
    """A mount whose provider is a second Doorward."""
    port = free_port()
    server = mcp_server(f"http://127.0.0.1:{port}")
    protected = {"resource": f"{server.url}/mcp", "name": "Upstream", "scopes": SCOPES}
    provided = [{**RESOURCE_SERVER, "resources": [protected]}]
    settings = {"port": port, "resource_servers": provided, "fetch_loopback": True, **settings}
    with running(f"sqlite:///{directory}/{name}.db", **settings) as provider:

        def issued() -> Issued:
            registrations = len(events_of(provider, kind="client.registered"))
            times = len(events_of(provider, kind="tokens.issued"))
            grants = [*["authorization_code"] * min(times, 1), *["refresh_token"] * (times - 1)]
            return Issued(registrations, grants)

        discovering = {"discover": f"{server.url}/mcp", "scopes": ["notes:read"]}
        there = Person(trust_env=False)
        yield DiscoveredMount(
            path=f"/{name}", upstream_oauth=discovering, there=there, server=server, issued=issued
        )
        there.close()
    server.stop()


@pytest.fixture(scope="module")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, DiscoveredMount]]:
    require("redis-server")
    directory = tmp_path_factory.mktemp("providers")
    with ExitStack() as stack:
        yield {
            "npm": stack.enter_context(at_npm()),
            "document": stack.enter_context(at_doorward("document", directory)),
            "registered": stack.enter_context(at_doorward("registered", directory, cimd="deny")),
        }


@pytest.fixture(scope="module")
def processes(
    mounts: dict[str, DiscoveredMount], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    directory = tmp_path_factory.mktemp("discovered")
    with running_processes(directory, list(mounts.values()), 2) as processes:
        processes.person.log_in(processes.person.open(f"{processes.deployment.issuer}/login"))
        yield processes


def open_at_once(processes: Processes, url: str, times: int) -> list[int]:
    """Open a link at all authorization servers at once, so many times; the statuses."""
    origins = [service.url for service in processes.deployment.auth]
    urls = [url.replace(processes.deployment.issuer, origins[n % len(origins)]) for n in range(times)]
    with ThreadPoolExecutor(times) as threads:
        return [page.status_code for page in threads.map(processes.person.browser.get, urls)]


@pytest.mark.parametrize(
    ("name", "registrations"), [("npm", 1), ("document", 0), ("registered", 1)], ids=lambda value: value
)
def test_processes_discover_register_and_refresh_once_at_a_real_provider(
    name: str, registrations: int, processes: Processes, mounts: dict[str, DiscoveredMount]
) -> None:
    mount = mounts[name]
    token = processes.token(mount.resource)
    (link,) = {processes.link_of(mount, token, number) for number in (0, 1, 0, 1)}
    assert open_at_once(processes, link, 8) == [200] * 8
    assert mount.issued() == Issued(registrations, [])
    processes.follow(mount, link)
    assert mount.issued() == Issued(registrations, ["authorization_code"])
    processes.expire(token, mount.resource)
    responses = processes.call_at_once(CALLS, mount.path, token)
    assert ["done" in response.text for response in responses] == [True] * CALLS
    assert len(mount.authorizations) == 1
    assert mount.issued() == Issued(registrations, ["authorization_code", "refresh_token"])
