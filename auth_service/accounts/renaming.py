"""Gives an account another username, also in its sessions and grants."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.access.announcements import AccessChangePublisher
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant
from auth_service.users.renaming import UserRenames
from auth_service.users.repository import User


@dataclass(frozen=True, kw_only=True)
class AccountRenames:
    """Renames accounts. Subject, grants, sessions, consents and identities stay."""

    users: UserRenames
    grants: GrantRepository
    changes: AccessChangePublisher

    async def rename(self, old: str, new: str) -> User:
        """Rename an account; MCP servers get the new username at once.

        Raises:
            NoSuchUserError: the account does not exist.
            UserExistsError: the new username is taken.
            ValueError: the new username is not valid.
        """
        user = await self.users.rename(old, new)

        def rule(grant: Grant) -> tuple[Grant | None, None]:
            return replace(grant, username=user.username), None

        # Otherwise a server that identifies people by username would confuse them with its next owner.
        for grant in await self.grants.of_subject(user.subject):
            await self.grants.change(grant.grant_id, rule)
        # Their cached answers have the old username, and access rules may name the person by either.
        await self.changes.subject(user.subject)
        return user
