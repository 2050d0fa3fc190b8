"""The stop switch in the hands of administrators: what they stop and resume, with who did it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from auth_service.administration.actors import Actor
from auth_service.crypto.secrets import digest
from auth_service.stops.records import StopRecord
from auth_service.stops.switch import InvalidStopError, StopSwitch, check_stop
from auth_service.users.repository import UserRepository
from shared.stops import Stop, StopKind

_MEMBERS = {
    StopKind.TOOL: "tool",
    StopKind.MOUNT: "mount",
    StopKind.CLIENT: "client_id",
    StopKind.SOFTWARE: "software",
    StopKind.PERSON: "user_subject",
}
"""The member of a log line that names what is stopped."""


@dataclass(frozen=True, slots=True)
class ListedStop:
    """A stop as administrators see it.

    Attributes:
        username: of the stopped person; None for other stops, and if the account is gone.
    """

    record: StopRecord
    username: str | None

    @property
    def stop_id(self) -> str:
        """A name for use in URLs and forms: that of its kind, name and resource."""
        return stop_id(self.record.stop)


@dataclass(frozen=True, kw_only=True)
class StopAdministration:
    """Stops and resumes for an actor. Each operation is safe to repeat."""

    switch: StopSwitch
    users: UserRepository

    async def listed(self) -> list[ListedStop]:
        """Return all stops, newest first."""
        records = await self.switch.records.all()
        return [ListedStop(record, await self._username(record)) for record in reversed(records)]

    async def stop(self, actor: Actor, stop: Stop) -> ListedStop:
        """Stop something at every resource server, within a second.

        Args:
            stop: a person in it is named by the subject.

        Raises:
            InvalidStopError: a name is not valid, there is no such account, or there are too many stops.
        """
        check_stop(stop)
        if stop.kind is StopKind.PERSON and await self.users.by_subject(stop.name) is None:
            raise InvalidStopError("there is no such account")
        actor.audit("stopped", **_about(stop))
        await self.switch.stop(stop, by=actor.name)
        records = await self.switch.records.all()
        record = next(each for each in records if each.concerns(stop))
        return ListedStop(record, await self._username(record))

    async def stop_person(self, actor: Actor, username: str, reason: str) -> ListedStop:
        """Stop the person with a username.

        Raises:
            InvalidStopError: there is no such account.
        """
        user = await self.users.get(username)
        if user is None:
            raise InvalidStopError("there is no such account")
        return await self.stop(actor, Stop(kind=StopKind.PERSON, name=user.subject, reason=reason))

    async def resume(self, actor: Actor, wanted: str) -> bool:
        """End the stop with an id; return whether there was one."""
        stop = next(
            (each.stop for each in await self.switch.records.all() if stop_id(each.stop) == wanted), None
        )
        if stop is None:
            await self.switch.announce()  # the process that ended it may have died before this
            return False
        actor.audit("resumed", **_about(stop))
        return await self.switch.resume(stop)

    async def _username(self, record: StopRecord) -> str | None:
        if record.kind != StopKind.PERSON:
            return None
        user = await self.users.by_subject(record.name)
        return user.username if user else None


def stop_id(stop: Stop) -> str:
    """Return the name of a stop, whatever its reason."""
    return digest(json.dumps([stop.kind.value, stop.name, stop.resource]))


def _about(stop: Stop) -> dict[str, str]:
    where = {} if stop.resource is None else {"resource": stop.resource}
    return {_MEMBERS[stop.kind]: stop.name, **where}
