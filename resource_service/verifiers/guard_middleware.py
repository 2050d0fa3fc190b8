"""The guard in front of another app: it handles its own paths, and the app handles the rest."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.auth.dpop.check import dpop_validator_for
from resource_service.call_approvals.answers import Approval
from resource_service.call_approvals.client import ApprovalQuestion
from resource_service.introspection.chain import introspection_chain
from resource_service.introspection.leases import Leases
from resource_service.journal.configured import call_journal, delivered
from resource_service.limits.counting import call_counting
from resource_service.middleware.direct_endpoints import DirectEndpoint, DirectEndpoints
from resource_service.middleware.origins import OriginCheck, Origins
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal, principal_in
from resource_service.resource import Backend, ProtectedResource, TokenValidation, protected_resource
from resource_service.routes.metadata import HEADERS, SLASHES, metadata_documents
from resource_service.settings import ResourceSettings
from resource_service.shutdown import call_when_stopping, called_when_stopping
from resource_service.stops.stopped_list import StoppedList
from resource_service.storage.shared_store import shared_store
from resource_service.verifiers.lifespan import Lifespan
from resource_service.verifiers.queries import Queries, queries
from shared.asgi import (
    Cors,
    FrozenHeaders,
    RequestId,
    SecurityHeaders,
    UnhandledErrors,
    method_not_allowed,
)
from shared.asgi.repeated_fields import ForeignConnections
from shared.asgi.whole_response import offer_by_foreign_server
from shared.clock import Clock, steady_clock
from shared.introspection import ActiveToken
from shared.logs import get_logger

POLICY_VIOLATION = 1008
"""RFC 6455 §7.4.1"""

_ABOUT_THE_SENDER = (b"authorization", b"dpop")


@dataclass(frozen=True, slots=True)
class _AdmittedRequest:
    """An admitted request, and the placeholder token that the app receives instead of the real one."""

    placeholder_token: str
    principal: Principal


_log = get_logger(__name__)

_admitted: ContextVar[_AdmittedRequest | None] = ContextVar("doorward_admitted", default=None)


_is_beside: ContextVar[bool] = ContextVar("doorward_is_beside", default=False)


def is_beside() -> bool:
    """Check whether the current request is for a route of the app without a guard."""
    return _is_beside.get()


def admitted(token: str) -> Principal | None:
    """Return the current request's principal if the guard has put `token` into the request; else None."""
    request = _admitted.get()
    return request.principal if request is not None and request.placeholder_token == token else None


