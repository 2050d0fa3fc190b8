"""The credential of one request, in its scope, for the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from starlette.types import Scope

from resource_service.connected_accounts.answers import Account, ConnectLink, Credential

_KEY = "doorward.connected_account"
_USE = "doorward.account_use"


@dataclass(slots=True, eq=False)
class AccountUse:
    """How a request of this service to one of its own resources was answered.

    Attributes:
        version: of the credential that the upstream got; None if it got none.
        missing: the provider at which no account is connected; then this service answered.
    """

    version: str | None = None
    missing: str | None = None


def noting_use(scope: Scope) -> tuple[Scope, AccountUse]:
    """Return a request that notes how it is answered, and the note."""
    use = AccountUse()
    return {**scope, _USE: use}, use


def note_use(scope: Scope, account: Account) -> None:
    """Note the account with which a request is answered, for who asks for it."""
    use: AccountUse | None = scope.get(_USE)
    if use is None:
        return
    if isinstance(account, ConnectLink):
        use.version, use.missing = None, account.provider
    else:
        use.version, use.missing = account.version, None


@dataclass(slots=True, eq=False)
class RequestAccount:
    """The credential of one request.

    Attributes:
        credential: the current one; replaced at most once.
        hold: what is started in its context ends if the account is disconnected.
    """

    credential: Credential
    _replacement: Callable[[Credential], Awaitable[Credential]]
    hold: Callable[[Callable[[], None]], AbstractContextManager[None]] | None = None

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
