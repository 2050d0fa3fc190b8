"""Login through an OpenID provider (OpenID Connect Core §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from auth_service.clients.keys import PublishedKeys
from auth_service.federation.code_exchange import (
    AuthorizationAnswer,
    redeem_code,
    redeem_refresh_token,
    token_in,
)
from auth_service.federation.credentials import PresentedCredential
from auth_service.federation.discovery import ProviderDiscovery
from auth_service.federation.errors import ProviderUnavailableError
from auth_service.fetching import Fetcher, FetchError
from auth_service.protocol.errors import InvalidClientError, KeysUnavailableError
from auth_service.protocol.federated_identity import (
    FederatedIdentity,
    InvalidProviderResponseError,
    check_id_token,
    check_renewed_id_token,
    check_response_issuer,
    identity_of,
    lacks_claims,
    merge_userinfo,
)
from auth_service.protocol.identity_providers import IdentityProvider
from shared.clock import Clock
from shared.jose import ASYMMETRIC, Claims, InvalidJwsError, UnverifiedJws, parse
from shared.signatures import Signatures

MAX_USERINFO_BYTES = 131_072
_TYPES = (None, "jwt")


@dataclass(frozen=True, kw_only=True)
class OpenIdLogin:
    """Sends a person to an OpenID provider and identifies them when they come back."""

    fetcher: Fetcher
    discovery: ProviderDiscovery
    keys: PublishedKeys
    signatures: Signatures
    clock: Clock

    async def authorization_url(self, provider: IdentityProvider, parameters: Mapping[str, str]) -> str:
        """Return the URL of the provider's login page.

        Raises:
            ProviderUnavailableError: the URL is not known at the moment.
        """
        metadata = await self.discovery.metadata_of(provider)
        return metadata.authorization_url(dict(parameters))

    async def check_issuer(self, provider: IdentityProvider, iss: str | None) -> None:
        """Check that the `iss` of a response, including an error, is the provider's.

        Raises:
            InvalidProviderResponseError: it is another issuer's.
            ProviderUnavailableError: the provider's metadata is not known at the moment.
        """
        check_response_issuer(iss, await self.discovery.metadata_of(provider))

    async def identify(self, provider: IdentityProvider, answer: AuthorizationAnswer) -> FederatedIdentity:
        """Return the identity of the person for whom `answer` was sent.

        Raises:
            FederationError: the identity cannot be determined.
        """
        metadata = await self.discovery.metadata_of(provider)
        members = await redeem_code(
            self.fetcher, metadata.token_endpoint, provider, answer, basic=metadata.basic
        )
        access_token, id_token = token_in(members, "access_token"), token_in(members, "id_token")
        claims = await self.verify(provider, _parsed(id_token), types=_TYPES)
        check_id_token(claims, provider, nonce=answer.nonce, access_token=access_token, now=self.clock())
        if metadata.userinfo_endpoint and lacks_claims(claims, provider):
            claims = merge_userinfo(claims, await self._userinfo(metadata.userinfo_endpoint, access_token))
        identity = identity_of(claims, provider)
        return replace(
            identity, credential=_refresh_token(members), id_token=id_token if provider.logs_out else None
        )

    async def renew(
        self, provider: IdentityProvider, credential: PresentedCredential, subject: str
    ) -> FederatedIdentity:
        """Return the person's current identity by a refresh token, without a login (OIDC Core §12).

        Raises:
            CredentialRefusedError: the provider no longer accepts the refresh token.
            FederationError: the provider cannot be reached, or its response is not valid.
        """
        metadata = await self.discovery.metadata_of(provider)
        members = await redeem_refresh_token(
            self.fetcher, metadata.token_endpoint, provider, credential.token, basic=metadata.basic
        )
        rotated = _refresh_token(members)
        if rotated is not None:
            await credential.rotate(rotated)
        claims: dict[str, Any] = {"sub": subject}
        if "id_token" in members:
            claims = dict(await self.verify(provider, _parsed(token_in(members, "id_token")), types=_TYPES))
            check_renewed_id_token(claims, provider, subject, self.clock())
        if metadata.userinfo_endpoint and lacks_claims(claims, provider):
            access_token = token_in(members, "access_token")
            claims = merge_userinfo(claims, await self._userinfo(metadata.userinfo_endpoint, access_token))
        identity = identity_of(claims, provider)
        # Without an ID token, a missing claim may only mean that UserInfo does not have it.
        unknown = "id_token" not in members and provider.groups_claim not in claims
        groups = None if unknown else identity.groups
        return replace(identity, groups=groups)

    async def verify(
        self, provider: IdentityProvider, token: UnverifiedJws, *, types: tuple[str | None, ...]
    ) -> Claims:
        """Verify a JWT signed by the provider and return its claims.

        Args:
            types: acceptable `typ` headers.

        Raises:
            InvalidProviderResponseError: the signature or a claim is not valid.
            ProviderUnavailableError: its keys cannot be fetched.
        """
        metadata = await self.discovery.metadata_of(provider)
        try:
            keys = await self.keys.keys_for(None, metadata.jwks_uri, token.header.get("kid"))
            return await self.signatures.verify_signature(
                token, keys, algorithms=ASYMMETRIC, types=types, source=provider.issuer
            )
        except InvalidJwsError as error:
            raise InvalidProviderResponseError(f"the signature cannot be verified: {error}") from error
        except (InvalidClientError, KeysUnavailableError) as error:
            raise ProviderUnavailableError(f"the keys cannot be fetched: {error}") from error

    async def _userinfo(self, url: str, access_token: str) -> Any:  # noqa: ANN401 -- JSON
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            return (await self.fetcher.get(url, max_bytes=MAX_USERINFO_BYTES, headers=headers)).json()
        except FetchError as error:
            raise ProviderUnavailableError.of("UserInfo", error) from error


def _refresh_token(members: dict[str, object]) -> str | None:
    return token_in(members, "refresh_token") if "refresh_token" in members else None


def _parsed(id_token: str) -> UnverifiedJws:
    try:
        return parse(id_token)
    except InvalidJwsError as error:
        raise InvalidProviderResponseError(f"the ID token is malformed: {error}") from error
