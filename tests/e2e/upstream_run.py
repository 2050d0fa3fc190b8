"""Connected accounts, approvals, definitions, sessions and alerts, by a client that hears all secrets."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from auth_service.protocol.admin_access import SCOPE
from tests.auth_service.connected_accounts.upstream import Upstream, running_upstream
from tests.cli.command import doorward
from tests.collector import Collector
from tests.e2e.overheard import Overheard
from tests.e2e.services import Deployment, deployed
from tests.flow import Client, Person
from tests.gateway.accounts import accepting
from tests.gateway.changing_server import NOTE, ChangingServer, changing_server
from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.resource_service.authorization_server import AuthorizationServer, Question, Reply
from tests.resource_service.service import bearer, call, modern_headers
from tests.servers import free_port, two_free_ports, wait_until

ORIGIN = "http://127.0.0.1:9"
POLICY = "scopes: {}\ndefault: []\napprove: {add_note: self}\njournal: {add_note: full}\n"


@dataclass
class UpstreamRun:
    """The actions on a deployment with an MCP server of connected accounts and one with approvals.

    Attributes:
        issues: accepts only tokens of the provider.
        notes: has a fixed credential.
    """

    deployment: Deployment
    traffic: Overheard
    http: httpx2.Client
    person: Person
    provider: Upstream
    issues: AuthorizationServer
    notes: ChangingServer
    directory: Path
    metrics_port: int

    @property
    def issuer(self) -> str:
        return self.deployment.issuer

    def all(self) -> None:
        """Do everything."""
        client = Client.register(self.issuer, self.http)
        self.connected_account(client.connect(self.person, resource=f"{ORIGIN}/mcp")["access_token"])
        token = client.connect(self.person, resource=f"{ORIGIN}/notes")["access_token"]
        self.approvals(token)
        self.definitions(token)
        self.reuse(client)

    def post(self, mount: str, token: str, tool: str, **arguments: object) -> httpx2.Response:
        headers = {**modern_headers(tool), **bearer(token)}
        return self.http.post(
            f"{self.deployment.resource.url}{mount}", headers=headers, json=call(tool, **arguments)
        )

    def session(self, mount: str, token: str) -> None:
        """A session of the client, and the one of the upstream behind it."""
        headers = {**bearer(token), **MESSAGE}
        opened = self.http.post(
            f"{self.deployment.resource.url}{mount}", headers=headers, content=json.dumps(INITIALIZE)
        )
        assert opened.is_success, opened.text
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        self.http.post(
            f"{self.deployment.resource.url}{mount}",
            headers={**headers, **session},
            json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        )

    def link(self, response: httpx2.Response, page: str) -> str:
        links = re.findall(rf"{re.escape(self.issuer)}/{page}/[\w-]+", response.text)
        assert links, response.text
        return str(links[0])

    def connected_account(self, token: str) -> None:
        """Connect, refresh, fail to refresh, connect again, disconnect."""
        self.provider.expires_in = 2
        self.connect(self.link(self.post("/mcp", token, "t"), "connect"))
        self.session("/mcp", token)
        wait_until(lambda: self.has(token, "done") and self.provider.refreshes > 0)
        self.issues.replies["*"] = accepting_tokens_of(self.provider, since=len(self.provider.tokens))
        self.post("/mcp", token, "t")  # refused there
        self.issues.replies["*"] = accepting_tokens_of(self.provider)
        refusal = {"error": "invalid_grant", "error_description": f"{self.provider.tokens[-2:]} are invalid"}
        self.provider.answers["/token"] = 400, refusal
        wait_until(lambda: self.has(token, "/connect/"))
        self.provider.answers, self.provider.expires_in = {}, 3_600
        self.connect(self.link(self.post("/mcp", token, "t"), "connect"))
        page = self.person.open(f"{self.issuer}/account")
        (link,) = re.findall(r'href="(account\?action=disconnect_account&amp;[^"]+)"', page.text)
        self.person.submit(self.person.open(f"{self.issuer}/{link.replace('&amp;', '&')}"), {})
        wait_until(lambda: any(path == "/revoke" for path, _ in self.provider.requests))

    def has(self, token: str, text: str) -> bool:
        """Call, seldom enough for a short log; return whether the response contains a text."""
        time.sleep(0.3)
        return text in self.post("/mcp", token, "t").text

    def connect(self, link: str) -> None:
        response = self.person.submit(self.person.open(link), {})
        page = self.person.open(self.provider.approve(response.headers["location"]))
        assert page.status_code == 200, page.text

    def approvals(self, token: str) -> None:
        """A call that a person approves, one that a person denies, and a session."""
        for decision in ("approve", "deny"):
            secret = f"sk-{secrets.token_urlsafe(24)}"
            self.traffic.add("argument", secret)
            arguments = {"text": f"Authorization: Bearer {secret}", "password": secret}
            page = self.person.open(self.link(self.post("/notes", token, "add_note", **arguments), "approve"))
            self.person.submit(page, {"decision": decision})
            self.post("/notes", token, "add_note", **arguments)
        assert self.notes.ran == ["add_note"]
        self.session("/notes", token)

    def definitions(self, token: str) -> None:
        """A changed definition, approved through the admin API."""
        self.notes.tools = [NOTE | {"description": "Add a note to the list."}]
        self.session("/notes", token)
        printed = self.operate(
            *("clients", "add", "Tool", "--public", "--grant", "authorization_code"),
            *("--redirect-uri", "https://admin-tool.example/cb", "--scope", SCOPE),
        )
        tool = {
            "client_id": re.findall(r"client_id\W+([A-Za-z0-9_-]+)", printed)[0],
            "redirect_uris": ["https://admin-tool.example/cb"],
            "token_endpoint_auth_method": "none",
        }
        api, client = f"{self.issuer}/admin/api", Client(self.issuer, self.http, tool)
        headers = bearer(client.connect(self.person, resource=api, scope=SCOPE)["access_token"])

        def held() -> list[Any]:
            listed = self.http.get(f"{api}/definitions", headers=headers).json()["pinned_resources"]
            return [each for resource in listed for each in resource["held"]]

        wait_until(lambda: len(held()) == 1)
        url = f"{api}/definitions/{held()[0]['definition_id']}"
        approved = self.http.put(url, params={"resource": f"{ORIGIN}/notes"}, headers=headers)
        assert approved.status_code == 204, approved.text

    def reuse(self, client: Client) -> None:
        """A refresh token that is used twice, and the alert about it, which cannot be delivered."""
        first = client.connect(self.person)["refresh_token"]
        client.refresh(client.refresh(first).json()["refresh_token"])
        assert client.refresh(first).json()["reason_code"] == "refresh_token_used_twice"
        wait_until(lambda: "alert" in self.deployment.auth[0].log)

    def operate(self, *arguments: str) -> str:
        settings = self.deployment.auth[0].settings
        done = doorward(*arguments, cwd=self.directory, **settings)
        assert done.returncode == 0, done.stderr
        self.traffic.hear(done.stdout)
        return done.stdout

    def hear_servers(self) -> None:
        """Note what this service and the others sent one another."""
        for question in self.issues.questions:
            self.traffic.add("sent to an MCP server", *_credentials(question.headers))
        for path, form in self.provider.requests:
            self.traffic.add(f"sent to the provider{path}", *(form.get(name, "") for name in _OF_PROVIDER))
        self.traffic.add("token of the provider", *self.provider.tokens)


_OF_PROVIDER = ("code", "code_verifier", "refresh_token", "token", "client_secret")


def _credentials(headers: dict[str, str]) -> Iterator[str]:
    for name in ("authorization", "x-doorward-identity", "mcp-session-id"):
        yield headers.get(name, "").removeprefix("Bearer ")


def accepting_tokens_of(provider: Upstream, *, since: int = 0) -> Reply:
    """An MCP server that accepts the tokens that the provider has issued since the first so many."""

    async def reply(question: Question, writer: asyncio.StreamWriter) -> None:
        await accepting(*(f"Bearer {token}" for token in provider.tokens[since:]))(question, writer)

    return reply


@contextmanager
def upstream_run(directory: Path, collector: Collector) -> Iterator[UpstreamRun]:
    """A deployment at debug level, and the secrets that it was configured with."""
    traffic, metrics_port = Overheard(), two_free_ports()
    secret, fixed, hook = (secrets.token_urlsafe(32) for _ in range(3))
    policy = directory / "policy.yaml"
    policy.write_text(POLICY)
    watched = {
        "DOORWARD_LOG_LEVEL": "debug",
        "DOORWARD_TRACES_ENDPOINT": collector.url,
        "DOORWARD_TRACES_PER_SECOND": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with ExitStack() as stack:
        provider = stack.enter_context(running_upstream())
        notes = stack.enter_context(changing_server())
        notes.tools, notes.headers = [NOTE], {"Mcp-Session-Id": secrets.token_urlsafe(24)}
        issues = AuthorizationServer().start()
        stack.callback(issues.stop)
        issues.replies["*"] = accepting_tokens_of(provider)
        resources = [
            {"resource": f"{ORIGIN}/mcp", "name": "Issues", "upstream_oauth": provider.settings()},
            {"resource": f"{ORIGIN}/notes", "name": "Notes"},
        ]
        notes_mount = {"upstream": notes.url, "authorization": f"Bearer {fixed}", "policy": str(policy)}
        settings = {
            "DOORWARD_RESOURCE_SERVERS": json.dumps(
                [{"id": "resource", "secret": secret, "resources": resources}]
            ),
            "DOORWARD_FETCH_LOOPBACK": "true",
            "DOORWARD_METRICS_PORT": str(metrics_port),
            "DOORWARD_ALERT_WEBHOOK": f"http://127.0.0.1:{free_port()}/hook/{hook}",
            "DOORWARD_ALERT_WEBHOOK_SECRET": hook[::-1],
            **watched,
        }
        for_resource = {
            "DOORWARD_RESOURCE_SECRET": secret,
            "DOORWARD_UPSTREAM": f"{issues.url}/mcp",
            "DOORWARD_UPSTREAM_CONNECTED_ACCOUNT": "true",
            "DOORWARD_MOUNTS": json.dumps({"/notes": notes_mount}),
            "DOORWARD_METRICS_PORT": str(metrics_port + 1),
            **watched,
        }
        deployment = stack.enter_context(
            deployed(
                f"sqlite:///{directory}/doorward.db",
                directory,
                mcp_url=f"{ORIGIN}/mcp",
                settings=settings,
                resource_settings=for_resource,
            )
        )
        master_key = deployment.auth[0].settings["DOORWARD_MASTER_KEYS"].partition(":")[2]
        traffic.add("configured", secret, fixed, hook, hook[::-1], master_key)
        person = Person(trust_env=False, event_hooks=traffic.hooks)
        stack.callback(person.close)
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False, event_hooks=traffic.hooks))
        yield UpstreamRun(deployment, traffic, http, person, provider, issues, notes, directory, metrics_port)
