"""The wiring of the console and its sections."""

from __future__ import annotations

from auth_service.administration.access_rules import AccessRuleAdministration
from auth_service.administration.groups import GroupAdministration
from auth_service.pages.console.access import AccessSection
from auth_service.pages.console.access_rule import AccessRuleSection
from auth_service.pages.console.client import ClientSection
from auth_service.pages.console.definitions import DefinitionsSection
from auth_service.pages.console.groups import GroupSection, GroupsSection
from auth_service.pages.console.invitations import InvitationsSection
from auth_service.pages.console.journal import EventSection, JournalSection
from auth_service.pages.console.new_client import NewClientSection
from auth_service.pages.console.people import PeopleSection
from auth_service.pages.console.person import PersonSection
from auth_service.pages.console.person_actions import PersonActions
from auth_service.pages.console.recent_login import RecentLogin
from auth_service.pages.console.router import AdminConsole
from auth_service.pages.console.sections import Section
from auth_service.pages.console.software import ClientsSection, SoftwareSection
from auth_service.pages.console.stops import StopsSection
from auth_service.pages.current_password import CurrentPassword
from auth_service.protocol.registration_policy import RegistrationMode
from auth_service.web.render import PageTemplates
from auth_service.wiring import configured
from auth_service.wiring.admin_api import (
    client_administration,
    connection_administration,
    definition_administration,
    journal_administration,
    people_administration,
    provider_account_administration,
    stop_administration,
)
from auth_service.wiring.components import Components
from auth_service.wiring.page_context import warning
from shared.appearance.theme import Theme


def console(parts: Components, current_password: CurrentPassword) -> AdminConsole:
    """Create the console."""
    settings = parts.base.settings
    templates = PageTemplates(Theme.of(settings), console=True, warning=warning(settings))
    return AdminConsole(
        context=parts.page_context.with_templates(templates),
        sections={
            **_client_sections(parts, templates),
            **_people_sections(parts, templates),
            **_access_sections(parts, templates),
            "stops": StopsSection(
                administration=stop_administration(parts),
                resource_registry=parts.grants.resource_registry,
                templates=templates,
            ),
            "definitions": DefinitionsSection(
                administration=definition_administration(parts),
                resource_registry=parts.grants.resource_registry,
                templates=templates,
            ),
            **_journal_sections(parts, templates),
        },
        users=parts.users.repository,
        policy=configured.second_factor_policy(settings),
        recent_login=RecentLogin(current_password=current_password, clock=parts.base.clock),
        clock=parts.base.clock,
        journal=parts.base.journal,
    )


def _client_sections(parts: Components, templates: PageTemplates) -> dict[str, Section]:
    grants, clients = parts.grants.repository, parts.clients.repository
    administration = client_administration(parts)
    mode = RegistrationMode(parts.base.settings.registration)
    return {
        "software": SoftwareSection(clients, templates),
        "clients": ClientsSection(clients, grants, templates),
        "client": ClientSection(administration, templates),
        "new-client": NewClientSection(administration, templates),
        "invitations": InvitationsSection(parts.clients.initial_access_tokens, mode, templates),
    }


def _people_sections(parts: Components, templates: PageTemplates) -> dict[str, Section]:
    people, issuer = people_administration(parts), parts.base.settings.issuer
    groups, connections = parts.access.groups, connection_administration(parts)
    memberships = GroupAdministration(groups)
    person = PersonSection(
        actions=PersonActions(
            people=people,
            connections=connections,
            groups=memberships,
            provider_accounts=provider_account_administration(parts),
        ),
        connections=connections,
        groups=groups,
        resource_registry=parts.grants.resource_registry,
        templates=templates,
        issuer=issuer,
        providers=configured.identity_providers(parts.base.settings),
    )
    return {
        "people": PeopleSection(people, parts.grants.repository, templates, issuer),
        "person": person,
        "groups": GroupsSection(groups, memberships, templates),
        "group": GroupSection(parts.users.repository, groups, memberships, templates),
    }


def _access_sections(parts: Components, templates: PageTemplates) -> dict[str, Section]:
    administration = AccessRuleAdministration(parts.access.rules)
    access = AccessSection(
        administration=administration,
        control=parts.access.control,
        groups=parts.access.groups,
        resource_registry=parts.grants.resource_registry,
        templates=templates,
    )
    return {
        "access": access,
        "access-rule": AccessRuleSection(administration=administration, templates=templates),
    }


def _journal_sections(parts: Components, templates: PageTemplates) -> dict[str, Section]:
    journal, users = journal_administration(parts), parts.users.repository
    clients = parts.clients.repository
    return {
        "journal": JournalSection(journal=journal, users=users, clients=clients, templates=templates),
        "event": EventSection(journal=journal, users=users, clients=clients, templates=templates),
    }
