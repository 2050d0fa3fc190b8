"""Whether the operator's policy requires a second factor for a request."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.interaction import Login
from auth_service.protocol.second_factor import SecondFactorPolicy
from auth_service.users.repository import UserRepository


@dataclass(frozen=True)
class RequiredSecondFactors:
    """The policy, applied to a request and the person who is logged in."""

    policy: SecondFactorPolicy
    users: UserRepository

    async def of(self, request: AuthorizationRequest, login: Login | None) -> bool:
        """Whether the request needs a second factor, because of its scopes, its resource or the person."""
        if self.policy.is_required_for(request.resource, request.scopes):
            return True
        return login is not None and await self.of_subject(login.subject)

    async def of_subject(self, subject: str) -> bool:
        """Whether every login of a person needs one."""
        if self.policy.people != "administrators":
            return self.policy.is_required_of(admin=False)
        user = await self.users.by_subject(subject)
        return user is not None and self.policy.is_required_of(admin=user.admin)
