"""The wiring of logins through identity providers; without a provider, none of this is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auth_service.endpoints.provider_logout import ProviderLogoutEndpoint
from auth_service.federation.accounts import FederatedAccounts
from auth_service.federation.discovery import ProviderDiscovery
from auth_service.federation.end_session import ProviderEndSession
from auth_service.federation.github import GitHubLogin
from auth_service.federation.id_tokens import ProviderIdTokens
from auth_service.federation.identities import IdentityRepository
from auth_service.federation.logins import FederatedLogins
from auth_service.federation.logout_returns import LogoutReturns
from auth_service.federation.openid import OpenIdLogin
from auth_service.federation.provider_logout import ProviderLogout, ProviderSessions
from auth_service.pages.federated_login import FederatedLoginPages
from auth_service.pages.logged_out import LoggedOutPage
from auth_service.pages.provider_failures import ProviderFailures
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.web.render import PageTemplates
from auth_service.web.route import Endpoint
from auth_service.wiring import configured
from auth_service.wiring.components import Components
from auth_service.wiring.factor_components import second_steps
from auth_service.wiring.page_context import warning
from auth_service.wiring.renewal import upstream_credentials
from shared.appearance.theme import Theme

Providers = Mapping[str, IdentityProvider]


@dataclass(frozen=True, kw_only=True)
class FederatedLogin:
    """The parts that other pages and the router need.

    Attributes:
        endpoints: the pages of logins, and the endpoints for logouts at providers.
        end_session: the logout pages of the providers.
    """

    endpoints: tuple[Endpoint, ...]
    end_session: ProviderEndSession


def federated_login(parts: Components) -> FederatedLogin:
    """Create the login through the identity providers of the settings."""
    base = parts.base
    providers = {provider.provider_id: provider for provider in configured.identity_providers(base.settings)}
    loopback = base.settings.fetch_loopback
    discovery = ProviderDiscovery(base.operator_fetcher, base.clock, loopback=loopback)
    openid = _openid(parts, discovery)
    pages, logout = _pages(parts, providers, openid), _logout(parts, providers, openid)
    returns = LogoutReturns(base.store)
    logged_out = LoggedOutPage(context=parts.page_context, returns=returns)
    return FederatedLogin(
        endpoints=(*pages.endpoints(), logout.endpoint(), logged_out.endpoint()) if providers else (),
        end_session=ProviderEndSession(
            providers=providers,
            discovery=discovery,
            id_tokens=_id_tokens(parts),
            returns=returns,
            return_uri=f"{base.settings.issuer}/logged-out",
        ),
    )


def _id_tokens(parts: Components) -> ProviderIdTokens:
    return ProviderIdTokens(parts.base.store, parts.base.key_ring, parts.base.settings.session_ttl_s)


def _openid(parts: Components, discovery: ProviderDiscovery) -> OpenIdLogin:
    base = parts.base
    return OpenIdLogin(
        fetcher=base.operator_fetcher,
        discovery=discovery,
        keys=parts.clients.operator_keys,
        signatures=base.signatures,
        clock=base.clock,
    )


def _pages(parts: Components, providers: Providers, openid: OpenIdLogin) -> FederatedLoginPages:
    base, users, context = parts.base, parts.users, parts.page_context
    templates = PageTemplates(Theme.of(base.settings), warning=warning(base.settings), console=True)
    return FederatedLoginPages(
        context=context.with_templates(templates),
        providers=providers,
        by_protocol={"openid": openid, "github": GitHubLogin(fetcher=base.operator_fetcher)},
        logins=FederatedLogins(base.store, base.key_ring),
        accounts=FederatedAccounts(
            users=users.repository,
            identities=IdentityRepository(base.store, base.clock),
            credentials=upstream_credentials(base),
            access_changed=parts.access.changes.subject,
            factors=users.factors,
            events=context.account_events,
        ),
        provider_sessions=provider_sessions(parts),
        id_tokens=_id_tokens(parts),
        begun=parts.login_sessions,
        second_steps=second_steps(parts),
        pending=parts.authorization.pending,
        throttle=base.throttle("federated-login"),
        clock=base.clock,
        failures=ProviderFailures(
            templates=templates, measure=None if base.metrics is None else base.metrics.provider_failed
        ),
        issuer=base.settings.issuer,
    )


def _logout(parts: Components, providers: Providers, openid: OpenIdLogin) -> ProviderLogoutEndpoint:
    base = parts.base
    return ProviderLogoutEndpoint(
        providers=providers,
        logout=ProviderLogout(
            openid=openid,
            identities=IdentityRepository(base.store, base.clock),
            provider_sessions=provider_sessions(parts),
            sessions=parts.users.sessions,
            grants=parts.grants.repository,
            store=base.store,
            clock=base.clock,
        ),
        throttle=base.throttle("provider-logout"),
        networks=parts.page_context.networks,
    )


def provider_sessions(parts: Components) -> ProviderSessions:
    """Return the record of sessions at providers."""
    return ProviderSessions(parts.base.store, parts.base.settings.session_ttl_s)
