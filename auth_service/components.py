"""The parts of the authorization server, each made once and given exactly what it needs."""

from __future__ import annotations

from typing import Any

from auth_service import configured
from auth_service.accounts.logout import Logout
from auth_service.authorize.authorization_response import AuthorizationResponder
from auth_service.authorize.consents import ConsentRepository
from auth_service.authorize.device_decision import DeviceDecision
from auth_service.authorize.endpoint import AuthorizeEndpoint
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
from auth_service.endpoints.client_configuration import ClientConfigurationEndpoint
from auth_service.endpoints.device_authorization import DeviceAuthorizationEndpoint
from auth_service.endpoints.documents import health_endpoint, jwks_endpoint, metadata_endpoints
from auth_service.endpoints.introspect import IntrospectEndpoint
from auth_service.endpoints.par import PushEndpoint
from auth_service.endpoints.register import RegisterEndpoint
from auth_service.endpoints.revocations import RevocationsEndpoint
from auth_service.endpoints.revoke import RevokeEndpoint
from auth_service.endpoints.token import TokenEndpoint
from auth_service.endpoints.userinfo import UserinfoEndpoint
from auth_service.events.revocation_stream import RevocationStream
from auth_service.events.signing import SignedEvents
from auth_service.fetching import Fetcher
from auth_service.fetching.resource_metadata import ResourceDescriptions
from auth_service.grant_types import offered_grant_types
from auth_service.grants.code_issuer import AuthorizationCodeIssuer
from auth_service.grants.confirmations import Confirmations
from auth_service.grants.grant_factory import GrantFactory
from auth_service.grants.repository import GrantRepository
from auth_service.grants.token_issuer import TokenIssuer
from auth_service.grants.token_reader import TokenReader
from auth_service.pages.account import AccountPage
from auth_service.pages.consent import ConsentPage
from auth_service.pages.console.assembly import assembled
from auth_service.pages.console.router import AdminConsole
from auth_service.pages.device import DevicePage
from auth_service.pages.login import LoginPage
from auth_service.pages.logout import LogoutPage
from auth_service.protocol.cimd import DocumentRules
from auth_service.protocol.metadata import server_metadata
from auth_service.protocol.pkce import PkcePolicy
from auth_service.protocol.registration_policy import RegistrationMode
from auth_service.rate_limits import Throttle
from auth_service.settings import AuthSettings
from auth_service.storage.interface import Store
from auth_service.users.client_subjects import ClientSubjects
from auth_service.users.login_limits import LoginLimits
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import SessionRepository
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.error_pages import ErrorPages
from auth_service.web.render import Pages
from auth_service.web.route import Endpoint
from shared.clock import Clock
from shared.home_networks import WARNING
from shared.signatures import Signatures

DEMO_NOTICE = "This is a trial set-up: log in as “wesen” with the password “secret”."


