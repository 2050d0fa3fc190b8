"""Assemble the resource server from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import HTTPExceptionHandler, Lifespan

from resource_service.auth.dpop.check import dpop_validator_for
from resource_service.authorization_server_client import http_client
from resource_service.backend import Backend, behind_gateway, built_in
from resource_service.errors import Refusal, Refuse
from resource_service.identity_token import IdentityTokens
from resource_service.introspection.chain import introspection_chain
from resource_service.introspection.leases import Leases
from resource_service.mcp_server.notes import Notes
from resource_service.middleware.drain_body import DrainBody
from resource_service.middleware.origins import OriginCheck, Origins
from resource_service.openapi import ANY_EXAMPLES, NOTES_EXAMPLES, TAGS, DocumentedApp, description
from resource_service.pages.visitors import VisitorPages
from resource_service.policy.scope_check import scope_check_running
from resource_service.resource import ProtectedResource
from resource_service.routes.aliases import AuthorizationServer, alias_routes
from resource_service.routes.http_resources import health_route, plain_routes
from resource_service.routes.published_keys import key_routes
from resource_service.settings import ResourceSettings
from resource_service.shutdown import called_when_stopping
from shared.asgi import (
    BrowserPages,
    Cors,
    FrozenHeaders,
    HeadLimit,
    OtherHosts,
    Prefix,
    RequestId,
    SecurityHeaders,
    UnhandledErrors,
    http_error,
)
from shared.clock import Clock, steady_clock, system_clock
from shared.docs_page import mount_docs
from shared.home_networks import WARNING
from shared.logs import configure_logs
from shared.pages.home import home_route
from shared.prctl import forbid_inspection
from shared.version import VERSION


def create_app(settings: ResourceSettings, clock: Clock = system_clock) -> FastAPI:
    """Create the resource server as an ASGI app from `settings` alone, without global state.

    Args:
        clock: determines when tokens expire.
    """
    leases = Leases(lambda token: introspection.introspect(token), clock, steady_clock)
    introspection = introspection_chain(settings, clock, leases)
    introspect = introspection.introspect
    authorization_server_http = http_client(timeout_s=settings.introspection_timeout_s, max_connections=20)
    tokens = IdentityTokens(settings.identity_private_key, clock)
    notes = Notes(settings.notes, clock) if settings.serves_notes else None
    dpop_validator = dpop_validator_for(settings, clock)

    def protected(described: ResourceSettings, backend: Backend) -> ProtectedResource:
        return ProtectedResource(
            settings=described,
            backend=backend,
            introspect=introspect,
            dpop_validator=dpop_validator,
            leases=leases,
            clock=clock,
        )

    backend = _main_backend(settings, notes, tokens)
    main = protected(settings, backend) if backend else None
    mounts = [
        protected(mount, behind_gateway(mount, tokens)) for mount in map(settings.for_mount, settings.mounts)
    ]
    resources = [*([main] if main else []), *mounts]
    refuse = main.refuse if main else Refuse(settings.metadata_url, tuple)
    visitors = VisitorPages(settings, [resource.settings for resource in resources])
    issuer = AuthorizationServer(authorization_server_http, settings, clock)

    app = DocumentedApp(
        title=settings.resource_name,
        version=VERSION,
        description=description(settings),
        openapi_tags=TAGS,
        servers=[{"url": settings.base_url}],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(
            notes,
            (
                introspection.run,
                lambda: authorization_server_http,
                *(resource.backend.run for resource in resources),
                *(resource.policy.watch for resource in resources),
                *_scope_checks(resources, issuer),
                lambda: _stopping(leases),  # innermost, so that it ends first
            ),
        ),
        middleware=_middleware(settings, refuse, visitors),
    )
    app.mcp_endpoints = {
        resource.path: NOTES_EXAMPLES if notes and resource is main else ANY_EXAMPLES
        for resource in resources
    }
    app.add_exception_handler(Refusal, _refused(refuse))
    app.add_exception_handler(HTTPException, http_error)
    for resource in resources:
        app.router.routes.extend(resource.endpoint())
        app.include_router(resource.metadata(at_root=resource is main))
    app.router.routes.append(home_route(visitors.home))
    if settings.has_gateway:
        app.include_router(key_routes(tokens))
    app.include_router(health_route())
    if main:
        plain = plain_routes(
            main.authenticate, main.policy, notes, issuer=settings.issuer, resource=settings.resource
        )
        app.include_router(plain)
    if settings.legacy_aliases:
        app.include_router(alias_routes(issuer, settings))
    mount_docs(
        app,
        title=settings.resource_name,
        public_url=settings.base_url,
        issuer=settings.issuer,
        scopes=main.policy.scopes() if main else (),
        warning=WARNING if settings.allow_http_networks else None,
    )
    return app


def create_app_from_environment() -> FastAPI:
    """Create the app for uvicorn, with settings and logging from the environment.

    Raises:
        pydantic.ValidationError: a setting is missing or invalid; the error names it.
    """
    forbid_inspection()
    configure_logs()
    return create_app(ResourceSettings())  # type: ignore[call-arg]  # read from the environment


def _main_backend(settings: ResourceSettings, notes: Notes | None, tokens: IdentityTokens) -> Backend | None:
    if notes is not None:
        return built_in(settings, notes)
    if settings.upstream is not None:
        return behind_gateway(settings, tokens)
    return None


def _scope_checks(
    resources: Iterable[ProtectedResource], issuer: AuthorizationServer
) -> Iterator[Callable[[], AbstractAsyncContextManager[object]]]:
    """Yield a scope check for each policy that is written apart from the authorization server's settings."""
    for resource in resources:
        if resource.policy.path is not None:
            yield partial(
                scope_check_running, resource.policy, issuer.metadata, resource=resource.settings.resource
            )


@asynccontextmanager
async def _stopping(leases: Leases) -> AsyncIterator[None]:
    with called_when_stopping(leases.stop):
        yield


def _middleware(settings: ResourceSettings, refuse: Refuse, visitors: VisitorPages) -> list[Middleware]:
    policy_of = Origins(settings).policy_of
    return [
        Middleware(FrozenHeaders),
        Middleware(RequestId),
        Middleware(DrainBody),
        Middleware(SecurityHeaders, secure=settings.secure),
        Middleware(BrowserPages, page_of=visitors.refused),
        Middleware(UnhandledErrors),
        Middleware(HeadLimit),
        Middleware(OtherHosts, public_url=settings.resource, setting="DOORWARD_RESOURCE"),
        Middleware(Prefix, prefix=settings.base_path),
        Middleware(OriginCheck, policy_of=policy_of, refuse=refuse),
        Middleware(Cors, policy_of=policy_of),
    ]


def _lifespan(
    notes: Notes | None, contexts: Iterable[Callable[[], AbstractAsyncContextManager[object]]]
) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if notes is not None:
                stack.callback(notes.close)
            for run in contexts:
                await stack.enter_async_context(run())
            yield

    return lifespan


def _refused(refuse: Refuse) -> HTTPExceptionHandler:
    async def handle(request: Request, error: Exception) -> Response:
        return refuse(cast("Refusal", error), request.scope)

    return handle
