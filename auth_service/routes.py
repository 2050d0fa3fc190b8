"""Every URL of the authorization server: creates each endpoint and page from its components."""

from __future__ import annotations

from typing import Any

from auth_service.accounts.account_links import AccountLinks
from auth_service.accounts.first_administrator import FirstAdministrator
from auth_service.authorize.arrivals import Arrivals
from auth_service.authorize.authorization_response import AuthorizationResponder
from auth_service.authorize.device_decision import DeviceDecision
from auth_service.authorize.endpoint import AuthorizeEndpoint
from auth_service.authorize.second_factors import RequiredSecondFactors
from auth_service.endpoints.client_configuration import ClientConfigurationEndpoint
from auth_service.endpoints.device_authorization import DeviceAuthorizationEndpoint
from auth_service.endpoints.documents import jwks_endpoint, metadata_endpoints
from auth_service.endpoints.health import health_endpoints
from auth_service.endpoints.par import PushEndpoint
from auth_service.endpoints.register import RegisterEndpoint
from auth_service.endpoints.revoke import RevokeEndpoint
from auth_service.endpoints.token import TokenEndpoint
from auth_service.endpoints.userinfo import UserinfoEndpoint
from auth_service.grants.base import GrantType
from auth_service.grants.code_issuer import AuthorizationCodeIssuer
from auth_service.grants.person_claims import PersonClaims
from auth_service.pages.consent import ConsentPage
from auth_service.pages.consent_facts import ConsentFacts
from auth_service.pages.current_password import CurrentPassword
from auth_service.pages.delete_account import DeleteAccountPage
from auth_service.pages.device import DevicePage
from auth_service.pages.disconnect_identity import DisconnectIdentityPage
from auth_service.pages.login import LoginPage
from auth_service.pages.logout import LogoutPage
from auth_service.pages.password import PasswordPage, well_known_endpoint
from auth_service.pages.presence import Presence
from auth_service.pages.set_password import SetPasswordPage
from auth_service.pages.set_up import SetUpPage
from auth_service.protocol.access import DEMO_USERNAME
from auth_service.protocol.metadata import server_metadata
from auth_service.protocol.pkce import PkcePolicy
from auth_service.resource_server_routes import definitions, events, introspect, revocations
from auth_service.users.login_limits import LoginLimits
from auth_service.users.password_check import PasswordCheck
from auth_service.web.route import Endpoint
from auth_service.wiring import configured
from auth_service.wiring.account_page import account_page, activity_page, email_page, logout, own_data_page
from auth_service.wiring.admin_api import admin_api
from auth_service.wiring.call_approvals import approve_page, call_approval_endpoint
from auth_service.wiring.components import Components
from auth_service.wiring.connected_accounts import connect_pages, connected_account_endpoint
from auth_service.wiring.console import console
from auth_service.wiring.factor_components import passkey_check, second_steps
from auth_service.wiring.federated_login import FederatedLogin, federated_login
from auth_service.wiring.grant_types import offered_grant_types
from auth_service.wiring.measured import measure_password_check
from auth_service.wiring.second_factors import second_factor_endpoints


def endpoints(parts: Components, registration_example: dict[str, Any]) -> list[Endpoint]:
    """Return all endpoints and pages, in the order of their description."""
    grant_types = offered_grant_types(
        parts.base,
        parts.users,
        parts.clients,
        parts.grants,
        proof_replay_cache=parts.client_auth.proof_replay_cache,
    )
    federated = federated_login(parts)
    return [
        _register(parts).endpoint(registration_example),
        _client_configuration(parts).endpoint(registration_example),
        _authorize(parts).endpoint(),
        _par(parts).endpoint(),
        _token(parts, grant_types).endpoint(),
        _device_authorization(parts).endpoint(),
        introspect(parts).endpoint(),
        _revoke(parts).endpoint(),
        revocations(parts).endpoint(),
        events(parts).endpoint(),
        definitions(parts).endpoint(),
        connected_account_endpoint(parts),
        call_approval_endpoint(parts),
        _userinfo(parts).endpoint(),
        *metadata_endpoints(_metadata(parts, grant_types)),
        jwks_endpoint(parts.base.signing_keys),
        *admin_api(parts),
        *_pages(parts, federated),
        *federated.endpoints,
        *connect_pages(parts),
        approve_page(parts),
        *second_factor_endpoints(parts),
        *health_endpoints(parts.base.store, parts.base.store_watch),
    ]