class Components:
    """Built from settings, a store and a clock; nothing else is read from anywhere."""

    def __init__(self, settings: AuthSettings, store: Store, clock: Clock, fetcher: Fetcher) -> None:
        self._settings, self._store, self._clock, self._fetcher = settings, store, clock, fetcher
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
        self.browsers = BrowserCookies(keys, secure=settings.secure)
        self.networks = ClientNetworks(settings.trusted_proxies)
        self.warning = WARNING if settings.allow_http_networks else None
        self.page_templates = Pages(notice=DEMO_NOTICE if settings.demo_user else None, warning=self.warning)
        self.error_pages = ErrorPages(self.page_templates)

    def _introductions(self, fetcher: Fetcher) -> ClientResolver:
        settings, loopback = self._settings, self._settings.fetch_loopback
        return ClientResolver(
            clients=self.clients,
            documents=ClientMetadataFetcher(
                fetcher,
                DocumentRules(
                    configured.registrable_grants(self._settings),
                    configured.redirect_hosts(self._settings),
                    loopback=loopback,
                ),
                self._clock,
            ),
            policy=configured.domain_policy(settings),
            throttle=self._throttle("introduce"),
            clock=self._clock,
            keep_s=settings.pending_ttl_s,
            loopback=loopback,
            quota=configured.quota(settings),
        )

    def _admission(self) -> RegistrationPolicy:
        settings = self._settings
        issuers = [StatementIssuer(i.issuer, i.jwks, i.jwks_uri) for i in settings.statement_issuers]
        mode = RegistrationMode(settings.registration)
        return RegistrationPolicy(
            openness=mode,
            tokens=self.invitations,
            issuers=issuers,
            published=self.operator_keys,
            signatures=self.signatures,
            clock=self._clock,
        )

    def _assertions(self) -> ClientAssertions:
        issuer = self._settings.issuer
        # Clients put the issuer or the URL they post to into aud; RFC 7523 §3 and its successor differ.
        endpoints = [f"{issuer}/{path}" for path in ("token", "introspect", "revoke", "par")]
        return ClientAssertions(
            store=self._store,
            client_keys=self.client_keys,
            signatures=self.signatures,
            issuer=issuer,
            endpoints=endpoints,
            clock=self._clock,
        )

    def scope_descriptions(self) -> dict[str, str]:
        """Every scope with the words for it."""
        own = self.catalogue.own_scopes
        return {**own, **{s: words for r in self.catalogue.resources for s, words in r.scopes.items()}}

    def endpoints(self, registration_example: dict[str, Any]) -> list[Endpoint]:
        """Everything that is served, in the order in which it is described."""
        issuer = self._settings.issuer
        grant_types = offered_grant_types(self, self._settings, self._store)
        metadata = server_metadata(
            issuer,
            self.catalogue.scopes_supported,
            [g.name for g in grant_types],
            client_documents=self.client_resolver.admits_any,
            grant_profiles=configured.grant_profiles(self._settings),
        )
        registrable = configured.registrable_grants(self._settings)
        return [
            self._register(registrable).endpoint(registration_example),
            ClientConfigurationEndpoint(
                clients=self.clients,
                admission=self.admission,
                grants=self.grants,
                issuer=issuer,
                grant_types=registrable,
                redirect_hosts=configured.redirect_hosts(self._settings),
                sectors=self.sectors,
                throttle=self._throttle("change-client"),
                networks=self.networks,
            ).endpoint(registration_example),
            self._authorize().endpoint(),
            PushEndpoint(
                authentication=self.authentication,
                requests=self.requests,
                dpop=self.dpop,
                catalogue=self.catalogue,
                throttle=self._throttle("push"),
                networks=self.networks,
                pkce=PkcePolicy(self._settings.require_pkce),
                url=f"{issuer}/par",
            ).endpoint(),
            TokenEndpoint(
                authentication=self.authentication,
                grant_types={grant_type.name: grant_type for grant_type in grant_types},
                dpop=self.dpop,
                mint=self.mint,
                clock=self._clock,
                networks=self.networks,
                url=f"{issuer}/token",
            ).endpoint(),
            DeviceAuthorizationEndpoint(
                authentication=self.authentication,
                devices=self.devices,
                catalogue=self.catalogue,
                throttle=self._throttle("device-request"),
                networks=self.networks,
                issuer=issuer,
            ).endpoint(),
            self._introspect().endpoint(),
            RevokeEndpoint(self.authentication, self.tokens, self.grants).endpoint(),
            RevocationsEndpoint(self.callers, self.feed, SignedEvents(self.signing_keys, issuer)).endpoint(),
            self._userinfo().endpoint(),
            *metadata_endpoints(metadata),
            jwks_endpoint(self.signing_keys),
            *self._pages(),
            health_endpoint(self._store),
        ]

    def _userinfo(self) -> UserinfoEndpoint:
        issuer = self._settings.issuer
        return UserinfoEndpoint(
            users=self.users,
            tokens=self.tokens,
            dpop=self.dpop,
            clients=self.clients,
            subjects=self.subjects,
            signing_keys=self.signing_keys,
            issuer=issuer,
            clock=self._clock,
            url=f"{issuer}/userinfo",
        )

    def _register(self, registrable: tuple[str, ...]) -> RegisterEndpoint:
        settings = self._settings
        return RegisterEndpoint(
            clients=self.clients,
            admission=self.admission,
            redirect_hosts=configured.redirect_hosts(self._settings),
            sectors=self.sectors,
            throttle=self._throttle("register"),
            own_share=self._throttle("register-share"),
            overall=self._throttle("register-overall"),
            quota=configured.quota(settings),
            networks=self.networks,
            issuer=settings.issuer,
            grant_types=registrable,
            operator_grant_types=(*registrable, "client_credentials"),
        )

    def _introspect(self) -> IntrospectEndpoint:
        return IntrospectEndpoint(
            callers=self.callers,
            tokens=self.tokens,
            subjects=self.subjects,
            signing_keys=self.signing_keys,
            clock=self._clock,
            issuer=self._settings.issuer,
            grace_s=self._settings.refresh_grace_s,
        )

    def _authorize(self) -> AuthorizeEndpoint:
        return AuthorizeEndpoint(
            clients=self.clients,
            client_resolver=self.client_resolver,
            catalogue=self.catalogue,
            requests=self.requests,
            pending=self.pending,
            sessions=self.sessions,
            consents=self.consents,
            codes=AuthorizationCodeIssuer(
                opener=self.opener,
                grants=self.grants,
                clients=self.clients,
                mint=self.mint,
                lifetimes=self.lifetimes,
                clock=self._clock,
            ),
            device_decision=DeviceDecision(self.devices, self.page_templates),
            browsers=self.browsers,
            hints=self.hints,
            authorization_responder=AuthorizationResponder(self.page_templates, self._settings.issuer),
            errors=self.error_pages,
            throttle=self._throttle("authorize"),
            kept=self._throttle("keep-authorization"),
            networks=self.networks,
            clock=self._clock,
            pkce=PkcePolicy(self._settings.require_pkce),
        )

    def _pages(self) -> list[Endpoint]:
        pages, errors = self.page_templates, self.error_pages
        login = LoginPage(
            users=self.users,
            sessions=self.sessions,
            clients=self.clients,
            pending=self.pending,
            browsers=self.browsers,
            limits=LoginLimits(self._store, configured.limits(self._settings)["login"]),
            networks=self.networks,
            pages=pages,
            errors=errors,
        )
        consent = ConsentPage(
            pending=self.pending,
            sessions=self.sessions,
            clients=self.clients,
            client_resolver=self.client_resolver,
            consents=self.consents,
            catalogue=self.catalogue,
            descriptions=self.descriptions,
            browsers=self.browsers,
            pages=pages,
            errors=errors,
        )
        account = AccountPage(
            grants=self.grants,
            clients=self.clients,
            consents=self.consents,
            sessions=self.sessions,
            catalogue=self.catalogue,
            browsers=self.browsers,
            pages=pages,
            errors=errors,
        )
        device = DevicePage(
            devices=self.devices,
            pending=self.pending,
            browsers=self.browsers,
            throttle=self._throttle("device"),
            networks=self.networks,
            pages=pages,
            errors=errors,
        )
        own = [page.endpoint() for page in (login, consent, device, account, self._logout_page())]
        return [*own, *self._console().endpoints()]

    def _console(self) -> AdminConsole:
        return assembled(
            self.users,
            sessions=self.sessions,
            grants=self.grants,
            clients=self.clients,
            consents=self.consents,
            invitations=self.invitations,
            catalogue=self.catalogue,
            browsers=self.browsers,
            clock=self._clock,
            openness=RegistrationMode(self._settings.registration),
            warning=self.warning,
        )

    def _logout_page(self) -> LogoutPage:
        logout = Logout(
            sessions=self.sessions,
            grants=self.grants,
            clients=self.clients,
            subjects=self.subjects,
            signing_keys=self.signing_keys,
            fetcher=self._fetcher,
            issuer=self._settings.issuer,
            clock=self._clock,
        )
        return LogoutPage(
            logout=logout,
            sessions=self.sessions,
            clients=self.clients,
            hints=self.hints,
            browsers=self.browsers,
            pages=self.page_templates,
            errors=self.error_pages,
        )

    def _throttle(self, kind: str) -> Throttle:
        return Throttle(self._store, kind, configured.limits(self._settings)[kind])
