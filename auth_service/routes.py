"""Every URL of the authorization server, each endpoint and page made from the components it needs."""

from __future__ import annotations

from typing import Any

from auth_service import configured
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.accounts.logout import Logout
from auth_service.authorize.authorization_response import AuthorizationResponder
from auth_service.authorize.device_decision import DeviceDecision
from auth_service.authorize.endpoint import AuthorizeEndpoint
from auth_service.components import Components
from auth_service.endpoints.client_configuration import ClientConfigurationEndpoint
from auth_service.endpoints.device_authorization import DeviceAuthorizationEndpoint
from auth_service.endpoints.documents import health_endpoint, jwks_endpoint, metadata_endpoints
from auth_service.endpoints.introspect import IntrospectEndpoint
from auth_service.endpoints.par import PushEndpoint
from auth_service.endpoints.register import RegisterEndpoint
from auth_service.endpoints.revocations import RevocationsEndpoint
from auth_service.endpoints.revoke import RevokeEndpoint
from auth_service.endpoints.token import TokenEndpoint
from auth_service.endpoints.userinfo import UserinfoEndpoint
from auth_service.events.signing import SignedEvents
from auth_service.grant_types import offered_grant_types
from auth_service.grants.code_issuer import AuthorizationCodeIssuer
from auth_service.pages.account import AccountPage
from auth_service.pages.consent import ConsentPage
from auth_service.pages.console.assembly import assembled
from auth_service.pages.console.router import AdminConsole
from auth_service.pages.device import DevicePage
from auth_service.pages.login import LoginPage
from auth_service.pages.logout import LogoutPage
from auth_service.pages.password import PasswordPage
from auth_service.protocol.metadata import server_metadata
from auth_service.protocol.pkce import PkcePolicy
from auth_service.protocol.registration_policy import RegistrationMode
from auth_service.users.login_limits import LoginLimits
from auth_service.users.password_check import PasswordCheck
from auth_service.web.route import Endpoint


def endpoints(parts: Components, registration_example: dict[str, Any]) -> list[Endpoint]:
    """Everything that is served, in the order in which it is described."""
    issuer = parts.settings.issuer
    grant_types = offered_grant_types(parts, parts.settings, parts.store)
    metadata = server_metadata(
        issuer,
        parts.catalogue.scopes_supported,
        [g.name for g in grant_types],
        client_documents=parts.client_resolver.admits_any,
        grant_profiles=configured.grant_profiles(parts.settings),
    )
    registrable = configured.registrable_grants(parts.settings)
    return [
        _register(parts, registrable).endpoint(registration_example),
        ClientConfigurationEndpoint(
            clients=parts.clients,
            admission=parts.admission,
            grants=parts.grants,
            issuer=issuer,
            grant_types=registrable,
            redirect_hosts=configured.redirect_hosts(parts.settings),
            sectors=parts.sectors,
            throttle=parts.throttle("change-client"),
            networks=parts.networks,
        ).endpoint(registration_example),
        _authorize(parts).endpoint(),
        PushEndpoint(
            authentication=parts.authentication,
            requests=parts.requests,
            dpop=parts.dpop,
            catalogue=parts.catalogue,
            throttle=parts.throttle("push"),
            networks=parts.networks,
            pkce=PkcePolicy(parts.settings.require_pkce),
            url=f"{issuer}/par",
        ).endpoint(),
        TokenEndpoint(
            authentication=parts.authentication,
            grant_types={grant_type.name: grant_type for grant_type in grant_types},
            dpop=parts.dpop,
            mint=parts.mint,
            clock=parts.clock,
            networks=parts.networks,
            url=f"{issuer}/token",
        ).endpoint(),
        DeviceAuthorizationEndpoint(
            authentication=parts.authentication,
            devices=parts.devices,
            catalogue=parts.catalogue,
            throttle=parts.throttle("device-request"),
            networks=parts.networks,
            issuer=issuer,
        ).endpoint(),
        _introspect(parts).endpoint(),
        RevokeEndpoint(parts.authentication, parts.tokens, parts.grants).endpoint(),
        RevocationsEndpoint(parts.callers, parts.feed, SignedEvents(parts.signing_keys, issuer)).endpoint(),
        _userinfo(parts).endpoint(),
        *metadata_endpoints(metadata),
        jwks_endpoint(parts.signing_keys),
        *_pages(parts),
        health_endpoint(parts.store),
    ]


def _userinfo(parts: Components) -> UserinfoEndpoint:
    issuer = parts.settings.issuer
    return UserinfoEndpoint(
        users=parts.users,
        tokens=parts.tokens,
        dpop=parts.dpop,
        clients=parts.clients,
        subjects=parts.subjects,
        signing_keys=parts.signing_keys,
        issuer=issuer,
        clock=parts.clock,
        url=f"{issuer}/userinfo",
    )


