"""Commands that change something, as events of the journal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.cli.master_keys import available_key_ring
from shared.cli.operator import operator
from shared.cli.store import clock_of, open_store_and_clock

if TYPE_CHECKING:
    from auth_service.crypto.keyring import KeyRing
    from shared.clock import Clock
    from shared.storage.interface import Store

_GROUPS = frozenset({"users", "clients", "groups", "access", "keys", "upgrade"})
"""Commands whose second word names the operation."""


def record_command(**about: object) -> None:
    """Record that the running command is about to change something; see `command_recorded`."""
    asyncio.run(command_recorded(**about))


async def command_recorded(**about: object) -> None:
    """Record that the running command is about to change something, and sign the event.

    Without the master keys, which only sign the journal for most commands, nothing is recorded.

    Args:
        about: ids of what it changes; no names of people.

    Raises:
        CommandError: the store does not respond, so nothing must be changed.
    """
    await commands_recorded([about])


async def commands_recorded(changes: Sequence[Mapping[str, object]]) -> None:
    """Record several changes of the running command, one event each; see `command_recorded`."""
    key_ring = available_key_ring()
    if key_ring is None:
        return
    async with open_store_and_clock() as (store, clock):
        await _record(store, clock, key_ring, changes)


def record_commands(changes: Sequence[Mapping[str, object]]) -> None:
    """Record several changes of the running command, one event each; see `command_recorded`."""
    asyncio.run(commands_recorded(changes))


async def recorded_in(store: Store, **about: object) -> None:
    """Record the running command in a store that it has opened; see `command_recorded`.

    Raises:
        StoreUnavailableError: the store does not accept the event.
    """
    key_ring = available_key_ring()
    if key_ring is not None:
        await _record(store, await clock_of(store), key_ring, [about])


async def _record(
    store: Store, clock: Clock, key_ring: KeyRing, changes: Sequence[Mapping[str, object]]
) -> None:
    from auth_service.journal.keys import signing_key
    from auth_service.journal.writer import JournalWriter
    from shared.journal.event import EventKind

    journal = JournalWriter(store, signing_key(key_ring), clock)
    command: dict[str, object] = {"action": _command(), "operator": operator(), "via": "command"}
    await asyncio.gather(
        *(journal.record(EventKind.ADMINISTRATION, **command, about=dict(about) or None) for about in changes)
    )
    await journal.checkpoint()


def _command() -> str:
    """Return the running command without its arguments, such as `users disable`."""
    words = sys.argv[1:3]
    return " ".join(words if words and words[0] in _GROUPS else words[:1])