def _register(parts: Components) -> RegisterEndpoint:
    settings = parts.base.settings
    registrable = configured.registrable_grants(settings)
    return RegisterEndpoint(
        clients=parts.clients.repository,
        registration_policy=parts.clients.registration_policy,
        redirect_hosts=configured.redirect_hosts(settings),
        sectors=parts.clients.sectors,
        throttle=parts.base.throttle("register"),
        own_share=parts.base.throttle("register-share"),
        overall=parts.base.throttle("register-overall"),
        quota=configured.quota(settings),
        networks=parts.page_context.networks,
        issuer=settings.issuer,
        grant_types=registrable,
        operator_grant_types=(*registrable, "client_credentials"),
        journal=parts.base.journal,
    )


def _client_configuration(parts: Components) -> ClientConfigurationEndpoint:
    settings = parts.base.settings
    return ClientConfigurationEndpoint(
        clients=parts.clients.repository,
        registration_policy=parts.clients.registration_policy,
        grants=parts.grants.repository,
        issuer=settings.issuer,
        grant_types=configured.registrable_grants(settings),
        redirect_hosts=configured.redirect_hosts(settings),
        sectors=parts.clients.sectors,
        throttle=parts.base.throttle("change-client"),
        networks=parts.page_context.networks,
        journal=parts.base.journal,
    )


def _authorize(parts: Components) -> AuthorizeEndpoint:
    base, grants, authorization = parts.base, parts.grants, parts.authorization
    templates = parts.page_context.templates
    return AuthorizeEndpoint(
        clients=parts.clients.repository,
        client_resolver=parts.clients.resolver,
        resource_registry=grants.resource_registry,
        requests=authorization.requests,
        pending=authorization.pending,
        context=parts.page_context,
        consents=authorization.consents,
        codes=AuthorizationCodeIssuer(
            grant_factory=grants.factory,
            grants=grants.repository,
            token_issuer=grants.token_issuer,
            lifetimes=grants.lifetimes,
            clock=base.clock,
        ),
        device_decision=DeviceDecision(grants.devices, templates),
        access=parts.access.control,
        hints=authorization.hints,
        responder=AuthorizationResponder(templates, base.settings.issuer),
        arrivals=Arrivals(
            store=base.store,
            clients=parts.clients.repository,
            client_resolver=parts.clients.resolver,
            sessions=parts.users.sessions,
            throttle=base.throttle("authorize"),
            kept_throttle=base.throttle("keep-authorization"),
        ),
        clock=base.clock,
        pkce_policy=PkcePolicy(base.settings.require_pkce),
        second_factors=RequiredSecondFactors(
            configured.second_factor_policy(base.settings), parts.users.repository
        ),
    )


def _par(parts: Components) -> PushEndpoint:
    return PushEndpoint(
        authentication=parts.client_auth.authentication,
        requests=parts.authorization.requests,
        dpop=parts.client_auth.dpop_proofs,
        resource_registry=parts.grants.resource_registry,
        throttle=parts.base.throttle("push"),
        networks=parts.page_context.networks,
        pkce_policy=PkcePolicy(parts.base.settings.require_pkce),
        url=f"{parts.base.settings.issuer}/par",
    )


def _token(parts: Components, grant_types: list[GrantType]) -> TokenEndpoint:
    return TokenEndpoint(
        authentication=parts.client_auth.authentication,
        grant_types={grant_type.name: grant_type for grant_type in grant_types},
        dpop=parts.client_auth.dpop_proofs,
        token_issuer=parts.grants.token_issuer,
        clock=parts.base.clock,
        networks=parts.page_context.networks,
        url=f"{parts.base.settings.issuer}/token",
        journal=parts.base.journal,
    )


def _device_authorization(parts: Components) -> DeviceAuthorizationEndpoint:
    return DeviceAuthorizationEndpoint(
        authentication=parts.client_auth.authentication,
        devices=parts.grants.devices,
        resource_registry=parts.grants.resource_registry,
        throttle=parts.base.throttle("device-request"),
        networks=parts.page_context.networks,
        issuer=parts.base.settings.issuer,
    )


def _revoke(parts: Components) -> RevokeEndpoint:
    return RevokeEndpoint(
        parts.client_auth.authentication,
        parts.grants.token_reader,
        parts.grants.repository,
        parts.page_context.networks,
    )


def _userinfo(parts: Components) -> UserinfoEndpoint:
    return UserinfoEndpoint(
        people=PersonClaims(parts.users.repository, parts.grants.permissions),
        tokens=parts.grants.token_reader,
        dpop=parts.client_auth.dpop_proofs,
        clients=parts.clients.repository,
        subjects=parts.users.client_subjects,
        signing_keys=parts.base.signing_keys,
        issuer=parts.base.settings.issuer,
        clock=parts.base.clock,
        url=f"{parts.base.settings.issuer}/userinfo",
    )


