"""The wiring of logins through identity providers; nothing of it is served where none is configured."""

from __future__ import annotations

from auth_service import configured
from auth_service.components import Components, warning
from auth_service.federation.accounts import FederatedAccounts
from auth_service.federation.discovery import ProviderDiscovery
from auth_service.federation.github import GitHubLogin
from auth_service.federation.identities import IdentityRepository
from auth_service.federation.logins import FederatedLogins
from auth_service.federation.openid import OpenIdLogin
from auth_service.pages.federated_login import FederatedLoginPages, ProviderLogin
from auth_service.pages.provider_failures import ProviderFailures
from auth_service.web.login_sessions import LoginSessions
from auth_service.web.render import PageTemplates
from auth_service.web.route import Endpoint


def federated_login_endpoints(parts: Components) -> list[Endpoint]:
    """The pages of logins through identity providers."""
    base, users, context = parts.base, parts.users, parts.page_context
    providers = configured.identity_providers(base.settings)
    if not providers:
        return []
    templates = PageTemplates(warning=warning(base.settings), console=True)
    pages = FederatedLoginPages(
        context=context.with_templates(templates),
        providers={provider.provider_id: provider for provider in providers},
        by_protocol=_by_protocol(parts),
        logins=FederatedLogins(base.store, base.key_ring),
        accounts=FederatedAccounts(
            users=users.repository, identities=IdentityRepository(base.store, base.clock)
        ),
        begun=LoginSessions(users=users.repository, sessions=users.sessions, browsers=context.browsers),
        pending=parts.authorization.pending,
        throttle=base.throttle("federated-login"),
        clock=base.clock,
        failures=ProviderFailures(templates=templates),
        issuer=base.settings.issuer,
    )
    return pages.endpoints()


def _by_protocol(parts: Components) -> dict[str, ProviderLogin]:
    base = parts.base
    loopback = base.settings.fetch_loopback
    openid = OpenIdLogin(
        fetcher=base.operator_fetcher,
        discovery=ProviderDiscovery(base.operator_fetcher, base.clock, loopback=loopback),
        keys=parts.clients.operator_keys,
        signatures=base.signatures,
        clock=base.clock,
    )
    return {"openid": openid, "github": GitHubLogin(fetcher=base.operator_fetcher)}
