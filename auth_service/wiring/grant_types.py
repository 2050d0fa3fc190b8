"""The grant types that the token endpoint offers, each created with its dependencies."""

from __future__ import annotations

from auth_service.client_auth.proof_replay_cache import ProofReplayCache
from auth_service.grants.authorization_code import AuthorizationCode
from auth_service.grants.base import GrantType
from auth_service.grants.client_credentials import ClientCredentials
from auth_service.grants.device_code import DeviceCode
from auth_service.grants.jwt_bearer import JwtBearer
from auth_service.grants.refresh_token import RefreshToken
from auth_service.grants.token_exchange import TokenExchange
from auth_service.wiring import configured
from auth_service.wiring.components import ClientComponents, GrantComponents, UserComponents
from auth_service.wiring.infrastructure import Infrastructure


def offered_grant_types(
    base: Infrastructure,
    users: UserComponents,
    clients: ClientComponents,
    grants: GrantComponents,
    *,
    proof_replay_cache: ProofReplayCache,
) -> list[GrantType]:
    """Return the grant types that are always offered, then those that need configuration."""
    settings, registry = base.settings, grants.resource_registry
    offered: list[GrantType] = [
        AuthorizationCode(
            grants=grants.repository,
            handles=grants.handles,
            sessions=users.sessions,
            permissions=grants.permissions,
            lifetimes=grants.lifetimes,
        ),
        RefreshToken(
            grants=grants.repository,
            handles=grants.handles,
            permissions=grants.permissions,
            lifetimes=grants.lifetimes,
            jwt_resources=grants.jwt_resources,
        ),
        ClientCredentials(grants.factory, registry),
        DeviceCode(grants.devices, grants.factory),
    ]
    if settings.token_exchange:
        offered.append(
            TokenExchange(
                grants.token_reader,
                grants.factory,
                registry,
                settings.token_exchange,
                second_factors=configured.second_factor_policy(settings),
            )
        )
    if settings.trusted_issuers:
        offered.append(_jwt_bearer(base, clients, grants, proof_replay_cache))
    return offered


def _jwt_bearer(
    base: Infrastructure,
    clients: ClientComponents,
    grants: GrantComponents,
    proof_replay_cache: ProofReplayCache,
) -> JwtBearer:
    issuer = base.settings.issuer
    return JwtBearer(
        proof_replay_cache=proof_replay_cache,
        grant_factory=grants.factory,
        resource_registry=grants.resource_registry,
        published=clients.operator_keys,
        signatures=base.signatures,
        issuers=base.settings.trusted_issuers,
        audiences=(issuer, f"{issuer}/token"),
    )
