"""The token request of a relying party (OAuth 2.1 §4.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.federation.errors import CredentialRefusedError, ProviderUnavailableError
from auth_service.fetching import Fetcher, FetchError
from auth_service.fetching.answer import Fetched
from auth_service.fetching.token_client import TokenClient
from auth_service.protocol.federated_identity import InvalidProviderResponseError
from auth_service.protocol.identity_providers import IdentityProvider

# RFC 6749 §5.2, and what GitHub sends instead.
_REFUSED_CREDENTIAL = ("invalid_grant", "bad_refresh_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationAnswer:
    """The authorization response of a provider, with the values it must match.

    Attributes:
        iss: the `iss` parameter of the response (RFC 9207).
    """

    code: str
    iss: str | None
    nonce: str
    verifier: str
    redirect_uri: str


async def redeem_code(
    fetcher: Fetcher, url: str, provider: IdentityProvider, answer: AuthorizationAnswer, *, basic: bool
) -> dict[str, object]:
    """Exchange a code for a token response.

    Args:
        basic: whether the client secret is sent in the header; otherwise in the body.

    Raises:
        ProviderUnavailableError: the provider sent no usable response.
        InvalidProviderResponseError: the provider does not accept the code, or this client.
    """
    form = {
        "grant_type": "authorization_code",
        "code": answer.code,
        "redirect_uri": answer.redirect_uri,
        "code_verifier": answer.verifier,
    }
    return _members(await _token_response(fetcher, url, provider, form, basic=basic))


async def redeem_refresh_token(
    fetcher: Fetcher, url: str, provider: IdentityProvider, refresh_token: str, *, basic: bool
) -> dict[str, object]:
    """Exchange a refresh token for a token response.

    Args:
        basic: as for `redeem_code`.

    Raises:
        CredentialRefusedError: the provider does not accept the refresh token.
        ProviderUnavailableError: the provider sent no usable response.
        InvalidProviderResponseError: the provider refused for another reason.
    """
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    fetched = await _token_response(fetcher, url, provider, form, basic=basic)
    try:
        return _members(fetched)
    except InvalidProviderResponseError as error:
        if error.detail in _REFUSED_CREDENTIAL:
            raise CredentialRefusedError("the provider does not accept the refresh token") from error
        raise


async def _token_response(
    fetcher: Fetcher, url: str, provider: IdentityProvider, form: dict[str, str], *, basic: bool
) -> Fetched:
    client = TokenClient(client_id=provider.client_id, client_secret=provider.client_secret, basic=basic)
    try:
        return await client.post(fetcher, url, form)
    except FetchError as error:
        raise ProviderUnavailableError.of("the token endpoint", error) from error


def _members(fetched: Fetched) -> dict[str, object]:
    try:
        members = fetched.json()
    except FetchError as error:
        raise ProviderUnavailableError.of("the token endpoint", error) from error
    if not isinstance(members, dict):
        raise InvalidProviderResponseError("the token response is not a JSON object")
    # GitHub sends errors with status 200.
    if fetched.status != 200 or "error" in members:
        raise InvalidProviderResponseError(
            "the provider does not accept the code", detail=str(members.get("error"))[:100]
        )
    if str(members.get("token_type", "bearer")).lower() != "bearer":
        raise InvalidProviderResponseError("the access token is not a bearer token")
    return members


def token_in(members: dict[str, object], name: str) -> str:
    """Return a token of a token response.

    Raises:
        InvalidProviderResponseError: the token is missing.
    """
    token = members.get(name)
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise InvalidProviderResponseError(f"the token response has no {name}")
    return token
