"""The guard in front of somebody else's app, for the paths that are the guard's; the rest is the app's."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.auth.dpop.check import dpop_validator_for
from resource_service.backend import Backend
from resource_service.introspection.chain import introspection_chain
from resource_service.introspection.leases import Leases
from resource_service.middleware.origins import OriginCheck, Origins
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal, principal_in
from resource_service.resource import ProtectedResource
from resource_service.routes.metadata import HEADERS, SLASHES, metadata_documents
from resource_service.settings import ResourceSettings
from resource_service.shutdown import call_when_stopping, called_when_stopping
from resource_service.verifiers.lifespan import Lifespan
from shared.asgi import (
    Cors,
    FrozenHeaders,
    RequestId,
    SecurityHeaders,
    UnhandledErrors,
    method_not_allowed,
)
from shared.clock import Clock, steady_clock
from shared.introspection import ActiveToken

POLICY_VIOLATION = 1008
"""RFC 6455 §7.4.1"""

_ABOUT_THE_SENDER = (b"authorization", b"dpop")


@dataclass(frozen=True, slots=True)
class _AdmittedRequest:
    """A request that the guard has let in, and the token that the app sees in place of the real one."""

    placeholder_token: str
    principal: Principal


_admitted: ContextVar[_AdmittedRequest | None] = ContextVar("doorward_admitted", default=None)


_is_beside: ContextVar[bool] = ContextVar("doorward_is_beside", default=False)


def is_beside() -> bool:
    """Whether the request being served is for another route of the app, which no guard is in front of."""
    return _is_beside.get()


def admitted(token: str) -> Principal | None:
    """Who the request being served acts for, if the guard has put `token` into it; None for any other."""
    request = _admitted.get()
    return request.principal if request is not None and request.placeholder_token == token else None


class GuardMiddleware:
    """An ASGI app: the MCP endpoint of `app` behind the guard, the metadata, and all else as `app` has it.

    The token ends at the guard. The app sees another in its place, worth nothing anywhere but in this very
    request: what it does not have, it cannot pass on, and however the real one was sent, the app's own check
    reads one bearer token.

    Args:
        path: where `app` serves MCP.
    """

    def __init__(
        self, app: ASGIApp, settings: ResourceSettings, policy: PolicyWatcher, clock: Clock, *, path: str
    ) -> None:
        self._app = app
        self._lifespan = Lifespan(app)
        self._stops_with: asyncio.AbstractEventLoop | None = None
        self._settings = settings
        self._clock = clock
        self._path = path
        self._leases = Leases(self._ask, clock, steady_clock)
        self._chain = introspection_chain(settings, clock, self._leases)
        self._policy = policy
        backend = Backend(self._inside, policy, nullcontext)
        dpop_validator = dpop_validator_for(settings, clock)
        resource = ProtectedResource(
            settings=settings,
            backend=backend,
            introspect=self._ask,
            dpop_validator=dpop_validator,
            leases=self._leases,
            clock=clock,
        )
        guards = {route.path: route.endpoint for route in resource.endpoint()}
        documents = {
            path: Document(document) for path, document in metadata_documents(settings, policy).items()
        }
        self._answers: dict[str, ASGIApp] = {**guards, **documents}
        self._places = _places(settings, path) | {path: path for path in documents}
        self._front = _surrounded(self._answer, settings, resource)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            async with self._asking():
                await self._lifespan(scope, receive, send)
        elif (place := self._place_of(scope)) is None:
            await self._beside(scope, receive, send)
        elif scope["type"] == "http":
            self._stop_with_the_process()
            await self._front({**scope, "path": place}, receive, send)
        else:  # MCP has no transport over WebSocket: nothing judges its messages, and nothing would end it
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    async def _beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        outside = _is_beside.set(not _has_messages_beside(scope))
        try:
            await self._app(scope, receive, send)
        finally:
            _is_beside.reset(outside)

    def _place_of(self, scope: Scope) -> str | None:
        # Under a mount, or a root path of the server's, the path begins with it; the public one may as well.
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
            await self._app(inner, receive, send)
        finally:
            _admitted.reset(outside)

    async def _ask(self, token: str) -> ActiveToken | None:
        return await self._chain.introspect(token)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Around the life of the server. A chain lives once; a server may be started again, as tests do."""
        try:
            async with self._chain.run(), self._policy.watch():
                with called_when_stopping(self._leases.stop):
                    self._stops_with = asyncio.get_running_loop()
                    yield
        finally:
            self._stops_with = None
            self._chain = introspection_chain(self._settings, self._clock, self._leases)

    def _stop_with_the_process(self) -> None:
        """Hear of the end where no lifespan says so: an app that mounts another rarely passes it on."""
        if self._stops_with is not (loop := asyncio.get_running_loop()):
            self._stops_with = loop
            call_when_stopping(self._leases.stop)


class Document:
    """A JSON document, as `document` gives it at the moment, as an ASGI app for GET and HEAD."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in ("GET", "HEAD"):
            await JSONResponse(self._document(), headers=HEADERS)(scope, receive, send)
            return
        await method_not_allowed(scope, "GET, HEAD")(scope, receive, send)


def _places(settings: ResourceSettings, path: str) -> dict[str, str]:
    """Path as it may arrive to the guard's: with the base path or without it, or where the app has it.

    The last must not be left out: whatever leads to the app's MCP endpoint leads through the guard.
    """
    guarded_paths = {}
    for slash in SLASHES:
        guarded = f"{settings.mcp_path}{slash}" or "/"
        own = f"{path.removesuffix('/')}{slash}" or "/"
        for arriving in (own, f"{settings.base_path}{guarded}", guarded):
            guarded_paths[arriving] = guarded
    return guarded_paths


def _has_messages_beside(scope: Scope) -> bool:
    """Whether the app has MCP messages sent to another path than the one that it is guarded at.

    FastMCP's older transport does: there, a token is not looked at for a route that is none of ours.
    """
    return getattr(getattr(scope.get("app"), "state", None), "transport_type", None) == "sse"


def _surrounded(app: ASGIApp, settings: ResourceSettings, resource: ProtectedResource) -> ASGIApp:
    policy_of = Origins(settings).policy_of
    app = Cors(app, policy_of=policy_of)
    app = OriginCheck(app, policy_of=policy_of, refuse=resource.refuse)
    app = SecurityHeaders(app, secure=settings.secure)
    return FrozenHeaders(RequestId(UnhandledErrors(app)))
