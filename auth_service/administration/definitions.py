"""Held definitions in the hands of administrators: they approve what they were shown, with who did it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from auth_service.administration.actors import Actor
from auth_service.definitions.approved import ApprovalRecord, ApprovedDefinitions, names_of
from auth_service.definitions.reported import PinnedRecord, ReportedDefinitions
from auth_service.protocol.resources import ResourceRegistry
from shared.journal.redaction import text_of
from shared.pinned_definitions import MAX_NAME, HeldDefinition


class ChangedSinceError(Exception):
    """The definition is not held any longer: the server has changed it, or an approval was withdrawn."""


class TooLongToShowError(ValueError):
    """The definition cannot be approved here. The message is a sentence for the administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedResource:
    """The definitions of the MCP server at one resource.

    Attributes:
        reported_at: seconds since 1970; None if nothing was reported in the last hour.
        approved: by administrators.
    """

    resource: str
    reported_at: int | None
    pinned: tuple[PinnedRecord, ...]
    held: tuple[HeldDefinition, ...]
    approved: tuple[ApprovalRecord, ...]


@dataclass(frozen=True, kw_only=True)
class DefinitionAdministration:
    """Approves and withdraws for an actor. Each operation is safe to repeat."""

    reported: ReportedDefinitions
    approvals: ApprovedDefinitions
    resource_registry: ResourceRegistry

    async def listed(self) -> Sequence[PinnedResource]:
        """Return all resources of this server, in the order of its settings."""
        resources = [each.resource for each in self.resource_registry.resources]
        return await asyncio.gather(*map(self._resource, resources))

    async def of(self, resource: str) -> PinnedResource | None:
        """Return one resource; None if it is not one of this server."""
        registered = self.resource_registry.by_identifier(resource)
        return None if registered is None else await self._resource(registered.resource)

    async def approve(self, actor: Actor, resource: str, wanted: Sequence[str]) -> None:
        """Approve held definitions, each of which is named by its contents.

        Raises:
            ChangedSinceError: one of them is not held any longer. Then none is approved.
            TooLongToShowError: one was not shown. Then none is approved.
            TooManyApprovalsError: there are too many approvals.
        """
        current = await self.of(resource)
        held = {} if current is None else {each.identity: each for each in current.held}
        approved = names_of(() if current is None else current.approved)
        chosen = [held.get(each) for each in wanted if (resource, each) not in approved]
        if None in chosen:
            raise ChangedSinceError
        for each in filter(None, chosen):
            if each.changes is None:
                raise TooLongToShowError("the definition is too long to show: use doorward tools approve")
        for each in filter(None, chosen):
            actor.audit("definition approved", **_about(resource, each))
            await self.approvals.approve(resource, each, by=actor.name)

    async def withdraw(self, actor: Actor, resource: str, approval: str) -> bool:
        """Withdraw an approval; return whether there was one."""
        record = await self.approvals.withdraw(resource, approval)
        if record is not None:
            actor.audit("approval of a definition withdrawn", **_about(resource, record))
        return record is not None

    async def _resource(self, resource: str) -> PinnedResource:
        reported, records = await asyncio.gather(self.reported.get(resource), self.approvals.all())
        approved = tuple(each for each in records if each.resource == resource)
        names = names_of(approved)
        held = () if reported is None else (each.held for each in reported.held)
        return PinnedResource(
            resource=resource,
            reported_at=None if reported is None else reported.at,
            pinned=() if reported is None else reported.pinned,
            # Until the process that holds it has heard of the approval.
            held=tuple(each for each in held if (resource, each.identity) not in names),
            approved=approved,
        )


def _about(resource: str, each: HeldDefinition | ApprovalRecord) -> dict[str, str]:
    """Return the members of the event; strangers choose names, so that those are cut and masked."""
    name = f"{each.definition}/{text_of(each.name, MAX_NAME)}" if each.name else each.definition
    return {"resource": resource, "definition": name, "digest": each.digest}
