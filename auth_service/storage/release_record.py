"""The releases that have used the store, and the oldest one to which the way back is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from auth_service.storage import keys
from shared.compatibility import BEFORE_RECORDS, DOCUMENTS, FORMS, STORE_FORMAT, Form
from shared.storage.documents import Collection, Decision
from shared.storage.entries import Entry, StoredDocument
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec, version_of
from shared.version import VERSION

_ONLY = ""


class OlderThanConfirmedError(Exception):
    """This release is older than the one to which the operator has confirmed the upgrade."""


@dataclass(frozen=True)
class StoredForm:
    """A `shared.compatibility.Form`, as it is stored."""

    name: str
    writes: int
    reads_from: int
    reads_to: int


@dataclass(frozen=True)
class ReleaseRecord:
    """The newest release that has used the store.

    Attributes:
        release: its version.
        store_format: the format that it writes.
        confirmed: the oldest store format whose releases may still use the store.
        forms: what it writes and reads.
    """

    release: str
    store_format: int
    confirmed: int
    forms: tuple[StoredForm, ...]

    @property
    def readable_forms(self) -> tuple[Form, ...]:
        """The forms for `shared.compatibility.obstacles`."""
        return tuple(Form(**vars(form)) for form in self.forms)


class Releases:
    """The record of releases in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records = Collection(store, lambda _: keys.release(), JsonCodec(ReleaseRecord), lambda _: None)

    async def current(self) -> ReleaseRecord | None:
        """Return the record; None if no release that writes one has used the store."""
        return await self._records.get(_ONLY)

    async def record(self) -> None:
        """Record that this release uses the store from now on.

        Raises:
            OlderThanConfirmedError: it must not.
        """
        record = await self.current()
        if record is None:
            await self._records.create(_ONLY, _of_this_release(_format_before_records()))
            return
        if record.confirmed > STORE_FORMAT:
            raise OlderThanConfirmedError(
                f"the upgrade to {record.release} was confirmed: the store has format {record.confirmed}, and"
                f" {VERSION} writes format {STORE_FORMAT}. Start that release or newer, or restore a backup"
            )
        if record != (newer := _of_this_release(record.confirmed)) and record.store_format <= STORE_FORMAT:
            await self._records.update(_ONLY, lambda _: Decision(newer, None))

    async def confirm(self) -> None:
        """Close the way back to releases with an earlier store format."""
        await self.record()
        await self._records.update(_ONLY, lambda _: Decision(_of_this_release(STORE_FORMAT), None))

    async def newest_document_version(self) -> int:
        """Return the highest version of a document in the store, of those that are not sealed."""
        return max([1, *[version async for version in self._document_versions()]])

    async def _document_versions(self) -> AsyncIterator[int]:
        async for batch in self._store.entries().read():
            for entry in batch:
                if version := _version(entry):
                    yield version


def forms_of(record: ReleaseRecord | None) -> tuple[Form, ...]:
    """Return the forms of the release that uses the store."""
    return BEFORE_RECORDS if record is None else record.readable_forms


def newest_readable_version() -> int:
    """Return the highest version of a document that this release reads."""
    return next(form.reads_to for form in FORMS if form.name == DOCUMENTS)


def _version(entry: Entry) -> int | None:
    return version_of(entry.value) if isinstance(entry, StoredDocument) else None


def _format_before_records() -> int:
    return next(form.writes for form in BEFORE_RECORDS if form.name == "store")


def _of_this_release(confirmed: int) -> ReleaseRecord:
    return ReleaseRecord(VERSION, STORE_FORMAT, confirmed, tuple(StoredForm(**vars(form)) for form in FORMS))