def _metadata(parts: Components, grant_types: list[GrantType]) -> dict[str, object]:
    return server_metadata(
        parts.base.settings.issuer,
        parts.grants.resource_registry.scopes_supported,
        [grant_type.name for grant_type in grant_types],
        client_documents=parts.clients.resolver.admits_any,
        grant_profiles=configured.grant_profiles(parts.base.settings),
    )


def _pages(parts: Components, federated: FederatedLogin) -> list[Endpoint]:
    limits = LoginLimits(parts.base.store, configured.limits(parts.base.settings)["login"])
    metrics = parts.base.metrics
    check = PasswordCheck(parts.users.repository, limits, metrics.waited if metrics else None)
    if metrics:
        measure_password_check(metrics, check)
    pages = (
        _login_page(parts, check),
        _consent_page(parts),
        _device_page(parts),
        account_page(parts),
        _password_page(parts, check),
        _disconnect_identity_page(parts, check),
        email_page(parts, _presence(parts, check)),
        _delete_account_page(parts, check),
        own_data_page(parts),
        activity_page(parts),
        _set_password_page(parts),
        _set_up_page(parts),
        _logout_page(parts, federated),
    )
    own = [page.endpoint() for page in pages]
    administration = console(parts, _current_password(parts, check)).endpoints()
    return [*own, well_known_endpoint(parts.base.settings.issuer), *administration]


def _login_page(parts: Components, check: PasswordCheck) -> LoginPage:
    return LoginPage(
        context=parts.page_context,
        users=parts.users.repository,
        login_sessions=parts.login_sessions,
        clients=parts.clients.repository,
        pending=parts.authorization.pending,
        check=check,
        second_steps=second_steps(parts),
        passkeys=passkey_check(parts),
        providers=configured.identity_providers(parts.base.settings),
    )


def _consent_page(parts: Components) -> ConsentPage:
    return ConsentPage(
        context=parts.page_context,
        pending=parts.authorization.pending,
        clients=parts.clients.repository,
        client_resolver=parts.clients.resolver,
        consents=parts.authorization.consents,
        resource_registry=parts.grants.resource_registry,
        descriptions=parts.authorization.resource_descriptions,
        access=parts.access.control,
        journal=parts.base.journal,
        facts=ConsentFacts.of_store(parts.base.store, parts.clients.repository, parts.base.clock),
    )


def _device_page(parts: Components) -> DevicePage:
    return DevicePage(
        context=parts.page_context,
        devices=parts.grants.devices,
        pending=parts.authorization.pending,
        throttle=parts.base.throttle("device"),
    )


def _password_page(parts: Components, check: PasswordCheck) -> PasswordPage:
    return PasswordPage(
        context=parts.page_context,
        accounts=parts.accounts,
        current_password=_current_password(parts, check),
        providers=configured.identity_providers(parts.base.settings),
    )


def _current_password(parts: Components, check: PasswordCheck) -> CurrentPassword:
    return CurrentPassword(context=parts.page_context, check=check, users=parts.users.repository)


def _delete_account_page(parts: Components, check: PasswordCheck) -> DeleteAccountPage:
    return DeleteAccountPage(
        context=parts.page_context,
        accounts=parts.accounts,
        presence=_presence(parts, check),
    )


def _disconnect_identity_page(parts: Components, check: PasswordCheck) -> DisconnectIdentityPage:
    return DisconnectIdentityPage(
        context=parts.page_context,
        connected=parts.accounts.connected,
        presence=_presence(parts, check),
        providers=configured.identity_providers(parts.base.settings),
    )


def _set_password_page(parts: Components) -> SetPasswordPage:
    return SetPasswordPage(
        context=parts.page_context,
        links=AccountLinks(accounts=parts.accounts, clock=parts.base.clock),
        throttle=parts.base.throttle("account-link"),
    )


def _set_up_page(parts: Components) -> SetUpPage:
    first = FirstAdministrator(
        accounts=parts.accounts,
        factors=parts.users.factors,
        store=parts.base.store,
        clock=parts.base.clock,
        setup_link=parts.base.settings.setup_link,
        demo=DEMO_USERNAME if parts.base.settings.demo_user else None,
    )
    throttle = parts.base.throttle("account-link")
    passkeys = passkey_check(parts)
    return SetUpPage(context=parts.page_context, first=first, passkeys=passkeys, throttle=throttle)


def _presence(parts: Components, check: PasswordCheck) -> Presence:
    return Presence(current_password=_current_password(parts, check), clock=parts.base.clock)


def _logout_page(parts: Components, federated: FederatedLogin) -> LogoutPage:
    return LogoutPage(
        context=parts.page_context,
        logout=logout(parts),
        clients=parts.clients.repository,
        hints=parts.authorization.hints,
        end_session=federated.end_session,
    )
