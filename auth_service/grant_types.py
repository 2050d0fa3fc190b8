"""The grant types that the token endpoint offers, each made with what it needs."""

from __future__ import annotations

from typing import Protocol

from auth_service import configured
from auth_service.clients.keys import PublishedKeys
from auth_service.crypto.handles import Handles
from auth_service.device.repository import DeviceRequestRepository
from auth_service.grants.authorization_code import AuthorizationCode
from auth_service.grants.base import GrantType
from auth_service.grants.client_credentials import ClientCredentials
from auth_service.grants.device_code import DeviceCode
from auth_service.grants.grant_factory import GrantFactory
from auth_service.grants.jwt_bearer import JwtBearer
from auth_service.grants.refresh_token import RefreshToken
from auth_service.grants.repository import GrantRepository
from auth_service.grants.token_exchange import TokenExchange
from auth_service.grants.token_reader import TokenReader
from auth_service.protocol.grant import Lifetimes
from auth_service.protocol.resources import ResourceRegistry
from auth_service.settings import AuthSettings
from auth_service.storage.interface import Store
from auth_service.users.sessions import SessionRepository
from shared.signatures import Signatures


class Dependencies(Protocol):
    """What the grant types are made of."""

    grants: GrantRepository
    handles: Handles
    sessions: SessionRepository
    lifetimes: Lifetimes
    jwt_resources: frozenset[str]
    opener: GrantFactory
    catalogue: ResourceRegistry
    devices: DeviceRequestRepository
    tokens: TokenReader
    operator_keys: PublishedKeys
    signatures: Signatures


def offered_grant_types(parts: Dependencies, settings: AuthSettings, store: Store) -> list[GrantType]:
    """Those that are always offered, then those that do nothing without configuration."""
    offered: list[GrantType] = [
        AuthorizationCode(parts.grants, parts.handles, parts.sessions, parts.lifetimes),
        RefreshToken(parts.grants, parts.handles, parts.lifetimes, parts.jwt_resources),
        ClientCredentials(parts.opener, parts.catalogue),
        DeviceCode(parts.devices, parts.opener),
    ]
    if settings.token_exchange:
        rules = configured.exchange_rules(settings)
        offered.append(TokenExchange(parts.tokens, parts.opener, parts.catalogue, rules))
    if settings.trusted_issuers:
        audiences = (settings.issuer, f"{settings.issuer}/token")
        issuers = configured.trusted_issuers(settings)
        offered.append(
            JwtBearer(
                store=store,
                opener=parts.opener,
                catalogue=parts.catalogue,
                published=parts.operator_keys,
                signatures=parts.signatures,
                issuers=issuers,
                audiences=audiences,
            )
        )
    return offered
