"""The authorization server over real sockets, on a thread of the test's own, with a clock the test moves."""

from __future__ import annotations

import base64
import itertools
import secrets
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import anyio
import httpx2
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.clients.repository import ClientRepository
from auth_service.crypto.passwords import Passwords
from auth_service.fetching import Fetcher
from auth_service.grants.repository import GrantRepository
from auth_service.main import create_app
from auth_service.openapi import DescribedApp
from auth_service.protocol.grant import Grant
from auth_service.settings import AuthSettings
from auth_service.users.repository import User, UserRepository
from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.direct_routes import Answer, DirectRoutes
from shared.idle_connections import SERVER_S
from shared.storage import Store, open_store
from tests.flow import Client, Person
from tests.servers import wait_until

T = TypeVar("T")

MASTER_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
RESOURCE = "https://mcp.example/mcp"
RESOURCE_SECRET = "the-secret-of-the-resource-server-0123456789"
SCOPES = {"notes:read": "Read your notes", "notes:write": "Add notes for you"}
RESOURCE_SERVER = {
    "id": "resource",
    "secret": RESOURCE_SECRET,
    "resources": [{"resource": RESOURCE, "name": "Notes", "scopes": SCOPES}],
}
OTHER_RESOURCE = "https://other.example/mcp"
OTHER_RESOURCE_SECRET = "the-secret-of-the-other-resource-server-0123"
OTHER_RESOURCE_SERVER = {
    "id": "other",
    "secret": OTHER_RESOURCE_SECRET,
    "resources": [{"resource": OTHER_RESOURCE, "name": "Other", "scopes": {"other": "Do something else"}}],
}
SHUTDOWN_S = 120
USUAL: dict[str, Any] = {
    "master_keys": f"1:{MASTER_KEY}",
    "resource_servers": [RESOURCE_SERVER],
    "demo_user": True,
    "open_client_credentials": True,
    "registrations_per_minute": 1_000_000,
    "authorizations_per_minute": 1_000_000,
}


class MovableClock:
    """The system's time, set ahead as far as a test says."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._ahead_s += seconds


class NotingFailures:
    """Keeps every answer of 500 and above, so that none goes unnoticed."""

    def __init__(self, app: DescribedApp) -> None:
        self.app = app
        self.failures: list[str] = []
        assert isinstance(app.direct, DirectRoutes)
        self.direct = _NotingRoutes(app.direct, self.failures)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 500:
                self.failures.append(f"{message['status']} {scope['method']} {scope['path']}")
            await send(message)

        await self.app(scope, receive, send_noting)


class _NotingRoutes(DirectRoutes):
    """The direct routes of an app, as `DirectProtocol` calls them."""

    def __init__(self, routes: DirectRoutes, failures: list[str]) -> None:
        vars(self).update(vars(routes))
        self._failures = failures

    def headers_of(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        if answer.response.status_code >= 500:
            status, scope = answer.response.status_code, answer.scope
            self._failures.append(f"{status} {scope['method']} {scope['path']}")
        return super().headers_of(answer)


@dataclass
class AuthorizationServer:
    """A running authorization server.

    Attributes:
        origin: where it listens; the issuer, unless a test says otherwise.
        failures: every answer of 500 and above so far; a test that wants one takes it out.
        http: a client without cookies, for what machines ask.
        person: the demo user, at a browser that many tests share: most often logged in already.
    """

    origin: str
    issuer: str
    store_url: str
    clock: MovableClock
    failures: list[str]
    http: httpx2.Client = field(default_factory=lambda: machine())
    person: Person = field(default_factory=lambda: Person(trust_env=False))

    def close(self) -> None:
        self.http.close()
        self.person.close()

    def register(self, **metadata: Any) -> Client:
        """A new client, public unless `metadata` says otherwise."""
        return Client.register(self.origin, self.http, **metadata)

    def post(self, path: str, **form: str) -> httpx2.Response:
        """A form, posted without credentials."""
        return self.http.post(f"{self.origin}{path}", data=form)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.http.get(f"{self.origin}{path}", headers=headers)

    def introspect(
        self, token: str, *, server: str = "resource", secret: str = RESOURCE_SECRET
    ) -> dict[str, Any]:
        """The introspection response about `token` for a resource server."""
        response = self.http.post(
            f"{self.origin}/introspect", data={"token": token}, auth=httpx2.BasicAuth(server, secret)
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def connect(self, client: Client | None = None, **parameters: str | None) -> dict[str, Any]:
        """The tokens of a whole code flow, walked by the demo user."""
        return (client or self.register()).connect(self.person, **parameters)

    def is_active(self, token: str) -> bool:
        """Whether the resource server is told to let `token` in."""
        return self.introspect(token)["active"] is True

    def confirm(self, access_token: str) -> None:
        """Show a token to a resource server, and wait until it is noted that the client has it."""
        grant_id = self.introspect(access_token)["grant_id"]
        wait_until(lambda: self.grant(grant_id).unconfirmed_since == 0)

    def grant(self, grant_id: str) -> Grant:
        """The document of a grant that is kept still."""
        stored = self.with_store(lambda store: GrantRepository(store, self.clock).get(grant_id))
        assert stored is not None
        return stored

    def with_store(self, call: Callable[[Store], Awaitable[T]]) -> T:
        """Look into, or change, the store behind the server's back, as another process would."""

        async def run() -> T:
            store = open_store(self.store_url)
            try:
                return await call(store)
            finally:
                await store.aclose()

        return anyio.run(run)

    def add_user(self, username: str, password: str, name: str | None = None) -> Person:
        """A new account, and a browser for its owner."""
        self.with_store(
            lambda store: UserRepository(store, Passwords(), self.clock).add(username, password, name)
        )
        return Person(username, password, trust_env=False)

    def disable_user(self, username: str) -> None:
        """Disable a user, as `doorward users disable` does."""
        self.with_account(username, lambda accounts, user: accounts.disable(user))

    def delete_user(self, username: str) -> None:
        """Delete a user, as `doorward users delete` does."""
        self.with_account(username, lambda accounts, user: accounts.delete(user))

    def operator_registers(self, **metadata: Any) -> Client:
        """A client that the operator creates, with any grant type, without expiry."""

        async def register(store: Store) -> dict[str, Any]:
            registered = await ClientRepository(store, self.clock).register(metadata, unused_ttl_s=None)
            return {
                **metadata,
                "client_id": registered.client.client_id,
                "client_secret": registered.client_secret,
            }

        return Client(self.origin, self.http, self.with_store(register))

    def enable_user(self, username: str) -> None:
        """Enable a user, as `doorward users enable` does."""
        self.with_account(username, lambda accounts, user: accounts.enable(user))

    def set_password(self, username: str, password: str, *, keep_connections: bool = False) -> None:
        """Set a password, as `doorward users passwd` does."""
        self.with_account(
            username,
            lambda accounts, user: accounts.set_password(user, password, keep_connections=keep_connections),
        )

    def subject_of(self, username: str) -> str:
        """The subject of an account."""

        async def find(_: AccountLifecycle, user: User) -> str:
            return user.subject

        return self.with_account(username, find)

    def with_account(self, username: str, change: Callable[[AccountLifecycle, User], Awaitable[T]]) -> T:
        """Change an account behind the server's back, as an operator does with a command."""

        async def run(store: Store) -> T:
            accounts = AccountLifecycle.of_store(store, self.clock)
            return await change(accounts, await accounts.users.named(username))

        return self.with_store(run)


