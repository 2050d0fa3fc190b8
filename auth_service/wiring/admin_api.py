"""The wiring of what administrators do: the operations, and the admin API."""

from __future__ import annotations

from auth_service.accounts.account_links import AccountLinks
from auth_service.accounts.renaming import AccountRenames
from auth_service.administration.access_rules import AccessRuleAdministration
from auth_service.administration.clients import ClientAdministration
from auth_service.administration.connections import ConnectionAdministration
from auth_service.administration.definitions import DefinitionAdministration
from auth_service.administration.groups import GroupAdministration
from auth_service.administration.journal import JournalAdministration
from auth_service.administration.people import PeopleAdministration
from auth_service.administration.provider_accounts import ProviderAccountAdministration
from auth_service.administration.stops import StopAdministration
from auth_service.clients.operator_clients import OperatorClients
from auth_service.definitions.approved import ApprovedDefinitions
from auth_service.definitions.reported import ReportedDefinitions
from auth_service.endpoints.admin_api.access import AccessApi
from auth_service.endpoints.admin_api.access_rules import AccessRulesApi
from auth_service.endpoints.admin_api.callers import AdminCallers
from auth_service.endpoints.admin_api.clients import ClientsApi
from auth_service.endpoints.admin_api.connections import ConnectionsApi
from auth_service.endpoints.admin_api.definitions import DefinitionsApi
from auth_service.endpoints.admin_api.journal import JournalApi
from auth_service.endpoints.admin_api.people import PeopleApi
from auth_service.endpoints.admin_api.provider_accounts import ProviderAccountsApi
from auth_service.endpoints.admin_api.routing import AdminRouting
from auth_service.endpoints.admin_api.start import metadata_endpoint, metadata_url, start_endpoint
from auth_service.endpoints.admin_api.stops import StopsApi
from auth_service.journal.search import JournalSearch
from auth_service.journal.stories import Stories
from auth_service.stops.switch import StopSwitch
from auth_service.users.renaming import UserRenames
from auth_service.web.route import Endpoint
from auth_service.web.submissions import Submissions
from auth_service.wiring import configured
from auth_service.wiring.account_page import connected_apps, logout
from auth_service.wiring.components import Components
from auth_service.wiring.connected_accounts import connected_accounts


def client_administration(parts: Components) -> ClientAdministration:
    """Create the operations on clients."""
    base = parts.base
    return ClientAdministration(
        clients=parts.clients.repository,
        operator_clients=OperatorClients(base.store, base.clock),
        grants=parts.grants.repository,
    )


def people_administration(parts: Components) -> PeopleAdministration:
    """Create the operations on accounts."""
    renames = AccountRenames(
        users=UserRenames(parts.base.store, parts.users.repository),
        grants=parts.grants.repository,
        changes=parts.access.changes,
    )
    accounts = parts.accounts
    return PeopleAdministration(
        accounts=accounts, links=AccountLinks(accounts=accounts, clock=parts.base.clock), renames=renames
    )


def connection_administration(parts: Components) -> ConnectionAdministration:
    """Create the operations on the grants and sessions of a person."""
    return ConnectionAdministration(
        apps=connected_apps(parts), sessions=parts.users.sessions, logout=logout(parts)
    )


def provider_account_administration(parts: Components) -> ProviderAccountAdministration:
    """Create the operations on the accounts of a person at providers."""
    return ProviderAccountAdministration(accounts=connected_accounts(parts))


def journal_administration(parts: Components) -> JournalAdministration:
    """Create the reading of the journal."""
    search = JournalSearch(parts.base.store)
    stories = Stories(search, parts.grants.repository, parts.clients.repository)
    return JournalAdministration(search=search, stories=stories, users=parts.users.repository)


def stop_administration(parts: Components) -> StopAdministration:
    """Create the stop switch of administrators."""
    switch = StopSwitch(parts.base.store, parts.base.clock)
    return StopAdministration(switch=switch, users=parts.users.repository)


def definition_administration(parts: Components) -> DefinitionAdministration:
    """Create the approval of held definitions by administrators."""
    store, clock = parts.base.store, parts.base.clock
    return DefinitionAdministration(
        reported=ReportedDefinitions(store, clock),
        approvals=ApprovedDefinitions(store, clock),
        resource_registry=parts.grants.resource_registry,
    )


def admin_api(parts: Components) -> list[Endpoint]:
    """Create the endpoints of the admin API."""
    issuer = parts.base.settings.issuer
    routing = AdminRouting(
        callers=_callers(parts),
        submissions=Submissions(parts.base.store, parts.base.key_ring, parts.page_context.browsers),
        metadata_url=metadata_url(issuer),
    )
    access = AccessApi(
        groups=parts.access.groups,
        administration=GroupAdministration(parts.access.groups),
        rules=parts.access.rules,
    )
    access_rules = AccessRulesApi(
        administration=AccessRuleAdministration(parts.access.rules), control=parts.access.control
    )
    connections = ConnectionsApi(users=parts.users.repository, connections=connection_administration(parts))
    provider_accounts = ProviderAccountsApi(
        users=parts.users.repository, administration=provider_account_administration(parts)
    )
    return [
        start_endpoint(routing),
        *PeopleApi(people=people_administration(parts), issuer=issuer).endpoints(routing),
        *connections.endpoints(routing),
        *provider_accounts.endpoints(routing),
        *access.endpoints(routing),
        *access_rules.endpoints(routing),
        *ClientsApi(administration=client_administration(parts)).endpoints(routing),
        *StopsApi(administration=stop_administration(parts)).endpoints(routing),
        *DefinitionsApi(administration=definition_administration(parts)).endpoints(routing),
        *JournalApi(journal=journal_administration(parts)).endpoints(routing),
        metadata_endpoint(issuer),
    ]


def _callers(parts: Components) -> AdminCallers:
    settings = parts.base.settings
    return AdminCallers(
        tokens=parts.grants.token_reader,
        dpop=parts.client_auth.dpop_proofs,
        clients=parts.clients.repository,
        users=parts.users.repository,
        policy=configured.second_factor_policy(settings),
        issuer=settings.issuer,
        clock=parts.base.clock,
        journal=parts.base.journal,
    )
