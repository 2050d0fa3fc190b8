"""Looks up the claims about the person who gave a grant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from auth_service.grants.permissions import Permissions
from auth_service.protocol.id_token import Person
from auth_service.protocol.resources import GROUPS
from auth_service.users.repository import UserRepository
from shared.replacing import replace


@dataclass(frozen=True)
class PersonClaims:
    """The claims about people for ID tokens and UserInfo."""

    users: UserRepository
    permissions: Permissions

    async def of(self, subject: str, scopes: Collection[str]) -> Person | None:
        """Return the claims about a person, with groups only if `scopes` need them; None if unknown."""
        user = await self.users.by_subject(subject)
        if user is None or GROUPS not in scopes:
            return user.person if user else None
        return replace(user.person, groups=await self.permissions.groups_of(subject))
