"""Pins that all processes of a service share: the first list that any of them has pinned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from resource_service.pins.definitions import Pins
from resource_service.pins.lock_file import LockFileError, lock_text, parse_lock
from shared.logs import get_logger
from shared.storage import StoreUnavailableError

RENEW_EVERY_S = 120.0
"""How often a value is proposed again, so that processes that start later agree with it, too."""
MAX_BYTES = 4_194_304
"""The largest list in the store; each process keeps a larger one to itself."""

Agree = Callable[[str, str, bytes], Awaitable[bytes]]
"""Proposes the value for a member of a resource; returns the first that any process has proposed."""

_log = get_logger(__name__)


@dataclass(slots=True)
class _Proposal:
    """A list that this process has pinned first.

    Attributes:
        due_at: when it is proposed next, in monotonic seconds.
    """

    first: bytes
    due_at: float = float("-inf")


class SharedPins:
    """The pins that one process proposes to the others.

    Args:
        resource: the URL of the resource.
        monotonic: a monotonic clock in seconds.
    """

    def __init__(self, resource: str, agree: Agree, monotonic: Callable[[], float]) -> None:
        self._resource = resource
        self._agree = agree
        self._now = monotonic
        self._proposals: dict[str, _Proposal] = {}
        self._warned = False

    def propose(self, member: str, first: Pins) -> None:
        """Note what this process has pinned first, for `with_agreed`.

        Args:
            member: the kind, as the lock file names it.
            first: contains nothing else.
        """
        value = lock_text(first).encode()
        if len(value) > MAX_BYTES:
            _log.warning("a list is too large to agree on", resource=self._resource, kind=member)
            return
        self._proposals[member] = _Proposal(value)

    def end(self, pins: Pins) -> None:
        """Stop proposing what the lock file decides from now on."""
        members = {kind.member for kind in pins.approved}
        for member in members | ({"instructions"} if pins.instructions is not None else set()):
            self._proposals.pop(member, None)

    async def with_agreed(self, pins: Pins) -> Pins:
        """Return `pins` with what the first process has pinned in place of what this one has."""
        for member, proposal in list(self._proposals.items()):
            if proposal.due_at > self._now():
                continue
            try:
                proposal.first = await self._agree(self._resource, member, proposal.first)
                agreed = parse_lock(proposal.first)
            except (StoreUnavailableError, LockFileError) as error:
                self._warn(str(error))
                continue
            proposal.due_at, self._warned = self._now() + RENEW_EVERY_S, False
            pins = agreed.joined(pins)
        return pins

    def _warn(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "processes cannot agree on what is pinned first", resource=self._resource, reason=reason
            )
