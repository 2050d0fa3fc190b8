"""The console, put together from what the authorization server is made of."""

from __future__ import annotations

from auth_service.grants.repository import Grants
from auth_service.identity.accounts import Accounts
from auth_service.identity.admission import InitialAccessTokens
from auth_service.identity.browser import Browsers
from auth_service.identity.clients import Clients
from auth_service.identity.consents import Consents
from auth_service.identity.sessions import Sessions
from auth_service.identity.users import Users
from auth_service.pages.console.door import ConsoleDoor
from auth_service.pages.console.invitations import InvitationsSection
from auth_service.pages.console.people import PeopleSection, PersonSection
from auth_service.pages.console.sections import Section
from auth_service.pages.console.software import ClientsSection, SoftwareSection
from auth_service.pages.error import ErrorPages
from auth_service.pages.render import Pages
from auth_service.protocol.catalogue import Catalogue
from auth_service.protocol.registration_policy import Openness
from shared.clock import Clock


def assembled(
    users: Users,
    sessions: Sessions,
    grants: Grants,
    clients: Clients,
    consents: Consents,
    invitations: InitialAccessTokens,
    catalogue: Catalogue,
    browsers: Browsers,
    clock: Clock,
    openness: Openness,
    warning: str | None,
) -> ConsoleDoor:
    """Every section, behind the one door."""
    pages, accounts = Pages(console=True, warning=warning), Accounts(users, sessions, grants)
    sections: dict[str, Section] = {
        "software": SoftwareSection(clients, pages),
        "clients": ClientsSection(clients, grants, pages),
        "invitations": InvitationsSection(invitations, openness, pages),
        "people": PeopleSection(users, grants, pages),
        "person": PersonSection(accounts, grants, clients, consents, catalogue, pages),
    }
    return ConsoleDoor(sections, users, sessions, browsers, pages, ErrorPages(pages), clock)
