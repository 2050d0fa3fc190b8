"""Several processes of both services before an MCP server that needs accounts at real providers."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx2

from auth_service.connected_accounts.records import ConnectedAccount, ConnectedAccountRecords
from shared.cli.installation import RESOURCE_SERVER_ID
from shared.storage import open_store
from tests.e2e.services import Deployment, Service, deployed, start
from tests.flow import Client, Person
from tests.gateway.accounts import accepting
from tests.interop.libraries.counting import TokenEndpoint, counting
from tests.resource_service.authorization_server import AuthorizationServer, Question
from tests.resource_service.service import bearer, call, modern_headers
from tests.servers import free_port, redis_running

ORIGIN = "http://127.0.0.1:9"
"""The public origin of the resource server; its processes listen elsewhere."""

JOINED = f"{ORIGIN}/mcp"
"""The URL that joins all mounts."""


@dataclass(kw_only=True)
class Mount:
    """One mount, whose people connect accounts at one provider.

    Attributes:
        path: of the mount.
        there: the person in a browser at the provider.
        server: the MCP server.
    """

    path: str
    upstream_oauth: Mapping[str, Any]
    there: Person
    server: AuthorizationServer

    @property
    def resource(self) -> str:
        """The URL of the mount."""
        return f"{ORIGIN}{self.path}"


@dataclass(kw_only=True)
class ConnectedMount(Mount):
    """A mount whose provider is configured.

    Attributes:
        endpoint: the token endpoint of the provider.
        server: the MCP server, which accepts only the newest token of the provider.
    """

    endpoint: TokenEndpoint

    def accept_newest(self) -> None:
        """Let the MCP server accept only the newest token of the provider."""

        async def reply(question: Question, writer: asyncio.StreamWriter) -> None:
            newest = f"Bearer {self.endpoint.access_tokens[-1]}"
            await accepting(newest)(question, writer)

        self.server.replies["*"] = reply


@dataclass(kw_only=True)
class Processes:
    """The processes, and a person with a client of them."""

    deployment: Deployment
    resources: Sequence[Service]
    person: Person
    client: Client

    def token(self, resource: str, **parameters: str) -> str:
        """An access token of the person's client for a mount, or for the URL that joins all."""
        return str(self.client.connect(self.person, resource=resource, **parameters)["access_token"])

    def connect(self, mount: Mount, token: str) -> None:
        """Connect an account by the link that the authorization server gives for the token."""
        self.follow(mount, self.link_of(mount, token))

    def link_of(self, mount: Mount, token: str, number: int = 0) -> str:
        """The link that one of the authorization servers gives for the token."""
        url, headers = f"{self.deployment.auth[number].url}/connected-account", self._headers
        form = {"token": token, "resource": mount.resource}
        answer = self.client.http.post(url, data=form, headers=headers).json()
        return str(answer["connect_url"])

    def follow(self, mount: Mount, link: str) -> None:
        """Connect an account by a link."""
        left = self.person.submit(self.person.open(link), {})
        back = mount.there.authorize(left.headers["location"])
        page = self.person.browser.get(f"{self.deployment.issuer}/connect/callback", params=back)
        assert page.status_code == 200, page.text

    def expire(self, token: str, resource: str) -> None:
        """Let the access token of the provider have expired a second ago."""
        url = f"{self.deployment.issuer}/introspect"
        read = self.client.http.post(url, data={"token": token}, headers=self._headers).json()
        expired = int(time.time()) - 1

        def rule(account: ConnectedAccount) -> tuple[ConnectedAccount, bool]:
            return replace(account, expires_at=expired), True

        async def run() -> None:
            store = open_store(self.deployment.store_url)
            records = ConnectedAccountRecords(store)
            account = await records.get(read["sub"], resource)
            assert account is not None
            assert await records.change(account, rule)
            await store.aclose()

        anyio.run(run)

    def is_connected(self, mount: ConnectedMount, token: str) -> bool:
        """Whether calls of the mount behind the joined URL run, at every process."""
        return all("done" in text for text in self._called(mount, token))

    def needs_link(self, mount: ConnectedMount, token: str) -> bool:
        """Whether every process answers a call of the mount behind the joined URL with a link."""
        return all("/connect/" in text for text in self._called(mount, token))

    def link(self, mount: ConnectedMount, token: str) -> str:
        """The link that a call of the mount behind the joined URL is answered with."""
        (link,) = re.findall(r"http://[^\s\"]+/connect/[\w-]+", self._called(mount, token)[0])
        return str(link)

    def _called(self, mount: ConnectedMount, token: str) -> list[str]:
        tool = f"{mount.path.removeprefix('/')}_t"
        return [each.text for each in self.call_at_once(len(self.resources), "/mcp", token, tool)]

    def disconnect(self, mount: ConnectedMount) -> None:
        """Disconnect the account of a mount on the account page."""
        page = self.person.open(f"{self.deployment.issuer}/account").text
        links = map(unescape, re.findall(r'href="(account\?action=disconnect_account&amp;[^"]+)"', page))
        (link,) = [link for link in links if link.endswith(quote(mount.resource, safe=""))]
        confirmation = self.person.open(f"{self.deployment.issuer}/{link}")
        assert self.person.submit(confirmation, {}).status_code == 200

    def call_at_once(self, count: int, path: str, token: str, tool: str = "t") -> list[httpx2.Response]:
        """The responses to calls at the same time, at all processes in turn."""
        headers = {**modern_headers(tool), **bearer(token)}
        urls = [f"{self.resources[number % len(self.resources)].url}{path}" for number in range(count)]

        async def run() -> list[httpx2.Response]:
            limits = httpx2.Limits(max_connections=count)
            async with httpx2.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
                posts = (http.post(url, headers=headers, content=json.dumps(call(tool))) for url in urls)
                return list(await asyncio.gather(*posts))

        return anyio.run(run)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": self.deployment.authorization}


