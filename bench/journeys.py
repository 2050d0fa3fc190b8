"""Count the project's files and functions that five requests enter: ``.venv/bin/python -m bench.journeys``.

Both services and an upstream MCP server run in this process, each on its own thread. Each request is
repeated, and the smallest count is reported, since it contains no unrelated activity. Background tasks, and
the requests that they send, are left out by their context.

Calls must not climb: a module calls into a higher package only through an object that was passed to it.
`GIVEN` lists these objects. Any other such call is reported, and the exit status is 1.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import httpx2
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from auth_service.main import create_app as authorization_server
from auth_service.settings import AuthSettings
from resource_service.main import create_app as resource_server
from resource_service.settings import ResourceSettings
from shared.storage import open_store
from tests.auth_service.service import MASTER_KEY, RESOURCE_SECRET
from tests.flow import Client, Person, Pkce
from tests.package_order import ORDER
from tests.resource_service.service import bearer
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
REPETITIONS = 5
PATHS = frozenset({"/authorize", "/token", "/introspect", "/mcp"})
"""The paths of journeys. Other requests are sent in the background: polls, reports, deliveries."""

_is_apart: ContextVar[bool] = ContextVar("is_apart", default=False)
AUTH, RESOURCE, UPSTREAM = "auth_service", "resource_service", "upstream"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

ACCESS = "the rules of access, by an interface of `grants`"
ASGI = "the app, `receive` and `send` of ASGI"
GIVEN = {
    "auth_service/grants/authorization_code.py": ACCESS,
    "auth_service/grants/grant_factory.py": ACCESS,
    "auth_service/grants/refresh_token.py": ACCESS,
    "auth_service/grants/token_reader.py": ACCESS,
    "auth_service/protocol/narrowed_grants.py": "the rule that it narrows",
    "auth_service/protocol/introspection.py": "a `TokenHandle`, a protocol that is defined there",
    "auth_service/protocol/lost_writes.py": "a `TokenHandle`, a protocol that is defined in `introspection`",
    "shared/storage/documents.py": "the keys, lifetimes and rules of a `Collection`",
    "shared/storage/readings.py": "the decoder of a `Reading`",
    "auth_service/web/forms.py": "the handler of an endpoint",
    "auth_service/web/http.py": "the handler of an endpoint",
    "resource_service/gateway/disconnect.py": ASGI,
    "resource_service/gateway/http_reply.py": ASGI,
    "resource_service/introspection/client.py": "whether a policy names groups",
    "resource_service/introspection/listeners.py": "a listener to the feed, a protocol that is defined there",
    "shared/asgi/body.py": ASGI,
    "shared/asgi/cors.py": "the policy of each path",
    "shared/asgi/direct_app.py": "the application in front of the framework",
    "shared/asgi/direct_routes.py": "the handlers, the headers of responses and the framework behind it",
    "shared/asgi/headers.py": ASGI,
    "shared/asgi/other_hosts.py": ASGI,
    "shared/asgi/prefix.py": ASGI,
    "shared/asgi/request_id.py": ASGI,
    "shared/asgi/repeated_fields.py": "the function whose results it keeps",
    "shared/kept_by_identity.py": "the function whose results it keeps",
}
"""Objects of a higher package that a module may call, through an interface of the lower package."""


class Recorder:
    """Records the entered functions and their threads while `recording`.

    Attributes:
        climbs: the calls into a higher package, except to what is `GIVEN`.
    """

    def __init__(self) -> None:
        self.climbs: set[str] = set()
        self._entered: set[tuple[str, CodeType]] = set()
        self._on = False
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and self._on and not _is_apart.get():
            self._entered.add((threading.current_thread().name, frame.f_code))
            if frame.f_back is not None:
                self._note_climb(frame.f_back.f_code, frame.f_code)

    def _note_climb(self, caller: CodeType, called: CodeType) -> None:
        lower, higher = (code.co_filename.removeprefix(f"{ROOT}{os.sep}") for code in (caller, called))
        if lower not in GIVEN and _climbs(lower, higher):
            self.climbs.add(f"{lower} {caller.co_name} calls {higher} {called.co_name}")

    def count(self, service: str, request: Callable[[], object]) -> tuple[int, int]:
        """Count the files and functions of `service` and `shared` that `request` enters.

        Comprehensions and lambdas belong to the function around them.
        """
        self._entered.clear()
        self._on = True
        request()
        self._on = False
        folders = tuple(f"{ROOT / name}{os.sep}" for name in (service, "shared"))
        others = {AUTH, RESOURCE} - {service}
        functions = {
            code
            for thread, code in self._entered
            if thread not in others and code.co_filename.startswith(folders) and code.co_name[0] != "<"
        }
        return len({code.co_filename for code in functions}), len(functions)


def _climbs(lower: str, higher: str) -> bool:
    """Check whether the file `lower` is in a package below that of `higher`."""
    service, _, module = higher.partition(os.sep)
    if service not in ORDER or lower.partition(os.sep)[0] not in (service, "shared"):
        return False
    return _position(service, module) > _position(service, lower.removeprefix(f"{service}{os.sep}"))


def _position(service: str, module: str) -> int:
    package = module.partition(os.sep)[0].removesuffix(".py")
    return ORDER[service].index(package) if package in ORDER[service] else -1


async def _upstream(scope: Scope, receive: Receive, send: Send) -> None:
    """An MCP server that answers every request with an empty result."""
    if scope["type"] == "http":
        message = await Request(scope, receive).json()
        await JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": {}})(scope, receive, send)


def _setting_apart(app: ASGIApp) -> ASGIApp:
    """Mark the tasks of background requests, and those that the lifespan starts."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] not in PATHS:
            _is_apart.set(True)
        await app(scope, receive, send)

    return serve


