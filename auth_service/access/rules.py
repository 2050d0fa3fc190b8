"""The access rules in the store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from auth_service.access.announcements import AccessChangePublisher
from auth_service.protocol.access import Access
from auth_service.protocol.access_document import (
    MAX_BYTES,
    InvalidAccessError,
    access_document,
    parse_access,
)
from auth_service.protocol.access_rules import rule_ids
from auth_service.storage import keys
from shared.clock import Clock
from shared.logs import get_logger
from shared.storage.documents import Collection as Documents
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

_log = get_logger(__name__)
_ID = "access"
_TOO_LARGE = f"the access rules are larger than {MAX_BYTES} bytes"


class AccessChangedError(Exception):
    """Somebody else has changed the rules in the meantime."""


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """The rules as they are stored.

    Attributes:
        version: counts the changes.
        changed_at: seconds since 1970.
        declared: the ids of the rules that `doorward apply` has set (see `AccessRule.rule_id`).
    """

    version: int
    document: dict[str, Any]
    changed_at: int = 0
    declared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CurrentAccess:
    """The rules in force.

    Attributes:
        access: None without rules, so that everything is open to everybody.
        version: 0 if the rules are not stored, but follow from the settings.
        declared: the ids of the rules that `doorward apply` has set.
    """

    access: Access | None
    version: int = 0
    declared: frozenset[str] = frozenset()

    def source_of(self, rule_id: str) -> Literal["settings", "file", "store"]:
        """Return where a rule comes from: the settings, a file that was applied, or neither."""
        if not self.version:
            return "settings"
        return "file" if rule_id in self.declared else "store"


def _understood(document: dict[str, Any]) -> Access:
    try:
        return parse_access(document)
    except InvalidAccessError as error:
        _log.error("the access rules are invalid: nobody has access", reason=str(error))
        return Access()


class AccessRules:
    """Loads and saves the rules.

    Args:
        default: the rules while none are stored; None for no restriction.
    """

    def __init__(
        self, store: Store, changes: AccessChangePublisher, clock: Clock, default: Access | None = None
    ) -> None:
        # Read with every introspection: decoded only when they have changed.
        self._codec = JsonCodec(AccessRecord, remembered=2)
        self._records = Documents(store, lambda _: keys.access(), self._codec, lambda _: None)
        self._changes = changes
        self._clock = clock
        self._default = default
        self._parsed: tuple[AccessRecord, CurrentAccess] | None = None

    @property
    def key(self) -> str:
        """The key of the rules in the store."""
        return keys.access()

    async def load(self) -> CurrentAccess:
        """Return the rules in force. They are read each time; only the parsed form is kept.

        Rules that a later release wrote and this one does not understand grant nothing.
        """
        return self.current(await self._records.store.get(self.key))

    def current(self, value: bytes | None) -> CurrentAccess:
        """Return the rules that the store has under `key`."""
        record = None if value is None else self._codec.decode(value)
        if record is None:
            return CurrentAccess(self._default)
        if self._parsed is None or self._parsed[0] is not record:
            access = _understood(record.document)
            self._parsed = record, CurrentAccess(access, record.version, frozenset(record.declared))
        return self._parsed[1]

    async def save(self, access: Access, version: int, *, declared: Collection[str] = ()) -> CurrentAccess:
        """Replace the rules; resource servers are notified at once.

        Args:
            version: the version of the rules that the caller has loaded.
            declared: the ids of the rules that a file has set; ids of other rules are dropped.

        Raises:
            AccessChangedError: the stored rules have another version.
            InvalidAccessError: the rules are too large to be stored.
        """
        kept = tuple(sorted(set(declared).intersection(rule_ids(access)))) if declared else ()
        record = AccessRecord(version + 1, access_document(access), int(self._clock()), kept)
        if len(self._codec.encode(replace(record, declared=()))) > MAX_BYTES:
            raise InvalidAccessError(_TOO_LARGE)
        # Before the write, because this process may die after it; and after it, because resource servers that
        # ask in between get an answer by the old rules.
        await self._changes.everybody()
        if not await self._written(record):
            raise AccessChangedError
        await self._changes.everybody()
        return CurrentAccess(access, record.version, frozenset(kept))

    async def _written(self, record: AccessRecord) -> bool:
        def rule(stored: AccessRecord) -> tuple[AccessRecord | None, bool]:
            return (record, True) if stored.version == record.version - 1 else (None, False)

        if record.version == 1:
            return await self._records.create(_ID, record)
        return bool(await self._records.update(_ID, rule))
