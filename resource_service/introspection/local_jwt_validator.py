"""Validate JWT access tokens locally, wherever this is as reliable as introspection (RFC 9068 §4)."""

from __future__ import annotations

from collections.abc import Sequence

from resource_service.introspection.client import (
    Introspect,
    NeedsGroups,
    NeedsSoftware,
    is_sufficient,
    no_groups,
    no_software,
)
from resource_service.introspection.issuer_keys import IssuerKeys, KeysUnavailableError
from resource_service.introspection.jwt_access_token import ALGORITHMS, read_access_token
from resource_service.introspection.revoked_grants import RevokedGrants
from resource_service.principal import is_for
from resource_service.reasons import Reason
from shared.access_tokens import TYPE
from shared.clock import Clock
from shared.introspection import ActiveToken
from shared.jose import InvalidJwsError
from shared.jwt_claims import SKEW_S, ClaimError
from shared.logs import get_logger

_log = get_logger(__name__)


class LocalJwtValidator:
    """An `Introspect` that wraps another one, which is called if a token cannot be judged locally.

    A token is rejected locally if it is a JWT that the issuer did not sign as an access token for us, or that
    has expired, so that a flood of such tokens burdens nobody else. A token is accepted locally only while
    revocations arrive, and only if its revocation would have been received.

    Args:
        resources: the URLs of all resources of this service; a token must be for one of them.
        clock: determines when tokens expire.
        needs_groups: whether a policy names groups, which tokens do not carry.
        needs_software: the same for stops that name software.
    """

    def __init__(
        self,
        ask: Introspect,
        keys: IssuerKeys,
        revoked: RevokedGrants,
        *,
        issuer: str,
        resources: Sequence[str],
        clock: Clock,
        needs_groups: NeedsGroups = no_groups,
        needs_software: NeedsSoftware = no_software,
    ) -> None:
        self._ask = ask
        self._keys = keys
        self._revoked = revoked
        self._issuer = issuer
        self._resources = resources
        self._clock = clock
        self._needs_groups, self._needs_software = needs_groups, needs_software

    async def __call__(self, token: str) -> ActiveToken | None:
        """Validate `token`; return None if it is not active.

        Raises:
            IntrospectionUnavailableError: the authorization server had to be queried and did not answer.
        """
        if token.count(".") != 2:
            return await self._ask(token)
        try:
            access_token = read_access_token(
                await self._keys.verify_jws(token, typ=TYPE, algorithms=ALGORITHMS)
            )
        except InvalidJwsError as error:
            _log_refusal(Reason.TOKEN_INACTIVE, f"not an access token of the issuer: {error}")
            return None
        except (KeysUnavailableError, ClaimError):
            # It may be the issuer's. If the issuer signed claims that are unknown here, it can interpret
            # them.
            return await self._ask(token)
        if why := self._never_good(access_token):
            _log_refusal(*why)
            return None
        return access_token if self._is_good(access_token) else await self._ask(token)

    def _never_good(self, token: ActiveToken) -> tuple[Reason, str] | None:
        """Return why a genuine token is invalid here, whatever introspection would say; else None."""
        if token.issuer != self._issuer:
            return Reason.TOKEN_OF_OTHER_ISSUER, "iss is not the issuer"
        if not any(is_for(resource, token.audience) for resource in self._resources):
            return Reason.TOKEN_OF_OTHER_RESOURCE, f"for another resource: {token.audience}"
        if token.expires_at <= self._clock():
            return Reason.TOKEN_EXPIRED, f"expired at {token.expires_at}"
        return None

    def _is_good(self, token: ActiveToken) -> bool:
        if not is_sufficient(token, self._needs_groups, self._needs_software):
            return False
        if token.issued_at is None or token.grant_id is None or token.issued_at > self._clock() + SKEW_S:
            return False
        grants = (token.grant_id, *token.parent_grants)
        return self._revoked.would_be_known(grants, token.issued_at, token.expires_at)


def _log_refusal(reason: Reason, why: str) -> None:
    _log.info("a JWT was refused without introspection", reason=why, reason_code=reason.code)
