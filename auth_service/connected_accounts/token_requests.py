"""Requests to the providers of connected accounts (OAuth 2.1 §4.1.3 and §4.3, RFC 7009)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auth_service.fetching import Fetched, Fetcher, FetchError
from auth_service.fetching.token_client import TokenClient
from auth_service.protocol.connected_account import UnusableTokenResponseError, UpstreamTokens, tokens_of
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_providers import UpstreamProvider
from shared.clock import Clock

# RFC 6749 §5.2, and what GitHub and Slack send instead.
_REFUSED = frozenset({"invalid_grant", "bad_refresh_token", "invalid_refresh_token", "token_revoked"})


class UpstreamUnavailableError(Exception):
    """The provider cannot be reached, or its response cannot be used.

    Attributes:
        reason, detail: for the log only; neither names a token.
        cause: its reason code.
        passing: whether a retry may soon succeed; it is set only where metadata is read.
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str | None = None,
        cause: Reason = Reason.CONNECTED_ACCOUNT_UNAVAILABLE,
        passing: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.cause = cause
        self.passing = passing


class UpstreamClientRefusedError(UpstreamUnavailableError):
    """The provider does not accept this server as a client (`invalid_client`)."""


class UpstreamRefusedError(Exception):
    """The provider does not accept the code or refresh token (`invalid_grant`)."""


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """The code of a provider, with the values that belong to it."""

    code: str
    verifier: str
    redirect_uri: str


@dataclass(frozen=True)
class TokenRequests:
    """Sends requests by the operator's fetcher, within its bounds."""

    fetcher: Fetcher
    clock: Clock

    async def redeem_code(self, provider: UpstreamProvider, answer: CodeAnswer) -> UpstreamTokens:
        """Exchange a code for tokens.

        Raises:
            UpstreamRefusedError: the provider does not accept the code.
            UpstreamUnavailableError: the provider sent no usable response.
        """
        members = {
            "grant_type": "authorization_code",
            "code": answer.code,
            "redirect_uri": answer.redirect_uri,
            "code_verifier": answer.verifier,
            **provider.resource_indicator,
        }
        return await self._tokens(provider, members)

    async def refresh(self, provider: UpstreamProvider, refresh_token: str) -> UpstreamTokens:
        """Exchange a refresh token for tokens.

        Raises:
            UpstreamRefusedError: the provider does not accept the refresh token.
            UpstreamUnavailableError: the provider sent no usable response.
        """
        members = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            **provider.resource_indicator,
        }
        return await self._tokens(provider, members, earlier=refresh_token)

    async def revoke(self, provider: UpstreamProvider, tokens: UpstreamTokens) -> bool:
        """Revoke tokens at the provider; return whether it confirmed that, False if it has no endpoint."""
        url = provider.preset.revocation_endpoint
        if url is None:
            return False
        try:
            fetched = await self._post(provider, url, {"token": tokens.token_to_revoke})
        except UpstreamUnavailableError:
            return False
        return fetched.status == 200

    async def _tokens(
        self, provider: UpstreamProvider, members: dict[str, str], earlier: str | None = None
    ) -> UpstreamTokens:
        fetched = await self._post(provider, provider.preset.token_endpoint, members)
        response = _members(fetched)
        # GitHub and Slack send errors with status 200.
        error = response.get("error") if fetched.status == 200 else response.get("error", "unknown")
        if error is not None and not isinstance(error, str):
            raise UpstreamUnavailableError("the error of the provider is not text")
        if error in _REFUSED:
            raise UpstreamRefusedError
        if error is not None:
            refused = UpstreamClientRefusedError if error == "invalid_client" else UpstreamUnavailableError
            raise refused("the provider refuses this client", detail=str(error)[:100])
        try:
            return tokens_of(response, int(self.clock()), earlier)
        except UnusableTokenResponseError as error:
            raise UpstreamUnavailableError(str(error)) from error

    async def _post(self, provider: UpstreamProvider, url: str, members: Mapping[str, str]) -> Fetched:
        client = TokenClient(
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            basic=provider.preset.basic,
            json=provider.preset.json,
            headers=provider.preset.headers,
        )
        try:
            return await client.post(self.fetcher, url, members)
        except FetchError as error:
            raise UpstreamUnavailableError(error.reason, detail=error.detail) from error


def _members(fetched: Fetched) -> dict[str, object]:
    try:
        members = fetched.json()
    except FetchError as error:
        raise UpstreamUnavailableError(error.reason) from error
    if not isinstance(members, dict):
        raise UpstreamUnavailableError("the token response is not a JSON object")
    return members
