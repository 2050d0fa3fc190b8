"""The wiring of the account page and its actions."""

from __future__ import annotations

from auth_service.accounts.connected_apps import ConnectedApps
from auth_service.accounts.logout import Logout
from auth_service.accounts.own_data import OwnData
from auth_service.accounts.own_email import OwnEmail
from auth_service.connected_accounts.records import ConnectedAccountRecords
from auth_service.journal.search import JournalSearch
from auth_service.pages.account import AccountPage
from auth_service.pages.account_at_providers import ProviderAccountsSection
from auth_service.pages.account_browsers import BrowsersSection
from auth_service.pages.account_connections import ConnectionsSection
from auth_service.pages.account_sessions import SessionsSection
from auth_service.pages.activity import ActivityPage
from auth_service.pages.email import EmailPage
from auth_service.pages.other_sessions import OtherSessions
from auth_service.pages.own_data import OwnDataPage
from auth_service.pages.presence import Presence
from auth_service.pages.resource_names import ResourceNames
from auth_service.stops.records import StopRecords
from auth_service.wiring import configured
from auth_service.wiring.call_approvals import approvals_section
from auth_service.wiring.components import Components
from auth_service.wiring.connected_accounts import connected_accounts


def account_page(parts: Components) -> AccountPage:
    """Create the account page with its sections."""
    providers = configured.identity_providers(parts.base.settings)
    connections = ConnectionsSection(
        apps=connected_apps(parts),
        tool_calls=parts.grants.tool_calls,
        resource_registry=parts.grants.resource_registry,
        descriptions=parts.authorization.resource_descriptions,
        stops=StopRecords(parts.base.store),
    )
    others = OtherSessions(
        sessions=parts.users.sessions,
        logout=logout(parts),
        account_events=parts.page_context.account_events,
    )
    sessions = SessionsSection(others=others, providers=providers)
    browsers = BrowsersSection(browsers=parts.users.known_browsers, others=others)
    names = ResourceNames(parts.grants.resource_registry)
    at_providers = ProviderAccountsSection(accounts=connected_accounts(parts), names=names)
    return AccountPage(
        context=parts.page_context,
        sections=(approvals_section(parts), connections, at_providers, sessions, browsers),
        factors=parts.users.factors,
        clock=parts.base.clock,
        identities=parts.accounts.connected.identities,
        providers=providers,
    )


def email_page(parts: Components, presence: Presence) -> EmailPage:
    """Create the page on which people enter another e-mail address."""
    own_email = OwnEmail(accounts=parts.accounts)
    return EmailPage(context=parts.page_context, own_email=own_email, presence=presence)


def own_data_page(parts: Components) -> OwnDataPage:
    """Create the download of a person's own data."""
    data = OwnData(
        sessions=parts.users.sessions,
        grants=parts.grants.repository,
        clients=parts.clients.repository,
        consents=parts.authorization.consents,
        identities=parts.accounts.connected.identities,
        factors=parts.users.factors,
        known_browsers=parts.users.known_browsers,
        tool_calls=parts.grants.tool_calls,
        provider_accounts=ConnectedAccountRecords(parts.base.store),
    )
    return OwnDataPage(context=parts.page_context, users=parts.users.repository, data=data)


def activity_page(parts: Components) -> ActivityPage:
    """Create the page with the calls in a person's name."""
    return ActivityPage(
        context=parts.page_context,
        search=JournalSearch(parts.base.store),
        grants=parts.grants.repository,
        clients=parts.clients.repository,
        journal=parts.base.journal,
    )


def connected_apps(parts: Components) -> ConnectedApps:
    """Create the list of the programs that people have connected."""
    return ConnectedApps(
        grants=parts.grants.repository,
        clients=parts.clients.repository,
        consents=parts.authorization.consents,
        resource_registry=parts.grants.resource_registry,
    )


def logout(parts: Components) -> Logout:
    """Create the logout."""
    return Logout(
        sessions=parts.users.sessions,
        grants=parts.grants.repository,
        clients=parts.clients.repository,
        subjects=parts.users.client_subjects,
        signing_keys=parts.base.signing_keys,
        fetcher=parts.base.fetcher,
        issuer=parts.base.settings.issuer,
        clock=parts.base.clock,
    )