def _register(parts: Components, registrable: tuple[str, ...]) -> RegisterEndpoint:
    settings = parts.settings
    return RegisterEndpoint(
        clients=parts.clients,
        admission=parts.admission,
        redirect_hosts=configured.redirect_hosts(parts.settings),
        sectors=parts.sectors,
        throttle=parts.throttle("register"),
        own_share=parts.throttle("register-share"),
        overall=parts.throttle("register-overall"),
        quota=configured.quota(settings),
        networks=parts.networks,
        issuer=settings.issuer,
        grant_types=registrable,
        operator_grant_types=(*registrable, "client_credentials"),
    )


def _introspect(parts: Components) -> IntrospectEndpoint:
    return IntrospectEndpoint(
        callers=parts.callers,
        tokens=parts.tokens,
        subjects=parts.subjects,
        signing_keys=parts.signing_keys,
        clock=parts.clock,
        issuer=parts.settings.issuer,
        grace_s=parts.settings.refresh_grace_s,
    )


def _authorize(parts: Components) -> AuthorizeEndpoint:
    return AuthorizeEndpoint(
        clients=parts.clients,
        client_resolver=parts.client_resolver,
        catalogue=parts.catalogue,
        requests=parts.requests,
        pending=parts.pending,
        sessions=parts.sessions,
        consents=parts.consents,
        codes=AuthorizationCodeIssuer(
            opener=parts.opener,
            grants=parts.grants,
            clients=parts.clients,
            mint=parts.mint,
            lifetimes=parts.lifetimes,
            clock=parts.clock,
        ),
        device_decision=DeviceDecision(parts.devices, parts.page_templates),
        browsers=parts.browsers,
        hints=parts.hints,
        authorization_responder=AuthorizationResponder(parts.page_templates, parts.settings.issuer),
        errors=parts.error_pages,
        throttle=parts.throttle("authorize"),
        kept=parts.throttle("keep-authorization"),
        networks=parts.networks,
        clock=parts.clock,
        pkce=PkcePolicy(parts.settings.require_pkce),
    )


def _pages(parts: Components) -> list[Endpoint]:
    pages, errors = parts.page_templates, parts.error_pages
    limits = LoginLimits(parts.store, configured.limits(parts.settings)["login"])
    check = PasswordCheck(parts.users, limits)
    login = LoginPage(
        users=parts.users,
        sessions=parts.sessions,
        clients=parts.clients,
        pending=parts.pending,
        browsers=parts.browsers,
        check=check,
        networks=parts.networks,
        pages=pages,
        errors=errors,
    )
    consent = ConsentPage(
        pending=parts.pending,
        sessions=parts.sessions,
        clients=parts.clients,
        client_resolver=parts.client_resolver,
        consents=parts.consents,
        catalogue=parts.catalogue,
        descriptions=parts.descriptions,
        browsers=parts.browsers,
        pages=pages,
        errors=errors,
    )
    account = AccountPage(
        grants=parts.grants,
        clients=parts.clients,
        consents=parts.consents,
        sessions=parts.sessions,
        catalogue=parts.catalogue,
        browsers=parts.browsers,
        pages=pages,
        errors=errors,
    )
    password = PasswordPage(
        accounts=AccountLifecycle(parts.users, parts.sessions, parts.grants),
        sessions=parts.sessions,
        check=check,
        browsers=parts.browsers,
        networks=parts.networks,
        pages=pages,
        errors=errors,
    )
    device = DevicePage(
        devices=parts.devices,
        pending=parts.pending,
        browsers=parts.browsers,
        throttle=parts.throttle("device"),
        networks=parts.networks,
        pages=pages,
        errors=errors,
    )
    own = [page.endpoint() for page in (login, consent, device, account, password, _logout_page(parts))]
    return [*own, *_console(parts).endpoints()]


def _console(parts: Components) -> AdminConsole:
    return assembled(
        parts.users,
        sessions=parts.sessions,
        grants=parts.grants,
        clients=parts.clients,
        consents=parts.consents,
        invitations=parts.invitations,
        catalogue=parts.catalogue,
        browsers=parts.browsers,
        clock=parts.clock,
        openness=RegistrationMode(parts.settings.registration),
        warning=parts.warning,
    )


def _logout_page(parts: Components) -> LogoutPage:
    logout = Logout(
        sessions=parts.sessions,
        grants=parts.grants,
        clients=parts.clients,
        subjects=parts.subjects,
        signing_keys=parts.signing_keys,
        fetcher=parts.fetcher,
        issuer=parts.settings.issuer,
        clock=parts.clock,
    )
    return LogoutPage(
        logout=logout,
        sessions=parts.sessions,
        clients=parts.clients,
        hints=parts.hints,
        browsers=parts.browsers,
        pages=parts.page_templates,
        errors=parts.error_pages,
    )
