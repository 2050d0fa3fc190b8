"""Authenticate requests: the one check behind everything that needs a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from starlette.types import Scope

from resource_service.auth.dpop.check import DpopValidator
from resource_service.errors import Refusal, cannot_ask, invalid_token, malformed_credentials, no_token
from resource_service.introspection.client import Introspect, IntrospectionUnavailableError
from resource_service.principal import Principal, check_use, principal_of
from resource_service.reasons import Reason
from shared.asgi.repeated_fields import RawFields, derived
from shared.bearer import (
    Credentials,
    MalformedCredentialsError,
    TokenInUrlError,
    credentials_in,
    read_credentials,
)
from shared.clock import Clock
from shared.introspection import ActiveToken
from shared.kept_by_identity import KeptByIdentity

_KEY = "doorward.credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """Authenticates each request and determines the principal that it acts for.

    Attributes:
        resource: the URL of this resource; tokens must be for it.
        issuer: the expected issuer of tokens.
    """

    introspect: Introspect
    dpop_validator: DpopValidator
    resource: str
    issuer: str
    clock: Clock
    _principal_of: KeptByIdentity[ActiveToken, Principal] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A cached answer is the same object for each request, and its principal depends on nothing else.
        of_answer = partial(principal_of, resource=self.resource, issuer=self.issuer)
        object.__setattr__(self, "_principal_of", KeptByIdentity(of_answer))

    async def __call__(self, scope: Scope) -> Principal:
        """Return the principal of the request of `scope`.

        Raises:
            Refusal: the token is missing, malformed, not valid here or not the sender's, or the authorization
                server cannot be queried.
        """
        credentials = _credentials_of(scope)
        proof = (
            self.dpop_validator.presented(scope, credentials.token) if credentials.scheme == "DPoP" else None
        )
        # The token is checked before the signature of the proof: an invalid token costs no signature check.
        principal = await self.holder_of(credentials.token, jkt=proof.jkt if proof else None)
        if proof:
            await self.dpop_validator.spend(proof, principal.owner)
        return principal

    async def admits(self, scope: Scope) -> bool:
        """Whether the token of a request is valid here. Who sent it is not checked, and no proof is used up.

        For a decision before the actual check, such as whether to read the body of the request.
        """
        try:
            answer = await self._introspected(_parsed_credentials(scope).token)
            self._principal_of(answer)
            check_use(answer, now=self.clock(), jkt=answer.jkt)
        except Refusal:
            return False
        return True

    async def holder_of(self, token: str, *, jkt: str | None = None) -> Principal:
        """Return the principal that a request with `token` acts for.

        Args:
            jkt: thumbprint of the key in the request's proof.

        Raises:
            Refusal: the token is not valid here or not the sender's, or the authorization server cannot be
                queried.
        """
        answer = await self._introspected(token)
        principal = self._principal_of(answer)
        check_use(answer, now=self.clock(), jkt=jkt)
        return principal

    async def _introspected(self, token: str) -> ActiveToken:
        try:
            answer = await self.introspect(token)
        except IntrospectionUnavailableError as error:
            raise cannot_ask(error.reason, str(error)) from error
        if answer is None:
            raise invalid_token(
                Reason.TOKEN_INACTIVE,
                "The access token is expired, revoked or unknown.",
                detail="introspected inactive",
            )
        return answer


def _credentials_in(fields: RawFields) -> Credentials | None:
    return credentials_in(_authorization(fields))


def _authorization(fields: RawFields) -> list[str]:
    return [value.decode("latin-1") for name, value in fields if name == b"authorization"]


def token_in(scope: Scope) -> str:
    """Return the access token of an authenticated request."""
    return _credentials_of(scope).token


def _credentials_of(scope: Scope) -> Credentials:
    """Return the credentials of a request, which are parsed once."""
    credentials: Credentials | None = scope.get(_KEY)
    if credentials is None:
        scope[_KEY] = credentials = _parsed_credentials(scope)
    return credentials


def _parsed_credentials(scope: Scope) -> Credentials:
    query = scope.get("query_string", b"").decode("latin-1")
    try:
        if query:
            credentials = read_credentials(_authorization(scope["headers"]), query)
        else:
            credentials = derived(scope["headers"], _credentials_in)
    except TokenInUrlError as error:
        raise malformed_credentials(Reason.TOKEN_IN_URL, str(error)) from error
    except MalformedCredentialsError as error:
        raise malformed_credentials(Reason.CREDENTIALS_MALFORMED, str(error)) from error
    if credentials is None:
        raise no_token()
    return credentials
