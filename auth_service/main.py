"""The composition root: assembles the authorization server."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from auth_service import routes
from auth_service.backup.restoration import is_incomplete
from auth_service.crypto.keyring import KeyRing
from auth_service.declarative.stored_settings import DeclaredSettings
from auth_service.events.known_revocations import KnownRevocations
from auth_service.fetching import Fetcher
from auth_service.metrics import AuthMetrics
from auth_service.openapi import DescribedApp, openapi_document, registration_example
from auth_service.pages.visitors import VisitorPages, slash_routes
from auth_service.protocol.access import DEMO_USERNAME
from auth_service.reloading import ReloadingApp
from auth_service.settings import AuthSettings
from auth_service.storage.release_record import Releases
from auth_service.users.repository import UserExistsError, UserRepository
from auth_service.web.client_networks import ClientNetworks, TellWhetherBelieved
from auth_service.web.render import STATIC
from auth_service.web.route import Endpoint
from auth_service.web.submissions import Submissions
from auth_service.wiring.components import Components, components
from auth_service.wiring.connected_accounts import provider_revocations
from auth_service.wiring.journal import journal_upkeep
from auth_service.wiring.page_context import warning
from auth_service.wiring.watching import watching_for_operators
from shared.appearance.theme import Theme
from shared.asgi import (
    BodyLimit,
    BrowserPages,
    Cors,
    CorsPolicy,
    DirectRoutes,
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
from shared.assets import BRAND, Assets
from shared.clock import Clock, system_clock
from shared.docs_page import mount_docs
from shared.in_background import in_background
from shared.journal.delivery import EVENTS_PATH
from shared.logs import configure_logs, get_logger
from shared.metrics.measurements import Measurements
from shared.observing import observed, tracing_to_collector
from shared.pages.home import home_route
from shared.prctl import forbid_inspection
from shared.storage import Durability, open_store
from shared.storage.interface import Store
from shared.storage.store_clock import StoreClock
from shared.uris import is_loopback, split_absolute

_log = get_logger(__name__)


class IncompleteStoreError(Exception):
    """The store has only a part of a backup."""


RECENT_REVOCATIONS_S = 900.0
"""Revocations that are repeated if the store forgot them: a failover in a Cluster breaks no subscription."""

PROGRAM_ENDPOINTS = frozenset(
    {
        *("/token", "/introspect", "/revoke", "/par", "/register", "/userinfo", "/device_authorization"),
        *(EVENTS_PATH, "/revocations", "/connected-account"),
    }
)
"""Endpoints whose callers may name the trace that their request is a part of: no browser comes here."""

DEMO_PASSWORD, DEMO_NAME = "secret", "Demo User"


def create_app(
    settings: AuthSettings,
    store: Store,
    clock: Clock = system_clock,
    fetcher: Fetcher | None = None,
    *,
    keeps_store: bool = False,
    known_revocations: KnownRevocations | None = None,
    metrics: AuthMetrics | None = None,
) -> DescribedApp:
    """Create the authorization server as an ASGI application; shutdown closes `store` and `fetcher`.

    Args:
        fetcher: by default created according to `settings`.
        keeps_store: whether shutdown leaves `store` open.
        known_revocations: those that this process remembers already.
        metrics: measures what happens; None measures nothing.
    """
    fetcher = fetcher or Fetcher(loopback=settings.fetch_loopback, networks=settings.fetch_networks)
    parts = components(settings, store, clock, fetcher, known_revocations=known_revocations, metrics=metrics)
    scopes = parts.grants.resource_registry.scope_descriptions
    networks = parts.page_context.networks
    submissions = Submissions(store, parts.base.key_ring, parts.page_context.browsers)
    endpoints = [*map(submissions.answering_again, routes.endpoints(parts, registration_example(settings)))]
    host_names = HostNames(public_url=settings.issuer, setting="DOORWARD_ISSUER")
    theme = Theme.of(settings)
    visitors = VisitorPages(settings.issuer, theme, warning(settings))
    app = DescribedApp(
        title="Doorward authorization server",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        # It would redirect to a URL built from the Host header (DESIGN D8).
        redirect_slashes=False,
        lifespan=_lifespan(parts, keeps_store=keeps_store),
        middleware=_middleware(settings, endpoints, visitors, networks=networks, host_names=host_names),
        exception_handlers={HTTPException: http_error},
    )
    app.direct = DirectRoutes(
        app.framework,
        routes=[route for endpoint in endpoints for route in endpoint.direct_routes()],
        prefix=urlsplit(settings.issuer).path,
        secure=settings.secure,
        max_body_bytes=settings.max_body_bytes,
        host_names=host_names,
        more_headers=networks.response_headers,
        page_of=visitors.refused,
    )
    app.document = openapi_document(settings, endpoints, scopes)
    app.router.routes.extend(endpoint.route() for endpoint in endpoints)
    app.router.routes.extend([home_route(visitors.home), *slash_routes(endpoints)])
    app.router.routes.extend(theme.routes())
    app.mount("/static", Assets(STATIC, BRAND))
    mount_docs(
        app,
        title=f"{theme.name} authorization server",
        brand=theme.brand(urlsplit(settings.issuer).path),
        public_url=settings.issuer,
        issuer=settings.issuer,
        scopes=scopes,
        warning=warning(settings),
    )
    return app


def create_reloading_app(
    settings: AuthSettings, store: Store, clock: Clock | None = None, metrics: Path | None = None
) -> ASGIApp:
    """Create the authorization server with the settings that files declare; shutdown closes `store`.

    Its requests are observed as far as the environment asks for it.

    Args:
        clock: by default the store's clock, which all processes share.
        metrics: the folder of the measurements; None measures nothing.
    """
    tracing = tracing_to_collector("doorward-auth", PROGRAM_ENDPOINTS.__contains__)
    if tracing is not None:
        from shared.traces.calls import traced_store

        store = traced_store(store)
    store_clock = StoreClock(store)
    now = clock or store_clock

    known_revocations = KnownRevocations(now)
    measurements = None if metrics is None else Measurements(metrics)
    names = EndpointNames(urlsplit(settings.issuer).path)

    def create(current: AuthSettings) -> DescribedApp:
        app = create_app(
            current,
            store,
            now,
            keeps_store=True,
            known_revocations=known_revocations,
            metrics=None if measurements is None else AuthMetrics(measurements),
        )
        names.add(route_paths(app.router.routes))
        return app

    declared = DeclaredSettings(store, KeyRing(settings.master_keys))
    app = ReloadingApp(settings, declared, create, clock=store_clock.followed, close=store.aclose)
    done = [] if measurements is None else [AuthMetrics(measurements).request_done]
    sender_of = ClientNetworks(settings.trusted_proxies).sender_of
    return observed(app, names, done, tracing=tracing, address_of=sender_of)


def create_app_from_environment(metrics: str | None = None) -> ASGIApp:
    """Create the application for uvicorn, with settings and store from the environment.

    Args:
        metrics: the folder of the measurements; None measures nothing.
    """
    forbid_inspection()
    configure_logs()
    settings = AuthSettings()  # type: ignore[call-arg]
    durability = Durability(settings.durability, settings.durability_replicas)
    return create_reloading_app(
        settings,
        open_store(settings.store, durability, revocation_log=settings.revocation_log),
        metrics=None if metrics is None else Path(metrics),
    )


def _middleware(
    settings: AuthSettings,
    endpoints: list[Endpoint],
    visitors: VisitorPages,
    *,
    networks: ClientNetworks,
    host_names: HostNames,
) -> list[Middleware]:
    prefix = urlsplit(settings.issuer).path
    return [
        Middleware(FrozenHeaders),
        Middleware(RequestId),
        Middleware(SecurityHeaders, secure=settings.secure),
        Middleware(TellWhetherBelieved, networks=networks),
        Middleware(BrowserPages, page_of=visitors.refused),
        Middleware(UnhandledErrors),
        Middleware(HeadLimit),
        Middleware(OtherHosts, names=host_names),
        *([Middleware(Prefix, prefix=prefix)] if prefix else []),
        Middleware(Cors, policy_of=_cors_policies(endpoints)),
        Middleware(BodyLimit, max_body_bytes=settings.max_body_bytes),
    ]


def _cors_policies(endpoints: list[Endpoint]) -> Callable[[str], CorsPolicy | None]:
    exact = {e.path: e.cors for e in endpoints if "{" not in e.path}
    below = {e.path.partition("{")[0]: e.cors for e in endpoints if "{" in e.path}
    return lambda path: exact[path] if path in exact else below.get(path[: path.rfind("/") + 1])


def _lifespan(
    parts: Components, *, keeps_store: bool
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    base, settings = parts.base, parts.base.settings

    store_watch = base.store_watch
    watched = watching_for_operators(base, store_watch)
    revoking = provider_revocations(parts).run()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if await is_incomplete(base.store):
            raise IncompleteStoreError("a restore into the store was interrupted: run doorward restore again")
        await store_watch.check()
        await Releases(base.store).record()
        await base.signing_keys.prepare()
        await parts.users.pairwise_subjects.prepare()
        if settings.demo_user:
            await _prepare_demo_user(parts)
        if settings.access is None and await parts.access.control.is_open():
            _log.warning(
                "without access rules, everybody may connect to every resource; see docs/how-to/access.md"
            )
        _log.info("authorization server ready", issuer=settings.issuer)
        recent = functools.partial(parts.grants.repository.put_back_revocations, RECENT_REVOCATIONS_S)
        try:
            async with (
                in_background(store_watch.watch(recent)),
                parts.revocation_stream.followed(),
                journal_upkeep(base),
                watched,
                revoking,
            ):
                yield
        finally:
            base.fetcher.close()
            base.operator_fetcher.close()
            await parts.authorization.resource_descriptions.aclose()
            await parts.grants.confirmations.aclose()
            if not keeps_store:
                await base.store.aclose()

    return lifespan


async def _prepare_demo_user(parts: Components) -> None:
    users = parts.users.repository
    # The first administrator has replaced the demo user.
    if any(user.admin and user.username != DEMO_USERNAME for user in await users.list()):
        if await users.get(DEMO_USERNAME) is None:
            parts.page_context.templates.remove_notice()
        return
    await _add_demo_user(users, admin=is_loopback(split_absolute(parts.base.settings.issuer)))


async def _add_demo_user(users: UserRepository, *, admin: bool) -> None:
    # The demo user's password is public, so it may not administer a server that others can reach.
    try:
        await users.add(DEMO_USERNAME, DEMO_PASSWORD, DEMO_NAME, admin=admin)
    except UserExistsError:
        _log.debug("the demo user exists already")
