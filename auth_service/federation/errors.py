"""Errors of a login through a provider, besides `InvalidProviderResponseError` of the protocol."""

from __future__ import annotations

from auth_service.fetching import FetchError
from auth_service.protocol.federated_accounts import Refusal
from auth_service.protocol.federated_identity import FederationError


class ProviderUnavailableError(FederationError):
    """The provider cannot be reached, or its documents are not usable."""

    @classmethod
    def of(cls, what: str, error: FetchError) -> ProviderUnavailableError:
        """Create the error for a failed fetch."""
        return cls(f"{what}: {error.reason}", detail=error.detail)


class CredentialRefusedError(FederationError):
    """The provider no longer accepts its refresh token (RFC 6749 §5.2, `invalid_grant`)."""


class IdentityRefusedError(FederationError):
    """The person is authenticated at the provider, but may not log in here."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
