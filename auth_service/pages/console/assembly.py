"""The console, put together from what the authorization server is made of."""

from __future__ import annotations

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.authorize.consents import ConsentRepository
from auth_service.clients.registration_policy import InitialAccessTokenRepository
from auth_service.clients.repository import ClientRepository
from auth_service.grants.repository import GrantRepository
from auth_service.pages.console.invitations import InvitationsSection
from auth_service.pages.console.people import PeopleSection, PersonSection
from auth_service.pages.console.router import AdminConsole
from auth_service.pages.console.sections import Section
from auth_service.pages.console.software import ClientsSection, SoftwareSection
from auth_service.protocol.registration_policy import RegistrationMode
from auth_service.protocol.resources import ResourceRegistry
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import SessionRepository
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.error_pages import ErrorPages
from auth_service.web.render import Pages
from shared.clock import Clock


def assembled(
    users: UserRepository,
    *,
    sessions: SessionRepository,
    grants: GrantRepository,
    clients: ClientRepository,
    consents: ConsentRepository,
    invitations: InitialAccessTokenRepository,
    catalogue: ResourceRegistry,
    browsers: BrowserCookies,
    clock: Clock,
    openness: RegistrationMode,
    warning: str | None,
) -> AdminConsole:
    """Every section, behind the one door."""
    pages, accounts = Pages(console=True, warning=warning), AccountLifecycle(users, sessions, grants)
    sections: dict[str, Section] = {
        "software": SoftwareSection(clients, pages),
        "clients": ClientsSection(clients, grants, pages),
        "invitations": InvitationsSection(invitations, openness, pages),
        "people": PeopleSection(users, grants, pages),
        "person": PersonSection(
            accounts=accounts,
            grants=grants,
            clients=clients,
            consents=consents,
            catalogue=catalogue,
            pages=pages,
        ),
    }
    return AdminConsole(
        sections=sections,
        users=users,
        sessions=sessions,
        browsers=browsers,
        pages=pages,
        errors=ErrorPages(pages, browsers),
        clock=clock,
    )
