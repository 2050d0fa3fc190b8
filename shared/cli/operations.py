"""Commands that change something, as events of the journal."""

from __future__ import annotations

import asyncio
import sys

from shared.cli.master_keys import available_key_ring
from shared.cli.operator import operator
from shared.cli.store import open_store_and_clock

_GROUPS = frozenset({"users", "clients", "groups", "access", "keys"})
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
    key_ring = available_key_ring()
    if key_ring is None:
        return
    from auth_service.journal.keys import signing_key
    from auth_service.journal.writer import JournalWriter
    from shared.journal.event import EventKind

    async with open_store_and_clock() as (store, clock):
        journal = JournalWriter(store, signing_key(key_ring), clock)
        await journal.record(
            EventKind.ADMINISTRATION,
            action=_command(),
            operator=operator(),
            via="command",
            about=about or None,
        )
        await journal.checkpoint()


def _command() -> str:
    """Return the running command without its arguments, such as `users disable`."""
    words = sys.argv[1:3]
    return " ".join(words if words and words[0] in _GROUPS else words[:1])
