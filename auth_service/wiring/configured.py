"""Converts the settings to the types that the rules use."""

from __future__ import annotations

from dataclasses import replace

from auth_service.federation.logins import LIFETIME_S
from auth_service.fetching.resource_metadata import ConfiguredResource
from auth_service.protocol.access import DEMO_USERNAME, Access, default_access
from auth_service.protocol.admin_access import DESCRIPTION, NAME, SCOPE, admin_resource_of
from auth_service.protocol.client_domains import DomainPolicy, Trust
from auth_service.protocol.grant import Lifetimes
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.jwt_bearer import GRANT_TYPE as JWT_BEARER
from auth_service.protocol.jwt_bearer import ID_JAG_PROFILE
from auth_service.protocol.key_rotation import Schedule
from auth_service.protocol.proof_source import CLIENT_FACTOR, LONG_S, SHORT_S
from auth_service.protocol.rate_limit import Limit
from auth_service.protocol.registration import USER_GRANTS
from auth_service.protocol.registration_policy import Quota, RedirectHosts
from auth_service.protocol.resources import ProtectedResource, ResourceRegistry
from auth_service.protocol.second_factor import SecondFactorPolicy
from auth_service.protocol.upstream_providers import ConfiguredProvider
from auth_service.resource_settings import OPENID_SCOPES
from auth_service.settings import AuthSettings
from shared.texts import Text
from shared.uris import resource_key

_MINUTE_S = 60
_KEPT_MINUTES = 10
"""A network may begin this many minutes' worth of authorization requests while its first is stored."""


def lifetimes(settings: AuthSettings) -> Lifetimes:
    """Return the lifetimes of grants and their tokens."""
    return Lifetimes(
        code_s=settings.code_ttl_s,
        access_s=settings.access_ttl_s,
        refresh_idle_s=settings.refresh_idle_ttl_s,
        refresh_absolute_s=settings.refresh_absolute_ttl_s,
        grace_s=settings.refresh_grace_s,
    )


def quota(settings: AuthSettings) -> Quota:
    """Return the limit on the number of registered clients."""
    return Quota.with_unused_share(settings.max_clients, unused_percent=settings.unused_clients_percent)


def identity_providers(settings: AuthSettings) -> list[IdentityProvider]:
    """Return the identity providers for logins."""
    return [configured.provider() for configured in settings.identity_providers]


def second_factor_policy(settings: AuthSettings) -> SecondFactorPolicy:
    """Return who needs a second factor, and for what."""
    required = settings.second_factor
    policy = SecondFactorPolicy(people=required.people, resources=required.resources, scopes=required.scopes)
    own_scopes = {resource_key(each.resource): each.scopes for each in settings.resources}
    for resource in settings.resources:
        for mount, url in resource.joins.items():
            policy = policy.with_joined(resource.resource, mount, url, own_scopes[resource_key(url)])
    return policy


def schedule(settings: AuthSettings) -> Schedule:
    """Return the schedule of signing keys."""
    # An ID token may be sent as a hint at logout, long after it has expired.
    lasting_s = max(settings.access_ttl_s, settings.session_ttl_s)
    return Schedule(settings.key_period_s, settings.key_ahead_s, lasting_s)