class GuardMiddleware:
    """An ASGI app: the MCP endpoint of `app` behind the guard, the metadata, and the rest of `app` unchanged.

    The real token stops at the guard. The app receives a placeholder that is only valid in this request, so
    it cannot pass the real token on. However the real token was sent, the app's own check sees one bearer
    token.

    Args:
        path: the path at which `app` serves MCP.
        endpoint: serves admitted requests; by default `app`, with all of its own checks.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ResourceSettings,
        policy: PolicyWatcher,
        clock: Clock,
        *,
        path: str,
        endpoint: ASGIApp | None = None,
    ) -> None:
        self._app = app
        self._endpoint = endpoint or app
        self._lifespan = Lifespan(app)
        self._stops_with: asyncio.AbstractEventLoop | None = None
        self._path = path
        self._connections = ForeignConnections()
        journal = call_journal(settings, clock, only_in_run=True)
        self._delivered = partial(delivered, journal, settings)
        self._leases = Leases(self._ask, clock, steady_clock)
        stopped = StoppedList()
        self._new_queries: Callable[[], Queries] = lambda: queries(
            settings,
            introspection_chain(
                settings, clock, self._leases, lambda: bool(policy.current.groups), stopped=stopped
            ),
        )
        self._queries = self._new_queries()
        self._store = shared_store(settings.resource_store)
        self._counting = call_counting(self._store, settings.resource_server_id)
        validation = TokenValidation(
            introspect=self._ask,
            run=self._asking,
            stopped=stopped,
            ask_approval=self._ask_approval,
            dpop_validator=dpop_validator_for(settings, clock, self._store),
            leases=self._leases,
            clock=clock,
        )
        backend = Backend(app=self._inside, policy=policy, run=nullcontext)
        resource = protected_resource(
            settings, backend, validation, journal, counting=self._counting, store=self._store
        )
        self._followed = (policy.watch, resource.pins.run)
        guards = {route.path: route.endpoint for route in resource.endpoint()}
        documents = {
            path: Document(document) for path, document in metadata_documents(settings, policy).items()
        }
        self._answers: dict[str, ASGIApp] = {**guards, **documents}
        self._places = _places(settings, path) | {path: path for path in documents}
        self._front = DirectEndpoints(
            _surrounded(self._answer, settings, resource),
            endpoints=[DirectEndpoint(place, guard) for place, guard in guards.items()],
            prefix="",
            secure=settings.secure,
            host_names=None,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            async with self._asking():
                await self._lifespan(scope, receive, send)
        elif (place := self._place_of(scope)) is None:
            await self._beside(scope, receive, send)
        elif scope["type"] == "http":
            self._stop_with_the_process()
            scope = {**scope, "path": place}
            self._connections.note(scope, receive)
            offer_by_foreign_server(scope, send)
            await self._front(scope, receive, send)
        else:  # MCP has no WebSocket transport, so its messages would be neither checked nor ended
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    async def _beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        outside = _is_beside.set(not _has_messages_beside(scope))
        try:
            await self._app(scope, receive, send)
        finally:
            _is_beside.reset(outside)

    def _place_of(self, scope: Scope) -> str | None:
        # Under a mount or a root path, the path begins with the prefix; the public path may as well.
        path, root = scope["path"], scope.get("root_path", "")
        return self._places.get(path) or self._places.get(path.removeprefix(root))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answers[scope["path"]](scope, receive, send)

    async def _inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _AdmittedRequest(secrets.token_urlsafe(), principal_in(scope))
        headers = [pair for pair in scope["headers"] if pair[0] not in _ABOUT_THE_SENDER]
        headers.append((b"authorization", f"Bearer {request.placeholder_token}".encode()))
        path = f"{scope.get('root_path', '')}{self._path}"
        outside = _admitted.set(request)
        try:
            inner = {**scope, "path": path, "raw_path": path.encode(), "headers": headers}
            await self._endpoint(inner, receive, send)
        finally:
            _admitted.reset(outside)

    async def _ask(self, token: str) -> ActiveToken | None:
        return await self._queries.introspect(token)

    async def _ask_approval(self, question: ApprovalQuestion) -> Approval | None:
        return await self._queries.ask_approval(question)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Run for the life of the server. The queries run once; a server may be restarted, as in tests."""
        try:
            follow_policy, follow_pins = self._followed
            store = nullcontext() if self._store is None else self._store.run()
            async with (
                store,
                self._counting.run(),
                self._queries.run(),
                self._delivered(),
                follow_policy(),
                follow_pins(),
            ):
                with called_when_stopping(self._leases.stop):
                    self._stops_with = asyncio.get_running_loop()
                    yield
        finally:
            self._stops_with = None
            self._queries = self._new_queries()

    def _stop_with_the_process(self) -> None:
        """Handle shutdown without a lifespan: an app that mounts another rarely forwards its events."""
        if self._stops_with is not (loop := asyncio.get_running_loop()):
            _log.warning(
                "calls are not recorded in the journal, and revocations are not followed: the app in which "
                "this one is mounted does not pass its lifespan on"
            )
            self._stops_with = loop
            call_when_stopping(self._leases.stop)


class Document:
    """An ASGI app for GET and HEAD that serves the JSON document that `document` currently returns."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in ("GET", "HEAD"):
            await JSONResponse(self._document(), headers=HEADERS)(scope, receive, send)
            return
        await method_not_allowed(scope, "GET, HEAD")(scope, receive, send)


def _places(settings: ResourceSettings, path: str) -> dict[str, str]:
    """Map each path of a request to the guard's: with the base path or without it, or the app's own path.

    The app's own path is essential: every path to the app's MCP endpoint must lead through the guard.
    """
    guarded_paths = {}
    for slash in SLASHES:
        guarded = f"{settings.mcp_path}{slash}" or "/"
        own = f"{path.removesuffix('/')}{slash}" or "/"
        for arriving in (own, f"{settings.base_path}{guarded}", guarded):
            guarded_paths[arriving] = guarded
    return guarded_paths


def _has_messages_beside(scope: Scope) -> bool:
    """Check whether the app receives MCP messages at another path than the guarded one.

    FastMCP's older transport does. Its other paths therefore do not count as routes without a guard.
    """
    return getattr(getattr(scope.get("app"), "state", None), "transport_type", None) == "sse"


def _surrounded(app: ASGIApp, settings: ResourceSettings, resource: ProtectedResource) -> ASGIApp:
    policy_of = Origins(settings).policy_of
    app = Cors(app, policy_of=policy_of)
    app = OriginCheck(app, policy_of=policy_of, refuse=resource.guard.refuse)
    app = SecurityHeaders(app, secure=settings.secure)
    return FrozenHeaders(RequestId(UnhandledErrors(app)))
