"""The token exchange grant (RFC 8693), under configured rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from auth_service.crypto.handles import Handle
from auth_service.grants.base import TokenRequest
from auth_service.grants.grant_factory import GrantFactory
from auth_service.grants.token_reader import TokenReader
from auth_service.protocol import token_exchange
from auth_service.protocol.errors import InvalidRequestError, InvalidTargetError
from auth_service.protocol.grant import Grant
from auth_service.protocol.joined_grants import is_exchangeable_for
from auth_service.protocol.narrowed_grants import AccessNotGrantedError
from auth_service.protocol.owner import Owner
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.protocol.second_factor import SecondFactorPolicy
from auth_service.protocol.token_exchange import ACCESS_TOKEN, ExchangeRule
from shared.replacing import replace


class TokenExchange:
    """Exchanges an active access token for a narrower one for another resource, which ends with the first."""

    name = token_exchange.GRANT_TYPE

    def __init__(
        self,
        tokens: TokenReader,
        grant_factory: GrantFactory,
        resource_registry: ResourceRegistry,
        rules: Sequence[ExchangeRule],
        *,
        second_factors: SecondFactorPolicy,
    ) -> None:
        self._tokens = tokens
        self._grant_factory = grant_factory
        self._resource_registry = resource_registry
        self._rules = rules
        self._second_factors = second_factors

    async def redeem(self, request: TokenRequest) -> Grant:
        parameters = request.parameters
        _check_supported(parameters)
        handle, source = await self._token(parameters, "subject_token")
        target = self._resource_registry.resource_for(parameters.resource() or parameters.get("audience"))
        if target is None:
            raise InvalidTargetError(Reason.RESOURCE_MISSING, "resource is missing")
        rule = token_exchange.permitted(self._rules, request.client.client_id, source, target.resource)
        held = source.scopes_of(handle.generation)
        self._check_mount(source, held, target.resource)
        scopes = token_exchange.narrowed_scopes(held, target.scopes, parameters.get("scope"))
        token_exchange.check_login(source, self._second_factors, target.resource, scopes)
        act = token_exchange.actor(rule, source, await self._actor(request))
        draft = self._grant_factory.draft(
            request.client, scopes, target.resource, request.now, owner=_owner(source)
        )
        derived = replace(
            draft,
            parent_grants=token_exchange.descent(source),
            act=act,
            jkt=request.jkt,
            refreshable=False,
            # Never longer than the subject token's grant (RFC 8693 §5: the subject token bounds it).
            expires_at=min(handle.expires_at, draft.expires_at),
        )
        if await self._tokens.grants.within_parents(derived) is None:
            raise _not_for_that_mount()  # one of the grants before has no scope of it
        try:
            return await self._grant_factory.open_active(derived, request.prepare)
        except AccessNotGrantedError as error:
            raise InvalidTargetError(error.reason, error.description) from error  # RFC 8693 §2.2.2

    def _check_mount(self, source: Grant, held: Collection[str], target: str) -> None:
        joining = self._resource_registry.by_identifier(source.resource)
        if joining is not None and not is_exchangeable_for(held, target, joining.joins):
            raise _not_for_that_mount()

    async def _actor(self, request: TokenRequest) -> str:
        """Return the actor: the client itself, or the subject of its actor token."""
        if request.parameters.get("actor_token") is None:
            return request.client.client_id
        _, grant = await self._token(request.parameters, "actor_token")
        if grant.client_id != request.client.client_id:
            raise InvalidRequestError(
                Reason.EXCHANGED_TOKEN_INVALID, "actor_token was issued to another client"
            )
        return grant.subject or grant.client_id

    async def _token(self, parameters: Parameters, name: str) -> tuple[Handle, Grant]:
        token = parameters.require(name)
        if parameters.require(f"{name}_type") != ACCESS_TOKEN:
            raise InvalidRequestError(Reason.EXCHANGE_MALFORMED, f"{name}_type must be {ACCESS_TOKEN}")
        token_and_grant = await self._tokens.live_access(token)
        if token_and_grant is None:
            # RFC 8693 §2.2.2: an invalid subject or actor token is an invalid request.
            raise InvalidRequestError(Reason.EXCHANGED_TOKEN_INVALID, f"{name} is not valid, or has expired")
        return token_and_grant


def _check_supported(parameters: Parameters) -> None:
    if parameters.get("requested_token_type") not in (None, ACCESS_TOKEN):
        raise InvalidRequestError(Reason.EXCHANGE_MALFORMED, f"requested_token_type must be {ACCESS_TOKEN}")
    if parameters.get("actor_token") is None and parameters.get("actor_token_type") is not None:
        raise InvalidRequestError(
            Reason.EXCHANGE_MALFORMED, "actor_token_type requires actor_token"
        )  # RFC 8693 §2.1
    if parameters.resource() is not None and parameters.get("audience") is not None:
        # RFC 8693 §2.1.1: resource and audience both name targets, and a token here has one target.
        raise InvalidTargetError(Reason.EXCHANGE_MALFORMED, "resource and audience cannot be used together")


def _not_for_that_mount() -> InvalidTargetError:
    return InvalidTargetError(
        Reason.EXCHANGE_NOT_ALLOWED, "the subject token is not for the mount of that resource"
    )


def _owner(source: Grant) -> Owner | None:
    if source.subject is None:
        return None
    return Owner(
        subject=source.subject,
        username=source.username,
        session_id=None,
        auth_time=source.auth_time,
        auth_time_known=source.auth_time_known,
        assertion_issuer=source.assertion_issuer,
        acr=source.acr,
        amr=source.amr,
    )