@contextmanager
def _serving(app: ASGIApp, name: str, port: int) -> Iterator[None]:
    """Serve `app` on a thread with that name."""
    lifespan: Any = "off" if name == UPSTREAM else "on"
    server = uvicorn.Server(
        uvicorn.Config(_setting_apart(app), port=port, log_level="error", lifespan=lifespan)
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), name=name)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.05)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


class Journeys:
    """The requests of one client for one person.

    Args:
        issuer: the issuer of the running authorization server.
    """

    def __init__(self, issuer: str, mcp_url: str) -> None:
        self._mcp_url = mcp_url
        self.http = httpx2.Client(trust_env=False, timeout=30)
        self._person = Person(trust_env=False)
        self._client = Client.register(issuer, self.http, redirect_uris=["https://app.example/callback"])
        self._tokens = self._client.connect(self._person, resource=mcp_url)

    def authorize(self) -> tuple[Pkce, str]:
        """Get a code for a user who is logged in and has consented before, in one request."""
        pkce = Pkce()
        url = self._client.authorization_url(pkce, resource=self._mcp_url)
        response = self._person.browser.get(url)
        return pkce, httpx2.URL(response.headers["location"]).params["code"]

    def redeem(self, pkce: Pkce, code: str) -> None:
        """Exchange the code for tokens."""
        self._tokens = _checked(self._client.redeem(code, pkce)).json()

    def refresh(self) -> None:
        """Exchange the refresh token for new tokens."""
        self._tokens = _checked(self._client.refresh(self._tokens["refresh_token"])).json()

    def introspect(self) -> None:
        """Introspect the access token as the resource server."""
        credentials = httpx2.BasicAuth("resource", RESOURCE_SECRET)
        form = {"token": self._tokens["access_token"]}
        _checked(self.http.post(f"{self._client.issuer}/introspect", data=form, auth=credentials))

    def call(self) -> None:
        """Send an MCP request through the gateway, which introspects its token."""
        headers = {**bearer(self._tokens["access_token"]), "Accept": "application/json, text/event-stream"}
        _checked(self.http.post(self._mcp_url, json=PING, headers=headers))


def _checked(response: httpx2.Response) -> httpx2.Response:
    assert response.status_code == 200, response.text
    return response


def _measured(recorder: Recorder, journeys: Journeys) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    codes: list[tuple[Pkce, str]] = []
    repeated = range(REPETITIONS)
    yield "introspect", [recorder.count(AUTH, journeys.introspect) for _ in repeated]
    yield "authorize", [recorder.count(AUTH, lambda: codes.append(journeys.authorize())) for _ in repeated]
    yield "code redemption", [recorder.count(AUTH, lambda: journeys.redeem(*codes.pop())) for _ in repeated]
    yield "refresh", [recorder.count(AUTH, journeys.refresh) for _ in repeated]


def main() -> None:
    """Measure, and print one line per journey, and each call that climbs."""
    recorder = Recorder()
    ports = {name: free_port() for name in (AUTH, RESOURCE, UPSTREAM)}
    issuer, mcp_url = f"http://localhost:{ports[AUTH]}", f"http://localhost:{ports[RESOURCE]}/mcp"
    served = {"resource": mcp_url, "name": "Notes", "scopes": {"notes": "Read your notes"}}
    settings: dict[str, Any] = {
        "issuer": issuer,
        "master_keys": f"1:{MASTER_KEY}",
        "demo_user": True,
        "resource_servers": [{"id": "resource", "secret": RESOURCE_SECRET, "resources": [served]}],
    }
    with tempfile.TemporaryDirectory() as directory:
        settings["store"] = f"sqlite:///{directory}/auth.sqlite3"
        server = authorization_server(AuthSettings(**settings), open_store(settings["store"]))
        with _serving(server, AUTH, ports[AUTH]):
            journeys = Journeys(issuer, mcp_url)
            for name, counts in _measured(recorder, journeys):
                _print(name, counts)
            gateway: dict[str, Any] = {
                "resource": mcp_url,
                "issuer": issuer,
                "resource_secret": RESOURCE_SECRET,
                "upstream": f"http://127.0.0.1:{ports[UPSTREAM]}/mcp",
                "introspection_cache_s": 0,
            }
            application = resource_server(ResourceSettings(**gateway))
            with (
                _serving(_upstream, UPSTREAM, ports[UPSTREAM]),
                _serving(application, RESOURCE, ports[RESOURCE]),
            ):
                _print("gateway call", [recorder.count(RESOURCE, journeys.call) for _ in range(REPETITIONS)])
    sys.exit("\n".join(sorted(recorder.climbs)) or None)


def _print(name: str, counts: list[tuple[int, int]]) -> None:
    files, functions = min(counts)
    sys.stdout.write(f"{name:16} {files:4} files {functions:5} functions\n")


if __name__ == "__main__":
    main()
