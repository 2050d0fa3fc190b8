"""The composition root: assembles the resource server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, HTTPExceptionHandler, Lifespan, Scope

from resource_service.components import Components, components
from resource_service.errors import Refusal, Refuse
from resource_service.introspection.leases import Leases
from resource_service.metrics import ResourceMetrics
from resource_service.middleware.direct_endpoints import DirectEndpoint, DirectEndpoints
from resource_service.middleware.drain_body import DrainBody
from resource_service.middleware.origins import OriginCheck, Origins
from resource_service.openapi import (
    ANY_EXAMPLES,
    NOTES_EXAMPLES,
    TAGS,
    DocumentedApp,
    Examples,
    description,
)
from resource_service.pages.visitors import VisitorPages
from resource_service.policy.scope_check import scope_check_running
from resource_service.resource import Run
from resource_service.routes.aliases import alias_routes
from resource_service.routes.http_resources import Hello, health_route, plain_routes
from resource_service.routes.published_keys import key_routes
from resource_service.settings import ResourceSettings
from resource_service.shutdown import called_when_stopping
from resource_service.workers.replicas import replicas_of
from resource_service.workers.worker import Worker
from shared.appearance.theme import Theme
from shared.asgi import (
    BrowserPages,
    Cors,
    FrozenHeaders,
    HeadLimit,
    HostNames,
    OtherHosts,
    Prefix,
    RequestId,
    SecurityHeaders,
    UnhandledErrors,
    http_error,
)
from shared.asgi.endpoint_names import EndpointNames, route_paths
from shared.clock import Clock, system_clock
from shared.docs_page import ASSETS, mount_docs
from shared.home_networks import WARNING
from shared.logs import configure_logs, get_logger
from shared.metrics.measurements import Measurements
from shared.observing import observed, peer_of, tracing_to_collector
from shared.pages.home import home_route
from shared.prctl import forbid_inspection
from shared.version import VERSION

_log = get_logger(__name__)

COUNTED_ALONE = (
    "the policy limits calls, and each process of this service counts them alone: set DOORWARD_RESOURCE_STORE"
    " if there are several workers or replicas"
)
WORKERS_SHARE_NOTHING = (
    "each worker counts limits and remembers spent DPoP proofs on its own: with N workers, limits are up to N"
    " times as high, and a proof is accepted once by each, unless DOORWARD_RESOURCE_STORE is set"
)


def create_app(
    settings: ResourceSettings, clock: Clock = system_clock, metrics: ResourceMetrics | None = None
) -> DocumentedApp:
    """Create the resource server as an ASGI app from `settings` alone, without global state.

    Args:
        clock: determines when tokens expire.
        metrics: measures what happens; None measures nothing.
    """
    parts = components(settings, clock, metrics)
    theme = Theme.of(settings, folder=ASSETS)
    brand = theme.brand(settings.base_path)
    served = [resource.settings for resource in parts.resources.at_urls]
    visitors = VisitorPages(settings, served, brand)
    host_names = HostNames(public_url=settings.resource, setting="DOORWARD_RESOURCE")
    app = DocumentedApp(
        title=settings.resource_name,
        version=VERSION,
        description=description(settings),
        openapi_tags=TAGS,
        servers=[{"url": settings.base_url}],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(parts, metrics),
        middleware=_middleware(settings, parts.refuse, visitors, host_names),
        exception_handlers={HTTPException: http_error},
    )
    endpoints = list(_mcp_endpoints(parts))
    app.direct = DirectEndpoints(
        app.framework,
        endpoints=[*_direct(parts), *(DirectEndpoint(route.path, route.app) for route in endpoints)],
        prefix=settings.base_path,
        secure=settings.secure,
        host_names=host_names,
    )
    app.add_exception_handler(Refusal, _refused(parts.refuse))
    app.mcp_endpoints = _examples(parts)
    app.admits = _admits(parts)
    app.router.routes.extend(endpoints)
    app.router.routes.extend([home_route(visitors.home), *theme.routes()])
    for router in _routers(parts):
        app.include_router(router)
    main = parts.resources.main or parts.resources.joined
    mount_docs(
        app,
        title=settings.resource_name,
        public_url=settings.base_url,
        issuer=settings.issuer,
        scopes=main.policy.scopes() if main else (),
        brand=brand,
        warning=WARNING if settings.allow_http_networks else None,
    )
    return app


def create_app_from_environment(workers: str | None = None, metrics: str | None = None) -> ASGIApp:
    """Create the app for uvicorn, with settings and logging from the environment.

    Args:
        workers: the private folder that several workers share; None if there is one.
        metrics: the folder of the measurements; None measures nothing.

    Raises:
        pydantic.ValidationError: a setting is missing or invalid; the error names it.
    """
    forbid_inspection()
    configure_logs()
    settings = ResourceSettings()  # type: ignore[call-arg]  # read from the environment
    measured_by = None if metrics is None else ResourceMetrics(Measurements(Path(metrics)))
    created = create_app(settings, metrics=measured_by)
    app = _observed_app(settings, created, measured_by)
    replicas = replicas_of(settings)
    if workers is None and replicas is None:
        return app
    if settings.resource_store is None:
        _log.warning(WORKERS_SHARE_NOTHING)
    return Worker(
        app,
        None if workers is None else Path(workers),
        admits=created.admits,
        replicas=replicas,
        max_body_bytes=settings.max_body_bytes,
        secure=settings.secure,
    )


def _observed_app(settings: ResourceSettings, app: FastAPI, metrics: ResourceMetrics | None) -> ASGIApp:
    names = EndpointNames(settings.base_path)
    names.add(route_paths(app.router.routes))
    done = [] if metrics is None else [metrics.request_done]
    return observed(app, names, done, tracing=tracing_to_collector("doorward-resource"), address_of=peer_of)


def _mcp_endpoints(parts: Components) -> Iterator[Route]:
    for resource in parts.resources.at_urls:
        yield from resource.endpoint()


def _admits(parts: Components) -> Callable[[Scope], Awaitable[bool]]:
    """Return the check whether a request is to an MCP endpoint, with a token that is valid there."""
    prefix = parts.base.settings.base_path
    authenticate_at = {
        f"{before}{route.path}": resource.authenticate
        for resource in parts.resources.at_urls
        for route in resource.endpoint()
        for before in ("", prefix)
    }

    async def admits(scope: Scope) -> bool:
        authenticate = authenticate_at.get(scope["path"])
        return authenticate is not None and await authenticate.admits(scope)

    return admits


def _direct(parts: Components) -> Iterator[DirectEndpoint]:
    """Yield the HTTP resources that are answered before the framework, too."""
    if main := parts.resources.main:
        hello = Hello(main.authenticate, parts.refuse)
        yield DirectEndpoint("/hello", hello, methods=frozenset({"GET"}))


def _examples(parts: Components) -> dict[str, Examples]:
    """Return the example requests of each MCP endpoint: of the built-in server, the calls of its tools."""
    examples = {resource.path: ANY_EXAMPLES for resource in parts.resources.at_urls}
    main = parts.resources.main
    return examples | {main.path: NOTES_EXAMPLES} if main and parts.base.notes else examples


def _routers(parts: Components) -> Iterator[APIRouter]:
    """Yield the HTTP resources beside MCP, in the order of their description."""
    settings, main = parts.base.settings, parts.resources.main
    for resource in parts.resources.all:
        yield resource.metadata(at_root=resource is main)
    if parts.resources.joined is not None:
        yield parts.resources.joined.metadata()
    if settings.has_gateway:
        yield key_routes(parts.base.identity_tokens)
    yield health_route()
    if main:
        yield plain_routes(
            main.authenticate,
            main.policy,
            parts.base.notes,
            issuer=settings.issuer,
            resource=settings.resource,
        )
    if settings.legacy_aliases:
        yield alias_routes(parts.base.authorization_server, settings)


def _middleware(
    settings: ResourceSettings, refuse: Refuse, visitors: VisitorPages, host_names: HostNames
) -> list[Middleware]:
    policy_of = Origins(settings).policy_of
    return [
        Middleware(FrozenHeaders),
        Middleware(RequestId),
        Middleware(DrainBody),
        Middleware(SecurityHeaders, secure=settings.secure),
        Middleware(BrowserPages, page_of=visitors.refused),
        Middleware(UnhandledErrors),
        Middleware(HeadLimit),
        Middleware(OtherHosts, names=host_names),
        *([Middleware(Prefix, prefix=settings.base_path)] if settings.base_path else []),
        Middleware(OriginCheck, policy_of=policy_of, refuse=refuse),
        Middleware(Cors, policy_of=policy_of),
    ]


def _lifespan(parts: Components, metrics: ResourceMetrics | None) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if parts.base.notes is not None:
                stack.callback(parts.base.notes.close)
            for run in _contexts(parts):
                await stack.enter_async_context(run())
            if not parts.base.counting.is_shared and _has_limits(parts):
                _log.info(COUNTED_ALONE)
            if metrics is not None:
                await stack.enter_async_context(metrics.sampler.run())
            yield

    return lifespan


def _has_limits(parts: Components) -> bool:
    return any(resource.policy.current.limits for resource in parts.resources.all)


def _contexts(parts: Components) -> Iterator[Run]:
    """Yield the contexts in which the service runs, outermost first."""
    served, server = parts.resources.all, parts.base.authorization_server
    if parts.base.store is not None:
        yield parts.base.store.run
    yield parts.base.counting.run
    yield parts.validation.run
    yield server.run
    yield parts.journal.run
    yield parts.deliveries
    yield from (resource.backend.run for resource in served)
    yield from (resource.policy.watch for resource in parts.resources.at_urls)
    yield from (resource.pins.run for resource in served)
    yield parts.definitions.run
    for resource in served:
        # A policy file is separate from the authorization server's settings.
        if resource.policy.path is not None:
            check = partial(scope_check_running, resource.policy, server.metadata)
            yield partial(check, resource=resource.settings.resource)
    yield partial(_stopping, parts.validation.leases)  # innermost, so that it ends first


@asynccontextmanager
async def _stopping(leases: Leases) -> AsyncIterator[None]:
    with called_when_stopping(leases.stop):
        yield


def _refused(refuse: Refuse) -> HTTPExceptionHandler:
    async def handle(request: Request, error: Exception) -> Response:
        return refuse(cast("Refusal", error), request.scope)

    return handle