def nobodys(name: str) -> str:
    """A user name that no other test has: servers are shared, and so are their users."""
    return f"{name}-{secrets.token_hex(6)}"


def machine(**options: Any) -> httpx2.Client:
    """An HTTP client as machines have it: no cookies, no redirects followed."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx2.Client(timeout=30, trust_env=False, cookies=no_cookies, **options)


def elsewhere() -> httpx2.HTTPTransport:
    """A transport with its own source address: another network for the rate limits."""
    third, fourth = divmod(next(_addresses), 250)
    return httpx2.HTTPTransport(local_address=f"127.0.{third + 1}.{fourth + 1}")


_addresses = itertools.count()


@contextmanager
def running(
    store_url: str,
    *,
    port: int = 0,
    fetcher: Fetcher | None = None,
    around: Callable[[Store], Store] = lambda store: store,
    clock: MovableClock | None = None,
    loop: str = "auto",
    **settings: Any,
) -> Iterator[AuthorizationServer]:
    """An authorization server on the store at `store_url`, for the length of the context.

    Args:
        port: to listen on; 0 for a free one.
        fetcher: what it fetches documents of clients with; its own where left out.
        around: wraps the store, to hold up one of its calls at the moment a test wants.
        clock: one that the store uses as well; its own where left out.
        loop: the event loop, as uvicorn names it.
        settings: those of `AuthSettings`; they win over the usual ones.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        configured = AuthSettings(**{"issuer": origin, "store": store_url, **USUAL, **settings})
        clock = clock or MovableClock()
        store = open_store(store_url, revocation_log=configured.revocation_log)
        app = NotingFailures(create_app(configured, around(store), clock, fetcher))
        server = uvicorn.Server(_like_the_command(app, loop))
        thread = threading.Thread(target=server.run, args=([listener],), name="authorization-server")
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            assert server.started, "the authorization server did not start"
            running_server = AuthorizationServer(origin, configured.issuer, store_url, clock, app.failures)
            yield running_server
            running_server.close()
        finally:
            server.should_exit = True
            thread.join(SHUTDOWN_S)
            assert not thread.is_alive(), "the authorization server did not end"


def _like_the_command(app: ASGIApp, loop: str) -> uvicorn.Config:
    """As `doorward auth` serves it."""
    return uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=DirectProtocol,
        loop=loop,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=SERVER_S,
    )
