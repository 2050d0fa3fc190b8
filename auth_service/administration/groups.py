"""Changes the members of local groups, with a log line for each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from auth_service.access.groups import Groups, editable
from auth_service.administration.actors import Actor
from auth_service.protocol.access_document import person_name


@dataclass(frozen=True)
class GroupAdministration:
    """The operations on groups. Each is safe to repeat."""

    groups: Groups

    @staticmethod
    def name(member: str) -> str:
        """Return the canonical name of a member.

        Raises:
            ValueError: it is not a name of a person.
        """
        return person_name(member)

    async def add(self, actor: Actor, group: str, member: str) -> None:
        """Add a member; nothing changes if they are in the group already.

        Raises:
            ValueError: a name is not valid, or the group is full.
        """
        name = await self.groups.add(group, member)
        actor.audit("group member added", group=group, member=name)

    async def remove(self, actor: Actor, group: str, member: str) -> bool:
        """Remove a member; return whether they were in the group.

        Raises:
            ValueError: a name is not valid.
        """
        removed = await self.groups.remove(group, member)
        if removed:
            actor.audit("group member removed", group=group, member=person_name(member))
        return removed

    async def replace(
        self, actor: Actor, group: str, before: Collection[str], members: Collection[str]
    ) -> None:
        """Make `members` the members, of a group that had those `before`; those whom others add stay.

        Raises:
            ValueError: a name is not valid, or the group is full.
        """
        editable(group)
        wanted = {person_name(member) for member in members}  # all of them, before anything is changed
        for name in sorted(set(before) - wanted):
            await self.remove(actor, group, name)
        for name in sorted(wanted - set(before)):
            await self.add(actor, group, name)
