"""Entries written to another store: from a backup, or from a store that is moved."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from auth_service.backup.backup_file import Progress
from auth_service.storage import keys
from shared.storage.compression import compress, expand
from shared.storage.entries import READ_AT_ONCE, Entry, StoredDocument
from shared.storage.interface import Store
from shared.storage.key_spec import PREFIX
from shared.storage.revocation_log import disabled_entry

_MAY_BE_DISABLED = (f"{PREFIX}client:", f"{PREFIX}user:")
Report = Callable[[Progress], None]


class TargetNotEmptyError(Exception):
    """The store has entries already, and not from an interrupted restore."""


@dataclass(frozen=True)
class Restoration:
    """Decides which entries are written.

    Attributes:
        revoked: keys of documents that were revoked since.
        now_ms: what expired before is left out.
        written: the entries written.
        left_out: the number of revoked documents that were found, and left out.
    """

    revoked: Collection[str]
    now_ms: int
    written: Progress = field(default_factory=Progress)
    left_out: Progress = field(default_factory=Progress)

    def wanted(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return and count the entries to write."""
        wanted = []
        for entry in entries:
            if isinstance(entry, StoredDocument):
                if entry.key == keys.restoration() or _expired(entry, self.now_ms):
                    continue
                if entry.key in self.revoked:
                    self.left_out.add(entry)
                    continue
                entry = self._disabled_since(entry)
            self.written.add(entry)
            wanted.append(entry)
        return wanted

    def _disabled_since(self, document: StoredDocument) -> StoredDocument:
        """Return the account or client with the state that it has had since."""
        if not self.revoked or not document.key.startswith(_MAY_BE_DISABLED):
            return document
        members = json.loads(expand(document.value))
        key = keys.subject(members["subject"]) if "subject" in members else document.key
        if disabled_entry(key) not in self.revoked:
            return document
        value = json.dumps({**members, "disabled": True}, ensure_ascii=False).encode()
        is_compressed = expand(document.value) is not document.value
        return replace(document, value=compress(value) if is_compressed else value)


async def prepare_target(store: Store, *, replace: bool) -> None:
    """Empty the store, and mark it as incomplete until `complete`.

    Args:
        replace: whether entries in the store are deleted. Those of an interrupted restore always are.

    Raises:
        TargetNotEmptyError: it has entries, and `replace` is False.
    """
    await check_target(store, replace=replace)
    entries = store.entries()
    if not await entries.is_empty():
        # Marked before it is emptied: an interruption must not leave a store that looks whole.
        await entries.write([_MARK])
        await entries.clear()
    await entries.write([_MARK])


async def check_target(store: Store, *, replace: bool) -> None:
    """Raise TargetNotEmptyError if the store has entries that may not be replaced."""
    if replace or await is_incomplete(store) or await store.entries().is_empty():
        return
    raise TargetNotEmptyError


async def is_incomplete(store: Store) -> bool:
    """Whether a restore into the store was interrupted, or is under way."""
    return await store.get(keys.restoration()) is not None


async def write_entries(store: Store, entries: Iterable[Entry], what: Restoration, report: Report) -> None:
    """Write entries to a prepared store, in batches."""
    target, remaining = store.entries(), iter(entries)
    while batch := list(islice(remaining, READ_AT_ONCE)):
        await target.write(what.wanted(batch))
        report(what.written)


async def copy_entries(
    store: Store, batches: AsyncIterator[Sequence[Entry]], what: Restoration, report: Report
) -> None:
    """Write the entries of another store to a prepared store."""
    target = store.entries()
    async for batch in batches:
        await target.write(what.wanted(batch))
        report(what.written)


async def complete(store: Store) -> None:
    """Declare the store whole."""
    await store.delete(keys.restoration())


def _expired(document: StoredDocument, now_ms: int) -> bool:
    return document.expires_at_ms is not None and document.expires_at_ms <= now_ms


_MARK = StoredDocument(keys.restoration(), b"", None)
