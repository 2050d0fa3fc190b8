"""Local groups. Members are names as in the access rules, so a member need not have an account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from auth_service.access.announcements import AccessChangePublisher
from auth_service.protocol.access import ADMINISTRATORS
from auth_service.protocol.access_document import group_name, person_name
from auth_service.storage import keys
from shared.storage.interface import Store
from shared.texts import Text

MAX_GROUPS = 1_000
MAX_MEMBERS = 10_000
MAX_GROUPS_OF_MEMBER = 200


class Groups:
    """The local groups in the store, listed by group and by member."""

    def __init__(self, store: Store, changes: AccessChangePublisher) -> None:
        self._store = store
        self._changes = changes

    async def names(self) -> list[str]:
        """Return the names of all groups that have members."""
        return await self._store.index_list(keys.groups())

    async def members(self, group: str) -> list[str]:
        """Return the members of a group; empty if the group does not exist."""
        return await self._store.index_list(keys.group_members(group))

    async def of(self, names: Iterable[str]) -> frozenset[str]:
        """Return the groups of a person who has these names."""
        listed = await asyncio.gather(
            *(self._store.index_list(keys.member_groups(name)) for name in sorted(names))
        )
        return frozenset(group for groups in listed for group in groups)

    async def add(self, group: str, member: str) -> str:
        """Add a member to a group, which is created with its first member; return the member's name.

        Raises:
            ValueError: a name is not valid, or the group is full.
        """
        group, name = editable(group), person_name(member)
        if not await self._store.index_add_within(keys.groups(), group, ttl_s=None, limit=MAX_GROUPS):
            raise ValueError(Text("the maximum of %(count)s groups is reached", count=MAX_GROUPS))
        members, groups = keys.group_members(group), keys.member_groups(name)
        if not await self._store.index_add_within(members, name, ttl_s=None, limit=MAX_MEMBERS):
            raise ValueError(
                Text("%(group)s has the maximum of %(count)s members", group=group, count=MAX_MEMBERS)
            )
        # Last, because this index decides. A failure leaves a member who is listed, but holds nothing.
        if not await self._store.index_add_within(groups, group, ttl_s=None, limit=MAX_GROUPS_OF_MEMBER):
            await self._store.index_remove(members, name)
            raise ValueError(
                Text("%(name)s is in the maximum of %(count)s groups", name=name, count=MAX_GROUPS_OF_MEMBER)
            )
        await self._changes.person(name)
        return name

    async def remove(self, group: str, member: str) -> bool:
        """Remove a member from a group; return whether they were in it. Takes effect within a second.

        Raises:
            ValueError: a name is not valid.
        """
        group, name = editable(group), person_name(member)
        was_in = name in await self.members(group)
        # Announced before the write as well, because this process may die after the write.
        await self._changes.person(name)
        await self._store.index_remove(keys.member_groups(name), group)
        await self._store.index_remove(keys.group_members(group), name)
        if not await self.members(group):
            await self._store.index_remove(keys.groups(), group)
        await self._changes.person(name)
        return was_in


def editable(group: str) -> str:
    """Return the canonical name of a group whose members can be changed.

    Raises:
        ValueError: it is not the name of a group, or its members are not stored here.
    """
    if group == ADMINISTRATORS:
        raise ValueError(
            Text("the group %(group)s cannot be edited; use `doorward users promote`", group=ADMINISTRATORS)
        )
    return group_name(group)
