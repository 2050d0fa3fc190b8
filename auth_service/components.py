"""The parts of the authorization server, each made once and given exactly what it needs."""

from __future__ import annotations

from auth_service import configured
from auth_service.authorize.consents import ConsentRepository
from auth_service.authorize.hints import IdTokenHints
from auth_service.authorize.pending import PendingRequests
from auth_service.authorize.requests import AuthorizationRequests
from auth_service.client_auth.assertions import ClientAssertions
from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.client_auth.dpop import DpopProofs
from auth_service.client_auth.introspection_callers import IntrospectionCallers
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
from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.pairwise import PairwiseSubjects
from auth_service.crypto.passwords import Passwords
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.device.repository import DeviceRequestRepository
from auth_service.events.revocation_stream import RevocationStream
from auth_service.fetching import Fetcher
from auth_service.fetching.resource_metadata import ResourceDescriptions
from auth_service.grants.confirmations import Confirmations
from auth_service.grants.grant_factory import GrantFactory
from auth_service.grants.repository import GrantRepository
from auth_service.grants.token_issuer import TokenIssuer
from auth_service.grants.token_reader import TokenReader
from auth_service.protocol.cimd import DocumentRules
from auth_service.protocol.registration_policy import RegistrationMode
from auth_service.rate_limits import Throttle
from auth_service.settings import AuthSettings
from auth_service.storage.interface import Store
from auth_service.users.client_subjects import ClientSubjects
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import SessionRepository
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.error_pages import ErrorPages
from auth_service.web.render import Pages
from shared.clock import Clock
from shared.home_networks import WARNING
from shared.signatures import Signatures

DEMO_NOTICE = "This is a trial set-up: log in as “wesen” with the password “secret”."


class Components:
    """Built from settings, a store and a clock; nothing else is read from anywhere."""

    def __init__(self, settings: AuthSettings, store: Store, clock: Clock, fetcher: Fetcher) -> None:
        self.settings, self.store, self.clock, self.fetcher = settings, store, clock, fetcher
        keys = KeyRing(settings.master_keys)
        self.lifetimes = configured.lifetimes(settings)
        self.catalogue = configured.catalogue(settings)
        self.handles = Handles(keys)
        self.signing_keys = SigningKeys(store, keys, configured.schedule(settings), clock)
        self.signatures = Signatures()
        self.users = UserRepository(store, Passwords(), clock)
        self.pseudonyms = PairwiseSubjects(store, keys)
        self.subjects = ClientSubjects(self.pseudonyms)
        self.clients = ClientRepository(store, clock, pending_ttl_s=settings.pending_ttl_s)
        self.sectors = Sectors(fetcher, clock)
        self.invitations = InitialAccessTokenRepository(store, clock)
        self.client_keys = ClientKeys(PublishedKeys(fetcher, clock))
        self.operator_fetcher = fetcher.apart()
        self.operator_keys = PublishedKeys(self.operator_fetcher, clock)
        self.admission = self._admission()
        self.client_resolver = self._introductions(fetcher)
        self.authentication = ClientAuthentication(self.client_resolver, self._assertions())
        self.callers = IntrospectionCallers(self.authentication, settings.resource_servers)
        self.dpop = DpopProofs(store, keys, self.signatures, clock)
        self.requests = AuthorizationRequests(
            store=store,
            client_keys=self.client_keys,
            signatures=self.signatures,
            issuer=settings.issuer,
            clock=clock,
            pending_ttl_s=settings.pending_ttl_s,
        )
        self.sessions = SessionRepository(store, clock, settings.session_ttl_s)
        self.pending = PendingRequests(store, settings.pending_ttl_s)
        self.consents = ConsentRepository(store, settings.refresh_absolute_ttl_s)
        self.grants = GrantRepository(store, clock)
        self.feed = RevocationStream(store, clock)
        self.opener = GrantFactory(
            grants=self.grants,
            clients=self.clients,
            users=self.users,
            sessions=self.sessions,
            lifetimes=self.lifetimes,
        )
        self.devices = DeviceRequestRepository(store, clock)
        self.confirmations = Confirmations(self.grants)
        self.tokens = TokenReader(
            handles=self.handles,
            signing_keys=self.signing_keys,
            grants=self.grants,
            confirmations=self.confirmations,
            issuer=settings.issuer,
            clock=clock,
        )
        self.jwt_resources = configured.jwt_resources(settings)
        self.mint = TokenIssuer(
            handles=self.handles,
            users=self.users,
            signing_keys=self.signing_keys,
            subjects=self.subjects,
            issuer=settings.issuer,
            grace_s=settings.refresh_grace_s,
            jwt_resources=self.jwt_resources,
        )
        self.descriptions = ResourceDescriptions(configured.described(settings), clock)
        self.hints = IdTokenHints(self.signing_keys, self.clients, self.subjects, settings.issuer)
        self.browsers = BrowserCookies(keys, settings.issuer)
        self.networks = ClientNetworks(settings.trusted_proxies)
        self.warning = WARNING if settings.allow_http_networks else None
        self.page_templates = Pages(notice=DEMO_NOTICE if settings.demo_user else None, warning=self.warning)
        self.error_pages = ErrorPages(self.page_templates, self.browsers)

    def _introductions(self, fetcher: Fetcher) -> ClientResolver:
        settings, loopback = self.settings, self.settings.fetch_loopback
        return ClientResolver(
            clients=self.clients,
            documents=ClientMetadataFetcher(
                fetcher,
                DocumentRules(
                    configured.registrable_grants(self.settings),
                    configured.redirect_hosts(self.settings),
                    loopback=loopback,
                ),
                self.clock,
            ),
            policy=configured.domain_policy(settings),
            throttle=self.throttle("introduce"),
            clock=self.clock,
            keep_s=settings.pending_ttl_s,
            loopback=loopback,
            quota=configured.quota(settings),
        )

    def _admission(self) -> RegistrationPolicy:
        settings = self.settings
        issuers = [StatementIssuer(i.issuer, i.jwks, i.jwks_uri) for i in settings.statement_issuers]
        mode = RegistrationMode(settings.registration)
        return RegistrationPolicy(
            openness=mode,
            tokens=self.invitations,
            issuers=issuers,
            published=self.operator_keys,
            signatures=self.signatures,
            clock=self.clock,
        )

    def _assertions(self) -> ClientAssertions:
        issuer = self.settings.issuer
        # Clients put the issuer or the URL they post to into aud; RFC 7523 §3 and its successor differ.
        endpoints = [f"{issuer}/{path}" for path in ("token", "introspect", "revoke", "par")]
        return ClientAssertions(
            store=self.store,
            client_keys=self.client_keys,
            signatures=self.signatures,
            issuer=issuer,
            endpoints=endpoints,
            clock=self.clock,
        )

    def scope_descriptions(self) -> dict[str, str]:
        """Every scope with the words for it."""
        own = self.catalogue.own_scopes
        return {**own, **{s: words for r in self.catalogue.resources for s, words in r.scopes.items()}}

    def throttle(self, kind: str) -> Throttle:
        """The rate limit of one kind of attempt."""
        return Throttle(self.store, kind, configured.limits(self.settings)[kind])
