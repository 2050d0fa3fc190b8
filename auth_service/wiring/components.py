"""The components of the authorization server: one dataclass per subject, with a function that creates it."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.access.components import AccessComponents
from auth_service.access.control import AccessControl
from auth_service.accounts.connected_identities import ConnectedIdentities
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.authorize.consents import ConsentRepository
from auth_service.authorize.hints import IdTokenHints
from auth_service.authorize.pending import PendingRequests
from auth_service.authorize.requests import AuthorizationRequests
from auth_service.client_auth.assertions import ClientAssertions
from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.client_auth.dpop import DpopProofs
from auth_service.client_auth.introspection_callers import IntrospectionCallers
from auth_service.client_auth.proof_replay_cache import ProofReplayCache, ProofThrottles
from auth_service.clients.client_resolver import ClientResolver
from auth_service.clients.keys import ClientKeys, PublishedKeys
from auth_service.clients.metadata_documents import ClientMetadataFetcher
from auth_service.clients.registration_policy import (
    InitialAccessTokenRepository,
    RegistrationPolicy,
    StatementIssuer,
)
from auth_service.clients.repository import ClientRepository
from auth_service.clients.sectors import Sectors
from auth_service.crypto.handles import Handles
from auth_service.crypto.pairwise import PairwiseSubjects
from auth_service.crypto.passwords import Passwords
from auth_service.device.repository import DeviceRequestRepository
from auth_service.events.known_revocations import KnownRevocations
from auth_service.events.revocation_stream import RevocationStream
from auth_service.federation.identities import IdentityRepository
from auth_service.fetching import Fetcher
from auth_service.fetching.resource_metadata import ResourceDescriptions
from auth_service.grants.confirmations import Confirmations
from auth_service.grants.grant_factory import GrantFactory
from auth_service.grants.person_claims import PersonClaims
from auth_service.grants.repository import GrantRepository
from auth_service.grants.token_issuer import TokenIssuer
from auth_service.grants.token_reader import TokenReader
from auth_service.grants.tool_calls import ToolCallRepository
from auth_service.metrics import AuthMetrics
from auth_service.protocol.admin_access import admin_resource_of
from auth_service.protocol.cimd import DocumentRules
from auth_service.protocol.grant import Lifetimes
from auth_service.protocol.registration_policy import RegistrationMode
from auth_service.protocol.resources import ResourceRegistry
from auth_service.resource_settings import OPENID_SCOPES, joined_mounts
from auth_service.settings import AuthSettings
from auth_service.users.client_subjects import ClientSubjects
from auth_service.users.factors import FactorRepository
from auth_service.users.known_browsers import KnownBrowserRepository
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import SessionRepository
from auth_service.web.login_sessions import LoginSessions
from auth_service.web.page_context import PageContext
from auth_service.wiring import configured
from auth_service.wiring.infrastructure import Infrastructure, infrastructure
from auth_service.wiring.page_context import page_context
from auth_service.wiring.renewal import group_renewal
from shared.clock import Clock
from shared.storage.interface import Store


@dataclass(frozen=True, kw_only=True)
class UserComponents:
    """Accounts, login sessions, and the subjects by which clients know users."""

    repository: UserRepository
    sessions: SessionRepository
    pairwise_subjects: PairwiseSubjects
    client_subjects: ClientSubjects
    factors: FactorRepository
    known_browsers: KnownBrowserRepository


def users(base: Infrastructure) -> UserComponents:
    """Create the components of the users in the store."""
    pairwise_subjects = PairwiseSubjects(base.store, base.key_ring)
    return UserComponents(
        repository=UserRepository(base.store, Passwords(), base.clock),
        sessions=SessionRepository(base.store, base.clock, base.settings.session_ttl_s),
        pairwise_subjects=pairwise_subjects,
        client_subjects=ClientSubjects(pairwise_subjects),
        factors=FactorRepository(base.store, base.clock),
        known_browsers=KnownBrowserRepository(base.store, base.clock),
    )


@dataclass(frozen=True, kw_only=True)
class ClientComponents:
    """Clients of both kinds, their keys, and the registration policy.

    Attributes:
        keys: the keys of clients.
        operator_keys: the keys published at URLs in the settings, of issuers that the operator trusts.
    """

    repository: ClientRepository
    resolver: ClientResolver
    sectors: Sectors
    keys: ClientKeys
    operator_keys: PublishedKeys
    initial_access_tokens: InitialAccessTokenRepository
    registration_policy: RegistrationPolicy


def clients(base: Infrastructure) -> ClientComponents:
    """Create the components of the clients in the store and those with a metadata document."""
    settings = base.settings
    repository = ClientRepository(base.store, base.clock, pending_ttl_s=settings.pending_ttl_s)
    initial_access_tokens = InitialAccessTokenRepository(base.store, base.clock)
    operator_keys = PublishedKeys(base.operator_fetcher, base.clock)
    return ClientComponents(
        repository=repository,
        resolver=_client_resolver(base, repository),
        sectors=Sectors(base.fetcher, base.clock),
        keys=ClientKeys(PublishedKeys(base.fetcher, base.clock)),
        operator_keys=operator_keys,
        initial_access_tokens=initial_access_tokens,
        registration_policy=RegistrationPolicy(
            registration_mode=RegistrationMode(settings.registration),
            tokens=initial_access_tokens,
            issuers=[StatementIssuer(i.issuer, i.jwks, i.jwks_uri) for i in settings.statement_issuers],
            published=operator_keys,
            signatures=base.signatures,
            clock=base.clock,
        ),
    )


def _client_resolver(base: Infrastructure, repository: ClientRepository) -> ClientResolver:
    settings = base.settings
    rules = DocumentRules(
        configured.registrable_grants(settings),
        configured.redirect_hosts(settings),
        loopback=settings.fetch_loopback,
    )
    return ClientResolver(
        clients=repository,
        documents=ClientMetadataFetcher(base.fetcher, rules, base.clock),
        policy=configured.domain_policy(settings),
        throttle=base.throttle("cimd"),
        clock=base.clock,
        keep_s=settings.pending_ttl_s,
        loopback=settings.fetch_loopback,
        quota=configured.quota(settings),
    )


@dataclass(frozen=True, kw_only=True)
class ClientAuthComponents:
    """Authentication of clients and resource servers.

    Attributes:
        proof_replay_cache: the used proofs and assertions of every kind.
    """

    authentication: ClientAuthentication
    introspection_callers: IntrospectionCallers
    dpop_proofs: DpopProofs
    proof_replay_cache: ProofReplayCache


def client_auth(base: Infrastructure, clients: ClientComponents) -> ClientAuthComponents:
    """Create the authentication of the clients that `clients` resolves."""
    issuer = base.settings.issuer
    # Clients put the issuer or the URL of the request into aud; RFC 7523 §3 and its successor differ.
    endpoints = [f"{issuer}/{path}" for path in ("token", "introspect", "revoke", "par")]
    proof_replay_cache = _proof_replay_cache(base)
    assertions = ClientAssertions(
        proof_replay_cache=proof_replay_cache,
        client_keys=clients.keys,
        signatures=base.signatures,
        issuer=issuer,
        endpoints=endpoints,
        clock=base.clock,
    )
    authentication = ClientAuthentication(clients.resolver, assertions, base.clock)
    return ClientAuthComponents(
        authentication=authentication,
        introspection_callers=IntrospectionCallers(authentication, base.settings.resource_servers),
        dpop_proofs=DpopProofs(proof_replay_cache, base.key_ring, base.signatures, base.clock),
        proof_replay_cache=proof_replay_cache,
    )


def _proof_replay_cache(base: Infrastructure) -> ProofReplayCache:
    def throttles(kind: str) -> ProofThrottles:
        return ProofThrottles(base.throttle(kind), base.throttle(f"long-lived-{kind}"))

    return ProofReplayCache(
        base.store, networks=throttles("proofs-of-network"), clients=throttles("proofs-of-client")
    )


@dataclass(frozen=True, kw_only=True)
class GrantComponents:
    """Grants, their tokens, and the resources they can be given for.

    Attributes:
        jwt_resources: the resources that accept JWT access tokens (RFC 9068).
    """

    repository: GrantRepository
    tool_calls: ToolCallRepository
    factory: GrantFactory
    devices: DeviceRequestRepository
    confirmations: Confirmations
    handles: Handles
    token_issuer: TokenIssuer
    token_reader: TokenReader
    lifetimes: Lifetimes
    resource_registry: ResourceRegistry
    jwt_resources: frozenset[str]
    permissions: AccessControl


def grants(
    base: Infrastructure, users: UserComponents, clients: ClientComponents, permissions: AccessControl
) -> GrantComponents:
    """Create the components of the grants of `users` to `clients`, within `permissions`."""
    settings, handles = base.settings, Handles(base.key_ring)
    lifetimes, jwt_resources = configured.lifetimes(settings), configured.jwt_resources(settings)
    repository = GrantRepository(
        base.store,
        base.clock,
        base.known_revocations,
        base.journal,
        joined=joined_mounts(base.settings.resources),
    )
    confirmations = Confirmations(repository, base.clock)
    return GrantComponents(
        repository=repository,
        tool_calls=ToolCallRepository(base.store, repository, base.clock),
        factory=GrantFactory(
            grants=repository,
            clients=clients.repository,
            users=users.repository,
            sessions=users.sessions,
            permissions=permissions,
            lifetimes=lifetimes,
        ),
        devices=DeviceRequestRepository(base.store, base.clock),
        confirmations=confirmations,
        handles=handles,
        token_issuer=TokenIssuer(
            handles=handles,
            people=PersonClaims(users.repository, permissions),
            signing_keys=base.signing_keys,
            subjects=users.client_subjects,
            issuer=settings.issuer,
            grace_s=settings.refresh_grace_s,
            jwt_resources=jwt_resources,
        ),
        token_reader=TokenReader(
            handles=handles,
            signing_keys=base.signing_keys,
            grants=repository,
            confirmations=confirmations,
            permissions=permissions,
            issuer=settings.issuer,
            lifetimes=lifetimes,
            clock=base.clock,
        ),
        lifetimes=lifetimes,
        resource_registry=configured.resource_registry(settings),
        jwt_resources=jwt_resources,
        permissions=permissions,
    )


@dataclass(frozen=True, kw_only=True)
class AuthorizationComponents:
    """Authorization requests until they become grants, and the decisions on them."""

    requests: AuthorizationRequests
    pending: PendingRequests
    consents: ConsentRepository
    hints: IdTokenHints
    resource_descriptions: ResourceDescriptions


def authorization(
    base: Infrastructure, users: UserComponents, clients: ClientComponents
) -> AuthorizationComponents:
    """Create the components of the authorization requests of `clients`."""
    settings = base.settings
    return AuthorizationComponents(
        requests=AuthorizationRequests(
            store=base.store,
            client_keys=clients.keys,
            signatures=base.signatures,
            issuer=settings.issuer,
            clock=base.clock,
            pending_ttl_s=settings.pending_ttl_s,
        ),
        pending=PendingRequests(base.store, settings.pending_ttl_s),
        consents=ConsentRepository(base.store, users.repository, settings.refresh_absolute_ttl_s),
        hints=IdTokenHints(base.signing_keys, clients.repository, users.client_subjects, settings.issuer),
        resource_descriptions=ResourceDescriptions(configured.resource_descriptions(settings), base.clock),
    )


@dataclass(frozen=True, kw_only=True)
class Components:
    """All components, by subject."""

    base: Infrastructure
    users: UserComponents
    clients: ClientComponents
    client_auth: ClientAuthComponents
    access: AccessComponents
    grants: GrantComponents
    authorization: AuthorizationComponents
    revocation_stream: RevocationStream
    page_context: PageContext

    @property
    def accounts(self) -> AccountLifecycle:
        """Return the account changes, with the sessions and grants that they end."""
        users, sessions, grants = self.users.repository, self.users.sessions, self.grants.repository
        connected = ConnectedIdentities(
            store=self.base.store,
            users=users,
            sessions=sessions,
            grants=grants,
            identities=IdentityRepository(self.base.store, self.base.clock),
            changes=self.access.changes,
            factors=self.users.factors,
        )
        return AccountLifecycle(
            users,
            sessions,
            grants,
            connected,
            factors=self.users.factors,
            known_browsers=self.users.known_browsers,
            site_name=self.base.settings.site_name,
        )

    @property
    def login_sessions(self) -> LoginSessions:
        """Return the component that begins sessions after a login."""
        users, browsers = self.users, self.page_context.browsers
        return LoginSessions(
            users=users.repository,
            sessions=users.sessions,
            browsers=browsers,
            known_browsers=users.known_browsers,
            journal=self.base.journal,
        )


def components(
    settings: AuthSettings,
    store: Store,
    clock: Clock,
    fetcher: Fetcher,
    *,
    known_revocations: KnownRevocations | None = None,
    metrics: AuthMetrics | None = None,
) -> Components:
    """Create every component once, each with the components it depends on."""
    base = infrastructure(
        settings, store, clock, fetcher, known_revocations=known_revocations, metrics=metrics
    )
    all_users, all_clients = users(base), clients(base)
    default = configured.default_access_rules(settings)
    renewal = group_renewal(base, all_clients.operator_keys, all_users.sessions)
    access = AccessComponents.of_store(
        store,
        clock,
        default,
        own_scopes=OPENID_SCOPES,
        renewal=renewal,
        admin_resource=admin_resource_of(settings.issuer),
        joined=joined_mounts(settings.resources),
    )
    all_grants = grants(base, all_users, all_clients, access.control)
    return Components(
        base=base,
        users=all_users,
        clients=all_clients,
        client_auth=client_auth(base, all_clients),
        access=access,
        grants=all_grants,
        authorization=authorization(base, all_users, all_clients),
        revocation_stream=RevocationStream(
            store,
            clock,
            known_revocations=base.known_revocations,
            connected=all_grants.repository.put_back_revocations,
        ),
        page_context=page_context(base, all_users.sessions, all_users.known_browsers),
    )
