"""A mount of the joined URL, and the part of a token that is about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from resource_service.connected_accounts.introduction import TOOL
from resource_service.connected_accounts.request_account import AccountUse
from resource_service.errors import Refusal
from resource_service.messages.joined_names import joined_name, joined_scope, scopes_about, scopes_of
from resource_service.middleware.guard import Guard
from resource_service.policy.groups import scopes_in
from resource_service.principal import Principal, principal_in
from shared.kept_by_identity import KeptByIdentity

Refuse = Callable[[Refusal, Scope], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A mount behind the joined URL.

    Attributes:
        name: the path of the mount without the slash.
        title: for people.
        guard: the guard of the mount, for principals of this section.
    """

    name: str
    title: str
    path: str
    guard: Guard
    _principal_of: KeptByIdentity[Principal, Principal | None] = field(repr=False, compare=False)

    def principal(self, principal: Principal) -> Principal | None:
        """Return the principal at the mount; None if the token is not for this section.

        The same object for the same principal, as the guard expects.
        """
        return self._principal_of(principal)

    def is_current(self, use: AccountUse, scope: Scope) -> bool:
        """Whether a request with this scope would be answered with the same account as an earlier one.

        Args:
            use: how the earlier one was answered.
        """
        account = self.guard.account
        return account is None or (use.version is not None and use.version == account.kept_version(scope))

    def offered(self, session_id: bytes | None, scope: Scope) -> Mapping[str, Any] | None:
        """Return the capabilities of the mount in a session that it opened after its account was connected.

        Args:
            scope: of a request of the client.
        """
        account = self.guard.account
        if account is None or session_id is None:
            return None
        session = account.sessions.find(session_id.decode("latin-1"), principal_in(scope))
        return None if session is None else session.offered

    def scopes_for(self, message: object) -> Iterable[str]:
        """Return the scopes of the joined resource that a message to the mount needs, the section's first."""
        needed = scopes_in(self.guard.policy.current.needed([message]))
        return (self.name, *(joined_scope(self.name, scope) for scope in sorted(needed)))


def section_of(guard: Guard, *, name: str, title: str, path: str, refuse: Refuse) -> Section:
    """Return the section of the mount behind `guard`.

    Args:
        refuse: builds the response to a refusal at the joined URL.
    """

    def principal_of(principal: Principal) -> Principal | None:
        scopes = scopes_of(name, principal.scopes)
        if scopes is None:
            return None
        return replace(principal, scopes=scopes, token_scopes=scopes_about(name, principal.scopes))

    kept = KeptByIdentity(principal_of)

    async def authenticate(scope: Scope) -> Principal:
        # The joined endpoint has authenticated the request, and asks only for sections of its token.
        principal = kept(principal_in(scope))
        if principal is None:
            raise ValueError(f"the token is not for the section {name}")
        return principal

    def refuse_joined(refusal: Refusal, scope: Scope) -> Response:
        refusal.scopes = tuple(joined_scope(name, each) for each in refusal.scopes)
        return refuse(refusal, scope)

    account = guard.account and replace(guard.account, tool=joined_name(name, TOOL), is_joined=True)
    inner = replace(guard, authenticate=authenticate, refuse=refuse_joined, account=account)
    return Section(name=name, title=title, path=path, guard=inner, _principal_of=kept)
