"""The wiring of connected accounts."""

from __future__ import annotations

from auth_service.connected_accounts.accounts import ConnectedAccounts
from auth_service.connected_accounts.attempts import ConnectAttempts
from auth_service.connected_accounts.credentials import Credentials
from auth_service.connected_accounts.disconnections import Disconnections
from auth_service.connected_accounts.discovered_providers import DiscoveredProviders
from auth_service.connected_accounts.discovered_records import DiscoveredRecords
from auth_service.connected_accounts.discovery import Discovery
from auth_service.connected_accounts.links import ConnectLinks
from auth_service.connected_accounts.provider_revocations import ProviderRevocations
from auth_service.connected_accounts.records import ConnectedAccountRecords
from auth_service.connected_accounts.token_requests import TokenRequests
from auth_service.endpoints.connected_account import ConnectedAccountEndpoint
from auth_service.endpoints.documents import client_metadata_endpoint
from auth_service.pages.connect import ConnectPages
from auth_service.pages.connect_api_key import ApiKeyForm
from auth_service.pages.opened_link import LinkViews
from auth_service.pages.resource_names import ResourceNames
from auth_service.web.render import PageTemplates
from auth_service.web.route import Endpoint
from auth_service.wiring import configured
from auth_service.wiring.components import Components
from auth_service.wiring.page_context import warning
from shared.appearance.theme import Theme


def connected_accounts(parts: Components) -> ConnectedAccounts:
    """Create the connected accounts of people."""
    base = parts.base
    return ConnectedAccounts(
        providers=configured.account_providers(base.settings),
        discovered=_discovered_providers(parts),
        credentials=Credentials(ConnectedAccountRecords(base.store), base.key_ring, base.clock),
        requests=TokenRequests(base.operator_fetcher, base.clock),
        disconnections=Disconnections(base.store, base.clock),
        users=parts.users.repository,
        events=parts.page_context.account_events,
        clock=base.clock,
    )


def _discovered_providers(parts: Components) -> DiscoveredProviders:
    base = parts.base
    return DiscoveredProviders(
        records=DiscoveredRecords(base.store, base.key_ring, base.clock),
        discovery=Discovery(
            fetcher=base.operator_fetcher,
            clock=base.clock,
            loopback=base.settings.fetch_loopback,
            issuer=base.settings.issuer,
            site_name=base.settings.site_name,
        ),
        events=parts.page_context.account_events,
        clock=base.clock,
    )


def provider_revocations(parts: Components) -> ProviderRevocations:
    """Create the revocation of the tokens of ended accounts."""
    accounts = connected_accounts(parts)
    return ProviderRevocations(
        providers=accounts.providers,
        discovered=accounts.discovered,
        credentials=accounts.credentials,
        requests=accounts.requests,
        events=accounts.events,
        clock=accounts.clock,
    )


def connected_account_endpoint(parts: Components) -> Endpoint:
    """Create `/connected-account`."""
    return ConnectedAccountEndpoint(
        callers=parts.client_auth.introspection_callers,
        tokens=parts.grants.token_reader,
        registry=parts.grants.resource_registry,
        accounts=connected_accounts(parts),
        links=ConnectLinks(parts.base.store, parts.base.clock),
        networks=parts.page_context.networks,
        issuer=parts.base.settings.issuer,
        clock=parts.base.clock,
    ).endpoint()


def connect_pages(parts: Components) -> list[Endpoint]:
    """Create the pages on which people connect accounts."""
    base = parts.base
    templates = PageTemplates(Theme.of(base.settings), warning=warning(base.settings), nested=True)
    context = parts.page_context.with_templates(templates)
    accounts, links = connected_accounts(parts), ConnectLinks(base.store, base.clock)
    throttle = base.throttle("connect")
    views = LinkViews(
        context=context,
        clients=parts.clients.repository,
        names=ResourceNames(parts.grants.resource_registry),
    )
    pages = ConnectPages(
        context=context,
        accounts=accounts,
        links=links,
        attempts=ConnectAttempts(base.store, base.key_ring),
        views=views,
        api_keys=ApiKeyForm(accounts=accounts, links=links, views=views, throttle=throttle),
        throttle=throttle,
        store=base.store,
        issuer=base.settings.issuer,
    )
    document = client_metadata_endpoint(base.settings.issuer, base.settings.site_name)
    return [document, *pages.endpoints()]
