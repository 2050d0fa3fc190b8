"""Token exchange: which clients may exchange which tokens (RFC 8693). It only ever narrows access."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from auth_service.protocol.claims_request import ACR_MFA
from auth_service.protocol.errors import (
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    UnauthorizedClientError,
)
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from auth_service.protocol.second_factor import SecondFactorPolicy, acr_of_grant
from shared.scopes import parse_scope

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 -- a name

MAX_PARENT_GRANTS = 8
"""The longest chain of exchanges: each introspection of a token reads all grants it was derived from."""


@dataclass(frozen=True, slots=True)
class ExchangeRule:
    """One permission to exchange tokens.

    Attributes:
        sources: resources whose tokens the client may exchange.
        targets: resources it may get tokens for.
        mode: whether the new token names the actor (delegation) or does not (impersonation).
    """

    client_id: str
    sources: frozenset[str]
    targets: frozenset[str]
    mode: Literal["delegation", "impersonation"] = "delegation"

    def __post_init__(self) -> None:
        if not self.sources or not self.targets:
            raise ValueError("a permission to exchange tokens must name sources and targets")


def permitted(rules: Iterable[ExchangeRule], client_id: str, source: Grant, target: str) -> ExchangeRule:
    """Return the rule by which `client_id` may exchange a token of `source` for one for `target`.

    Raises:
        UnauthorizedClientError: the client may not exchange tokens of that resource.
        InvalidTargetError: the client may exchange it, but not for this target.
    """
    mine = [rule for rule in rules if rule.client_id == client_id and source.resource in rule.sources]
    if not mine:
        raise UnauthorizedClientError(Reason.EXCHANGE_NOT_ALLOWED, "this client may not exchange this token")
    for rule in mine:
        if target in rule.targets:
            return rule
    raise InvalidTargetError(
        Reason.EXCHANGE_NOT_ALLOWED, "this client may not exchange this token for that resource"
    )


def narrowed_scopes(
    held: tuple[str, ...], target_scopes: Iterable[str], requested: str | None
) -> tuple[str, ...]:
    """Return the scopes of the new token: those held that the target knows and the request includes.

    Raises:
        InvalidScopeError: the request includes a scope that is not held.
    """
    usable = [scope for scope in held if scope in set(target_scopes)]
    if requested is None:
        return tuple(usable)
    try:
        wanted = parse_scope(requested)
    except ValueError as error:
        raise InvalidScopeError(Reason.SCOPE_MALFORMED, "scope is malformed") from error
    if not set(wanted) <= set(usable):
        raise InvalidScopeError(
            Reason.EXCHANGE_SCOPE_EXCEEDED, "scope exceeds the scope of the subject token"
        )
    return tuple(scope for scope in usable if scope in wanted)


def check_login(source: Grant, policy: SecondFactorPolicy, resource: str, scopes: Collection[str]) -> None:
    """Check that the login in which `source` was given suffices for these scopes of `resource`.

    Raises:
        InvalidTargetError: they need a second factor, and the login had none.
    """
    if acr_of_grant(source) in (None, ACR_MFA) or not policy.is_required_for(resource, scopes):
        return
    raise InvalidTargetError(
        Reason.SECOND_FACTOR_REQUIRED, "the resource requires a login with a second factor"
    )  # RFC 8693 §2.2.2


def actor(rule: ExchangeRule, source: Grant, actor_subject: str) -> dict[str, Any] | None:
    """Return the `act` claim: the new actor, with the earlier actors nested (RFC 8693 §4.1)."""
    if rule.mode == "impersonation":
        return source.act
    return {"sub": actor_subject, **({"act": source.act} if source.act else {})}


def descent(source: Grant) -> tuple[str, ...]:
    """Return the parent grants of a grant derived from `source`.

    Raises:
        InvalidRequestError: the chain of `source` has the maximum length.
    """
    if len(source.parent_grants) >= MAX_PARENT_GRANTS:
        raise InvalidRequestError(
            Reason.EXCHANGE_TOO_OFTEN, "subject_token has been exchanged too often"
        )  # RFC 8693 §2.2.2
    return (source.grant_id, *source.parent_grants)