def limits(settings: AuthSettings) -> dict[str, Limit]:
    """Return the rate limits, by what they limit."""
    guesses = Limit(settings.login_failures, settings.login_window_s)
    registrations = Limit(settings.registrations_per_minute, _MINUTE_S)
    requests = Limit(settings.authorizations_per_minute, _MINUTE_S)
    return {
        "register-overall": Limit(
            settings.registrations_per_hour,
            60 * _MINUTE_S,
            "too many clients are being registered; try again later",
        ),
        "register-share": Limit(settings.registrations_per_hour // 100, 60 * _MINUTE_S),
        "register": registrations,
        "authorize": requests,
        "keep-authorization": Limit(
            _KEPT_MINUTES * settings.authorizations_per_minute, settings.pending_ttl_s
        ),
        "provider-logout": requests,
        "cimd": registrations,
        # Equal to the number that may be pending at the same time.
        "federated-login": Limit(settings.authorizations_per_minute, LIFETIME_S),
        "change-client": registrations,
        "push": requests,
        **_proof_limits(settings.signed_proofs),
        "device-request": requests,
        "device": guesses,
        "code": guesses,
        "account-link": guesses,
        "connect": Limit(settings.authorizations_per_minute, LIFETIME_S),
        "passkey": requests,
        "login": replace(guesses, refusal=Text("Too many failed logins from your network.")),
    }


def _proof_limits(each: int) -> dict[str, Limit]:
    """Return the limits on remembered proofs for a network, and for a client that is counted separately."""
    refusal = "too many signed proofs; try again later"
    return {
        "proofs-of-network": Limit(each, SHORT_S, refusal),
        "long-lived-proofs-of-network": Limit(each, LONG_S, refusal),
        "proofs-of-client": Limit(CLIENT_FACTOR * each, SHORT_S, refusal),
        "long-lived-proofs-of-client": Limit(CLIENT_FACTOR * each, LONG_S, refusal),
    }


def default_access_rules(settings: AuthSettings) -> Access | None:
    """Return the access rules that are in force while none are stored."""
    return default_access(settings.access, demo_user=DEMO_USERNAME if settings.demo_user else None)


def resource_registry(settings: AuthSettings) -> ResourceRegistry:
    """Return the resources for which tokens can be issued."""
    resources = [
        ProtectedResource(
            resource=resource.resource,
            name=resource.name,
            scopes=resource.scopes,
            default_scopes=resource.granted_by_default,
            joins=resource.joins,
        )
        for resource in settings.resources
    ]
    admin = ProtectedResource(
        resource=admin_resource_of(settings.issuer), name=NAME, scopes={SCOPE: DESCRIPTION}, default_scopes=()
    )
    return ResourceRegistry(resources, OPENID_SCOPES, admin)


def jwt_resources(settings: AuthSettings) -> frozenset[str]:
    """Return the resources that verify access tokens by themselves (RFC 9068)."""
    return frozenset(r.resource for r in settings.resources if r.access_token_format == "jwt")  # noqa: S105


def resource_descriptions(settings: AuthSettings) -> dict[str, ConfiguredResource]:
    """Return the metadata URL of each resource, which describes its scopes."""
    return {
        resource.resource: ConfiguredResource(resource.described_at, frozenset(resource.scopes))
        for resource in settings.resources
    }


def account_providers(settings: AuthSettings) -> dict[str, ConfiguredProvider]:
    """Return the providers of connected accounts, by the URL of the resource (GW-1)."""
    providers = (resource.account_provider() for resource in settings.resources)
    return {provider.resource: provider for provider in providers if provider is not None}


def domain_policy(settings: AuthSettings) -> DomainPolicy:
    """Return the domains whose clients may use a metadata document (AS-8)."""
    return DomainPolicy(Trust(settings.cimd_otherwise), settings.cimd_allow, settings.cimd_deny)


def registrable_grants(settings: AuthSettings) -> tuple[str, ...]:
    """Return the grant types that a client can register for by itself."""
    # Open registration of client_credentials would let anyone get tokens that no user agreed to.
    open_ones = ("client_credentials",) if settings.open_client_credentials else ()
    asserted_ones = (JWT_BEARER,) if settings.trusted_issuers else ()
    return (*USER_GRANTS, *open_ones, *asserted_ones)


def redirect_hosts(settings: AuthSettings) -> RedirectHosts:
    """Return the web hosts to which codes may be sent."""
    return RedirectHosts(
        settings.redirect_hosts_allow, settings.redirect_hosts_deny, settings.allow_http_networks
    )


def grant_profiles(settings: AuthSettings) -> list[str]:
    """Return the grant profiles to announce in the metadata."""
    asserting = any(trusted.profile == "id-jag" for trusted in settings.trusted_issuers)
    return [ID_JAG_PROFILE] if asserting else []