@contextmanager
def mounted(name: str, upstream_oauth: Mapping[str, Any], there: Person) -> Iterator[ConnectedMount]:
    """A mount and its MCP server, for the length of the context.

    Args:
        upstream_oauth: without the name and the token endpoint.
        there: see `ConnectedMount`.
    """
    server = AuthorizationServer().start()
    with counting(f"{upstream_oauth['issuer']}/token") as endpoint:
        members = {"name": name, "token_endpoint": endpoint.url, **upstream_oauth}
        mount = ConnectedMount(
            path=f"/{name}", upstream_oauth=members, endpoint=endpoint, there=there, server=server
        )
        mount.accept_newest()
        yield mount
    there.close()
    server.stop()


@contextmanager
def running_processes(
    directory: Path, mounts: Sequence[Mount], resource_processes: int
) -> Iterator[Processes]:
    """Two processes of the authorization server, and some of the resource server, on one Redis.

    The resource server also joins all mounts behind one URL.
    """
    secret = secrets.token_hex(32)
    resources = [
        {"resource": mount.resource, "name": mount.path, "upstream_oauth": mount.upstream_oauth}
        for mount in mounts
    ]
    names = {mount.path.removeprefix("/"): mount.resource for mount in mounts}
    joined = {"resource": JOINED, "name": "All", "joins": names, "scopes": {name: name for name in names}}
    servers = [{"id": RESOURCE_SERVER_ID, "secret": secret, "resources": [joined, *resources]}]
    at_gateway = {
        mount.path: {"upstream": f"{mount.server.url}/mcp", "connected_account": True} for mount in mounts
    }
    with ExitStack() as stack:
        redis = stack.enter_context(redis_running(directory / "redis"))
        deployment = stack.enter_context(
            deployed(
                redis.url,
                directory,
                replicas=2,
                mcp_url=JOINED,
                settings={
                    "DOORWARD_RESOURCE_SERVERS": json.dumps(servers),
                    "DOORWARD_FETCH_LOOPBACK": "true",
                },
                resource_settings={
                    "DOORWARD_RESOURCE_SECRET": secret,
                    "DOORWARD_MOUNTS": json.dumps(at_gateway),
                    "DOORWARD_JOIN": "true",
                },
            )
        )
        deployment.resource_secret = secret
        others = [_another(deployment, number, directory) for number in range(1, resource_processes)]
        for service in others:
            stack.callback(service.kill)
        start(others)
        person = Person(trust_env=False)
        stack.callback(person.close)
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False))
        client = Client.register(deployment.issuer, http)
        yield Processes(
            deployment=deployment, resources=[deployment.resource, *others], person=person, client=client
        )


def _another(deployment: Deployment, number: int, directory: Path) -> Service:
    """Another process of the resource server, which asks each authorization server in turn."""
    server = deployment.auth[number % len(deployment.auth)]
    settings = {**deployment.resource.settings, "DOORWARD_INTROSPECTION_ENDPOINT": f"{server.url}/introspect"}
    return Service("resource", free_port(), settings, directory / f"resource-{number}.log")
