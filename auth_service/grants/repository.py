"""The grants in the store: opened, changed by the pure rules, revoked.

Every change goes through `GrantRepository.change`, which announces that a grant ends or loses scopes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from auth_service.events.known_revocations import KnownRevocations
from auth_service.events.publisher import RevocationPublisher
from auth_service.grants.grant_change import GrantChange, GrantNotices, Prepare, Rule
from auth_service.journal import grant_events
from auth_service.journal.journal import NO_JOURNAL, Journal, recorded_beside
from auth_service.protocol import grant as rules
from auth_service.protocol.access import Joined
from auth_service.protocol.grant import Grant
from auth_service.protocol.joined_grants import is_exchangeable_for
from auth_service.protocol.narrowed_grants import within_parent
from auth_service.storage import keys
from shared.clock import Clock
from shared.logs import get_logger
from shared.storage.documents import READ_AT_ONCE, Collection, Read
from shared.storage.interface import NotReplicatedError, Store, StoreFullError, StoreUnavailableError
from shared.storage.json_codec import JsonCodec
from shared.storage.readings import LaterReading, Reading, read_afterwards
from shared.storage.steps import AddMember, Step
from shared.uris import resource_key

_log = get_logger(__name__)

R = TypeVar("R")

PUT_BACK_PAUSE_S = 1.0
"""How long to wait before the next attempt while the store does not accept the revocations."""

DECODED_GRANTS = 2_048
"""The number of decoded grants that a process caches by their stored bytes: about 6 MB."""

WRITTEN_GRANTS = 256
"""The number of grants that are kept as they were written: most often, the next request is about them."""


class GrantRepository:
    """Stores one document for each grant, indexed by subject and by client.

    A grant that the store has, but whose revocation is known here, is revoked again: the store forgot it.

    Args:
        known_revocations: the revocations that this process remembers.
        journal: records what is decided about grants.
        joined: maps resources that join mounts, by `resource_key`, to these mounts.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        known_revocations: KnownRevocations | None = None,
        journal: Journal = NO_JOURNAL,
        *,
        joined: Mapping[str, Joined] = MappingProxyType({}),
    ) -> None:
        self._known_revocations = KnownRevocations(clock) if known_revocations is None else known_revocations
        self._store = store
        self._clock = clock
        self._journal = journal
        self._joined = joined
        self._publisher = RevocationPublisher(store, clock)
        self._notices = GrantNotices(store=store, publisher=self._publisher, journal=journal, clock=clock)
        self._grants = Collection(
            store,
            keys.grant,
            JsonCodec(Grant, compressed=True, remembered=DECODED_GRANTS, just_written=WRITTEN_GRANTS),
            self._remaining,
        )

    def _remaining(self, grant: Grant) -> int:
        return grant.kept_until - int(self._clock())

    async def open(self, grant: Grant, *afterwards: Reading[Any]) -> tuple[Any, ...]:
        """Store and index a new grant; return what `afterwards` reads once that is done.

        The caller must check user, client and session afterwards, not before. The grant is indexed after it
        exists, so that an index entry without a grant can always be removed.
        """
        kind, members = grant_events.opening(grant)
        listed_s = max(1, grant.expires_at - int(self._clock()))
        steps: list[Step] = [
            self._grants.creation(grant.grant_id, grant),
            *(AddMember(index, grant.grant_id, listed_s) for index in _indexes(grant)),
        ]
        recording = self._journal.begin(kind, **members)
        return await recorded_beside(recording, read_afterwards(self._store, steps, *afterwards))

    async def get(self, grant_id: str) -> Grant | None:
        """Return the grant with that id, if it is still stored."""
        grant = await self._grants.get(grant_id)
        return grant and await self._unless_forgotten(grant)

    async def read(self, grant_id: str) -> Read[Grant] | None:
        """Return the grant with that id, to be changed afterwards."""
        read = await self._grants.read(grant_id)
        return read and Read(await self._unless_forgotten(read.document), read.value)

    def read_with(self, grant_id: str, other_key: str) -> Awaitable[list[bytes | None]]:
        """Read the grant with that id, for `decoded`, and another key, in one exchange; as `get_many`."""
        return self._store.get_many([keys.grant(grant_id), other_key])

    async def to_change(self, value: bytes | None) -> Read[Grant] | None:
        """Decode a stored grant to be changed afterwards, as `read`."""
        return None if value is None else Read(await self.current(value), value)

    def decoded(self, value: bytes) -> Grant:
        """Decode a stored grant, which may be revoked nevertheless (`is_known_revoked`)."""
        return self._grants.codec.decode(value)

    def is_known_revoked(self, grant_id: str) -> bool:
        """Check whether this process knows of a revocation, which the store may have forgotten."""
        return self._known_revocations.of(grant_id) is not None

    async def current(self, value: bytes) -> Grant:
        """Decode a stored grant; revoked, if the store has forgotten that."""
        return await self._unless_forgotten(self.decoded(value))

    async def put_back_revocations(self, within_s: float = float("inf")) -> None:
        """Repeat the revocations that the store has forgotten, of those of the last seconds.

        Goes on until the store has accepted all of them.
        """
        grant_ids = [each.grant_id for each in self._known_revocations.since(self._clock() - within_s)]
        while grant_ids:
            try:
                for start in range(0, len(grant_ids), READ_AT_ONCE):
                    for grant in await self._grants.get_many(grant_ids[start : start + READ_AT_ONCE]):
                        await self._unless_forgotten(grant, must=True)
                return
            except StoreUnavailableError:
                await asyncio.sleep(PUT_BACK_PAUSE_S)

    async def _unless_forgotten(self, grant: Grant, *, must: bool = False) -> Grant:
        """Return the grant, revoked if the store has forgotten that."""
        current = self._as_known(grant)
        if current is not grant:
            _log.warning("the store had forgotten a revocation; it is made again", grant_id=grant.grant_id)
            try:
                await self.change(grant.grant_id, lambda _: (None, None))
            except StoreUnavailableError:
                if must:
                    raise
        return current

    def _as_known(self, grant: Grant) -> Grant:
        revocation = self._known_revocations.of(grant.grant_id)
        if revocation is None or grant.state == "revoked":
            return grant
        return rules.revoked(grant, revocation.reason)

    async def change(
        self,
        grant_id: str,
        rule: Rule[R],
        *,
        was: Read[Grant] | None = None,
        may_be_lost: bool = False,
        prepare: Prepare | None = None,
        later: LaterReading[Any] | None = None,
    ) -> R | None:
        """Apply a pure rule atomically; return None if the grant does not exist.

        Args:
            was, may_be_lost, later: as in `Collection.update`.
            prepare: awaited with an active grant before each attempt to write it; if it raises, nothing is
                written.

        A decision is recorded before the write (JR-2). A revocation, or the loss of scopes, is announced
        before the write, because this process may die in between, and once more afterwards, for receivers
        that begin to listen, or introspect a token, in between.

        Raises:
            StoreUnavailableError: also if the revocation cannot be announced; nothing is written then.
        """
        change = GrantChange(rule, self._notices, as_known=self._as_known, prepare=prepare)
        try:
            result = await self._grants.update(
                grant_id,
                change.decide,
                before=change.before_write,
                was=was,
                may_be_lost=may_be_lost,
                later=later,
            )
        except NotReplicatedError:
            self._remember(change.revoked)
            if change.loses_scopes:
                await self._publisher.changed(grant_id)
            raise
        except StoreFullError:
            # A removal needs no room, and a deleted grant is refused like a revoked one.
            if change.revoked is None:
                raise
            await self._grants.delete(grant_id)
            result = change.results[-1]
        if (revoked := change.revoked) is not None:
            self._remember(revoked)
            await self._publisher.revoked(revoked, written=True)
            await self._unlist(revoked)
        elif change.loses_scopes:
            await self._publisher.changed(grant_id)
        return result

    def _remember(self, revoked: Grant | None) -> None:
        if revoked is not None:
            self._known_revocations.add(revoked.grant_id, revoked.revocation_reason or "", revoked.kept_until)

    async def _unlist(self, grant: Grant) -> None:
        try:
            for index in _indexes(grant):
                await self._store.index_remove(index, grant.grant_id)
            await self._store.delete(keys.tool_calls(grant.grant_id))
        except StoreUnavailableError as error:
            # The grant has ended, and the next listing removes the index entry.
            _log.info("revoked grant not removed from the index", grant_id=grant.grant_id, reason=str(error))

    async def revoke(self, grant_id: str, reason: str = "it was revoked") -> bool:
        """Revoke a grant; return whether it was still active."""
        return bool(await self.change(grant_id, lambda grant: rules.revoke(grant, reason)))

    async def of_subject(self, subject: str, most: int | None = None) -> list[Grant]:
        """Return the active grants of `subject`, oldest first.

        Args:
            most: the maximum number of grants to return.
        """
        return await self._live(keys.subject_grants(subject), most)

    async def of_client(self, client_id: str, most: int | None = None) -> list[Grant]:
        """Return the active grants of the client; as `of_subject`."""
        return await self._live(keys.client_grants(client_id), most)

    async def within_parents(self, grant: Grant) -> Grant | None:
        """Return the grant with what those that it was derived from (RFC 8693) still have; None without."""
        line = [grant]
        for ancestor_id in grant.parent_grants:
            ancestor = await self.get(ancestor_id)
            if ancestor is None or ancestor.state != "active":
                return None
            line.append(ancestor)
        # From the first one on: what a grant lost, or its end, also holds for all that were derived from it.
        above = [line.pop()]
        while line:
            derived = within_parent(line.pop(), above[-1])
            if derived is None:
                return None
            if not all(self._may_be_of(derived, ancestor) for ancestor in above):
                return None
            above.append(derived)
        return above[-1]

    def _may_be_of(self, grant: Grant, parent: Grant) -> bool:
        if grant.resource is None or parent.resource is None:
            return True
        joined = self._joined.get(resource_key(parent.resource), {})
        return is_exchangeable_for(parent.scopes, grant.resource, joined)

    async def _live(self, index: str, most: int | None) -> list[Grant]:
        ids, grants = await self._store.index_list(index), list[Grant]()
        for start in range(0, len(ids), READ_AT_ONCE):
            listed = ids[start : start + READ_AT_ONCE]
            standing = await self._standing(listed)
            await self._sweep(index, set(listed) - {grant.grant_id for grant in standing})
            grants += [grant for grant in standing if grant.state == "active"]
            if most is not None and len(grants) >= most:
                break
        return sorted(grants, key=lambda grant: (grant.created_at, grant.grant_id))[:most]

    async def _standing(self, grant_ids: list[str]) -> list[Grant]:
        now = int(self._clock())
        stored = map(self._as_known, await self._grants.get_many(grant_ids))
        kept = [await self.within_parents(grant) for grant in stored if not grant.ended(now)]
        return [grant for grant in kept if grant is not None]

    async def _sweep(self, index: str, grant_ids: set[str]) -> None:
        # The expiry of a grant writes nothing, so its entry is removed when a listing finds it.
        for grant_id in grant_ids:
            await self._store.index_remove(index, grant_id)

    async def revoke_of_subject(
        self, subject: str, reason: str = "the user was disabled", *, but_session: str | None = None
    ) -> None:
        """Revoke all grants of `subject`, except those given in the session `but_session`."""
        await self._revoke_listed(keys.subject_grants(subject), reason, but_session)

    async def revoke_of_client(self, client_id: str, reason: str = "the client was deleted") -> None:
        """Revoke all grants of the client."""
        await self._revoke_listed(keys.client_grants(client_id), reason)

    async def _revoke_listed(self, index: str, reason: str, but_session: str | None = None) -> None:
        def rule(grant: Grant) -> tuple[Grant | None, bool]:
            return rules.revoke_unless_given_in(grant, but_session, reason)

        for grant_id in await self._store.index_list(index):
            if await self.change(grant_id, rule) is None:
                await self._store.index_remove(index, grant_id)


def _indexes(grant: Grant) -> list[str]:
    of_client = keys.client_grants(grant.client_id)
    return [of_client, keys.subject_grants(grant.subject)] if grant.subject else [of_client]
