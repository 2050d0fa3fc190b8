"""Why a login through a provider ends; `InvalidProviderResponseError` is in `protocol.federated_identity`."""

from __future__ import annotations

from auth_service.fetching import FetchError
from auth_service.protocol.federated_accounts import Refusal
from auth_service.protocol.federated_identity import FederationError


class ProviderUnavailableError(FederationError):
    """The provider cannot be asked, or its documents are not usable."""

    @classmethod
    def of(cls, what: str, error: FetchError) -> ProviderUnavailableError:
        """For something that could not be fetched."""
        return cls(f"{what}: {error.reason}", detail=error.detail)


class IdentityRefusedError(FederationError):
    """The person is who the provider says, and may not log in here."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
