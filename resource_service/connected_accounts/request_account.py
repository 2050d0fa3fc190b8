"""The credential of one request, in its scope, for the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import Scope

from resource_service.connected_accounts.answers import Credential

_KEY = "doorward.connected_account"


@dataclass(slots=True, eq=False)
class RequestAccount:
    """The credential of one request.

    Attributes:
        credential: the current one; replaced at most once.
    """

    credential: Credential
    _replacement: Callable[[Credential], Awaitable[Credential]]

    async def replace(self) -> Credential:
        """Report that the upstream refuses the credential, and return its replacement.

        Raises:
            Refusal: there is none.
        """
        self.credential = await self._replacement(self.credential)
        return self.credential


def note_account(scope: Scope, account: RequestAccount) -> None:
    """Store the account on the request's scope."""
    scope[_KEY] = account


def account_in(scope: Scope) -> RequestAccount | None:
    """Return the account of a request; None if its resource has no connected accounts."""
    account: RequestAccount | None = scope.get(_KEY)
    return account
