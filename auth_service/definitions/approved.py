"""The definitions that administrators have approved, in one document that changes as a whole (GW-4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from auth_service.events.publisher import RevocationPublisher
from auth_service.storage import keys
from shared.clock import Clock
from shared.pinned_definitions import MAX_APPROVED, Approvals, ApprovedDefinition, HeldDefinition, identity
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

_ID = "approved"


class TooManyApprovalsError(ValueError):
    """No more definitions can be approved. The message is a sentence for the administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRecord:
    """An approved definition, with who approved it.

    Attributes:
        base: the digest of what the resource server had pinned by itself; None if nothing of this name.
        digest: of what is approved.
        by: the administrator or client.
        at: seconds since 1970.
    """

    resource: str
    definition: str
    name: str
    digest: str
    by: str
    at: int
    base: str | None = None

    @property
    def identity(self) -> str:
        """The same as of the held definition."""
        return identity(self.definition, self.name, self.base, self.digest)

    @property
    def approved(self) -> ApprovedDefinition:
        """The approval, for the resource server."""
        return ApprovedDefinition(self.definition, self.name, self.base, self.digest)


@dataclass(frozen=True, slots=True)
class ApprovalList:
    """All approvals, oldest first.

    Attributes:
        version: another one after each change.
    """

    records: tuple[ApprovalRecord, ...] = ()
    version: str = ""


Change = Callable[[tuple[ApprovalRecord, ...]], tuple[ApprovalRecord, ...]]


class ApprovedDefinitions:
    """Approves and withdraws; resource servers learn of it at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        # Read with every answer of the revocation feed: decoded only when it has changed.
        codec = JsonCodec(ApprovalList, remembered=2)
        self._lists = Collection(store, lambda _: keys.approved_definitions(), codec, lambda _: None)
        self._publisher = RevocationPublisher(store, clock)
        self._clock = clock

    async def all(self) -> tuple[ApprovalRecord, ...]:
        """Return all approvals, oldest first."""
        return (await self._list()).records

    async def version(self) -> str:
        """Return the version of the approvals; empty if there never were any."""
        return (await self._list()).version

    async def of(self, resource: str) -> Approvals:
        """Return what is approved for a resource, and the version."""
        stored = await self._list()
        approved = (each.approved for each in stored.records if each.resource == resource)
        return Approvals(stored.version, tuple(approved))

    async def approve(self, resource: str, held: HeldDefinition, *, by: str) -> ApprovalRecord:
        """Approve a definition, in place of what was approved of its name before.

        Raises:
            TooManyApprovalsError: there are too many.
        """
        record = ApprovalRecord(
            resource=resource,
            definition=held.definition,
            name=held.name,
            base=held.base,
            digest=held.digest,
            by=by,
            at=int(self._clock()),
        )

        def change(records: tuple[ApprovalRecord, ...]) -> tuple[ApprovalRecord, ...]:
            others = [each for each in records if not _is_of(each, resource, held)]
            if len(others) >= MAX_APPROVED:
                raise TooManyApprovalsError(
                    f"there are {MAX_APPROVED} approvals: put some into lock files, and withdraw them here"
                )
            return (*others, record)

        await self._change(change)
        return record

    async def withdraw(self, resource: str, approval: str) -> ApprovalRecord | None:
        """Withdraw an approval by its identity; return it, None if there is none."""
        records = await self.all()
        wanted = next((each for each in records if _is_named(each, resource, approval)), None)

        def change(records: tuple[ApprovalRecord, ...]) -> tuple[ApprovalRecord, ...]:
            return tuple(each for each in records if not _is_named(each, resource, approval))

        if wanted is not None:
            await self._change(change)
        await self._publisher.heartbeat()  # also without a change: its process may have died before this
        return wanted

    async def _list(self) -> ApprovalList:
        return await self._lists.get(_ID) or ApprovalList()

    async def _change(self, change: Change) -> None:
        await self._lists.create(_ID, ApprovalList())
        version = secrets.token_urlsafe(12)

        def rule(stored: ApprovalList) -> tuple[ApprovalList, bool]:
            return ApprovalList(tuple(change(stored.records)), version), True

        await self._lists.update(_ID, rule)
        await self._publisher.heartbeat()


def names_of(records: Iterable[ApprovalRecord]) -> frozenset[tuple[str, str]]:
    """Return resource and identity of each approval."""
    return frozenset((each.resource, each.identity) for each in records)


def _is_of(record: ApprovalRecord, resource: str, held: HeldDefinition) -> bool:
    named = (record.resource, record.definition, record.name)
    return named == (resource, held.definition, held.name)


def _is_named(record: ApprovalRecord, resource: str, approval: str) -> bool:
    return (record.resource, record.identity) == (resource, approval)
