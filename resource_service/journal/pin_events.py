"""Records what happens to the pins of one resource."""

from __future__ import annotations

from resource_service.journal.call_journal import CallJournal
from resource_service.pins.events import Members, Note
from shared.journal.event import EventKind, encoded_members


def pin_events(journal: CallJournal, resource: str, mount: str) -> Note:
    """Return how events about the pins of `resource` are recorded.

    Args:
        mount: its path in this service.
    """

    def note(kind: EventKind, members: Members) -> None:
        if journal.is_recording:
            journal.note(kind, encoded_members({"resource": resource, "mount": mount, **members}))

    return note
