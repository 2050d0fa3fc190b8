"""Login through GitHub: OAuth 2.0 without OpenID Connect, so its API identifies the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from auth_service.federation.code_exchange import (
    AuthorizationAnswer,
    redeem_code,
    redeem_refresh_token,
    token_in,
)
from auth_service.federation.credentials import PresentedCredential
from auth_service.federation.errors import CredentialRefusedError, ProviderUnavailableError
from auth_service.fetching import Fetcher, FetchError
from auth_service.protocol.federated_identity import (
    FederatedIdentity,
    InvalidProviderResponseError,
    identity_of,
)
from auth_service.protocol.identity_providers import GITHUB, IdentityProvider

MAX_API_BYTES = 1_048_576
MAX_PAGES = 10
PER_PAGE = 50

_ACCESS, _REFRESH = "access", "refresh"


@dataclass(frozen=True, kw_only=True)
class GitHubLogin:
    """The counterpart of `OpenIdLogin` for GitHub and GitHub Enterprise Server."""

    fetcher: Fetcher

    async def authorization_url(self, provider: IdentityProvider, parameters: Mapping[str, str]) -> str:
        """Return the URL of the provider's login page."""
        # GitHub issues no ID token that could carry a nonce; PKCE binds the code to this login.
        sent = {name: value for name, value in parameters.items() if name not in ("nonce", "response_type")}
        return f"{provider.issuer}/login/oauth/authorize?{urlencode(sent)}"

    async def check_issuer(self, provider: IdentityProvider, iss: str | None) -> None:
        """Check that the `iss` of a response, if present, is the provider's.

        Raises:
            InvalidProviderResponseError: it is another issuer's.
        """
        expected = (provider.issuer, f"{provider.issuer}/login/oauth")
        if iss is not None and iss not in expected:
            raise InvalidProviderResponseError("the response is not from the issuer of the login")

    async def identify(self, provider: IdentityProvider, answer: AuthorizationAnswer) -> FederatedIdentity:
        """Return the identity of the person for whom `answer` was sent.

        Raises:
            FederationError: the identity cannot be determined.
        """
        members = await redeem_code(self.fetcher, _token_url(provider), provider, answer, basic=False)
        api = self._api(provider, members)
        user = await api.user()
        claims = {
            # A GitHub login can be changed and then claimed by somebody else; the id cannot.
            "sub": str(user["id"]),
            "preferred_username": user.get("login"),
            "name": user.get("name"),
            "email": _primary(await api.get("user/emails")),
            "email_verified": True,
            "groups": await _groups(api) if provider.needs_groups else [],
        }
        identity = identity_of(claims, provider)
        return replace(identity, credential=_credential(members) if provider.reads_groups else None)

    async def renew(
        self, provider: IdentityProvider, credential: PresentedCredential, subject: str
    ) -> FederatedIdentity:
        """Return the person's current groups without a login.

        Raises:
            CredentialRefusedError: GitHub no longer accepts the credential.
            FederationError: GitHub cannot be reached, or its response is not valid.
        """
        kind, _, token = credential.token.partition(":")
        members: dict[str, object] = {"access_token": token}
        if kind == _REFRESH:
            members = await redeem_refresh_token(
                self.fetcher, _token_url(provider), provider, token, basic=False
            )
            await credential.rotate(_credential(members))
        api = self._api(provider, members)
        if str((await api.user())["id"]) != subject:
            raise InvalidProviderResponseError("GitHub answers about somebody else")
        return identity_of({"sub": subject, "groups": await _groups(api)}, provider)

    def _api(self, provider: IdentityProvider, members: dict[str, object]) -> _Api:
        return _Api(self.fetcher, _api_of(provider), token_in(members, "access_token"))


def _token_url(provider: IdentityProvider) -> str:
    return f"{provider.issuer}/login/oauth/access_token"


def _credential(members: dict[str, object]) -> str:
    """Return what the groups are requested with later.

    GitHub Apps issue a refresh token if their access tokens expire; those of OAuth apps never do.
    """
    if "refresh_token" in members:
        return f"{_REFRESH}:{token_in(members, 'refresh_token')}"
    return f"{_ACCESS}:{token_in(members, 'access_token')}"


@dataclass(frozen=True, slots=True)
class _Api:
    fetcher: Fetcher
    base: str
    token: str

    async def user(self) -> dict[str, Any]:
        """Return the account that the token belongs to; its `id` is a number."""
        user = await self.get("user")
        user_id = user.get("id") if isinstance(user, dict) else None
        if not isinstance(user, dict) or isinstance(user_id, bool) or not isinstance(user_id, int):
            raise InvalidProviderResponseError("GitHub did not identify the user")
        return user

    async def get(self, path: str) -> object:
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            fetched = await self.fetcher.get(
                f"{self.base}/{path}",
                max_bytes=MAX_API_BYTES,
                accept="application/vnd.github+json",
                headers=headers,
                statuses=(200, 401),
            )
            if fetched.status == 401:
                raise CredentialRefusedError("GitHub does not accept the access token")
            return fetched.json()
        except FetchError as error:
            raise ProviderUnavailableError.of(f"the API ({path.partition('?')[0]})", error) from error

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Return every object of a list, page by page."""
        members = list[dict[str, Any]]()
        for page in range(1, MAX_PAGES + 1):
            listed = await self.get(f"{path}?{urlencode({'per_page': PER_PAGE, 'page': page})}")
            objects = listed if isinstance(listed, list) else []
            members += [member for member in objects if isinstance(member, dict)]
            if len(objects) < PER_PAGE:
                break
        return members


def _api_of(provider: IdentityProvider) -> str:
    return "https://api.github.com" if provider.issuer == GITHUB else f"{provider.issuer}/api/v3"


def _primary(listed: object) -> str | None:
    """Return the primary address, if it is verified."""
    addresses = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    proven = (a for a in addresses if a.get("primary") is True and a.get("verified") is True)
    return next((str(address.get("email")) for address in proven), None)


async def _groups(api: _Api) -> list[str]:
    """Return organizations as ``org``, teams as ``org/team``."""
    organizations = [str(organization.get("login")) for organization in await api.all("user/orgs")]
    teams = [
        f"{team['organization'].get('login')}/{team.get('slug')}"
        for team in await api.all("user/teams")
        if isinstance(team.get("organization"), dict)
    ]
    return [*organizations, *teams]
