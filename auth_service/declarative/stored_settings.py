"""The settings that a file has declared, in the store; their secrets encrypted (DESIGN D18)."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.declarative.setting_kinds import KINDS
from auth_service.storage import keys
from shared import base64url
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

_ONLY = "declared settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSetting:
    """A declared setting, as it is stored.

    Attributes:
        section: its section in the file.
        configuration: see `SettingKind.canonical`.
        sealed: the encrypted secret; None if there is none.
        secret_from: where `apply` read the secret: `env:NAME` or `file:PATH`.
    """

    section: str
    entry_id: str
    configuration: dict[str, Any] = field(default_factory=dict)
    sealed: str | None = None
    secret_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettings:
    """All declared settings: one document, so that a service reads them at once."""

    entries: tuple[StoredSetting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSetting:
    """A declared setting with its secret.

    Attributes:
        secret: None if there is none, or if it cannot be decrypted.
        has_secret: whether there is one.
    """

    configuration: Mapping[str, Any]
    secret: str | None = field(default=None, repr=False)
    secret_from: str | None = None
    has_secret: bool = False


class DeclaredSettings:
    """The declared settings in the store.

    Args:
        key_ring: encrypts and decrypts the secrets; None for a command without the master keys.
    """

    def __init__(self, store: Store, key_ring: KeyRing | None) -> None:
        self._store = store
        self._key_ring = key_ring
        self._documents = Collection(
            store, lambda _: keys.declared_settings(), JsonCodec(StoredSettings), lambda _: None
        )

    @property
    def can_seal(self) -> bool:
        """Whether secrets can be stored."""
        return self._key_ring is not None

    async def stored(self) -> bytes | None:
        """Return the document as it is stored, to notice changes."""
        return await self._store.get(keys.declared_settings())

    async def all(self) -> dict[str, dict[str, DeclaredSetting]]:
        """Return the settings by section and id."""
        document = await self._documents.get(_ONLY) or StoredSettings()
        return {
            section: {
                entry.entry_id: self._declared(entry)
                for entry in document.entries
                if entry.section == section
            }
            for section in KINDS
        }

    async def put(
        self, section: str, entry_id: str, *, before: DeclaredSetting | None, after: DeclaredSetting | None
    ) -> bool:
        """Replace a setting; return False, without a change, if it is no longer what it was `before`.

        Args:
            after: None to remove the setting.
        """
        entry = None if after is None else self._sealed(section, entry_id, after)

        def rule(document: StoredSettings) -> tuple[StoredSettings | None, bool]:
            others = tuple(e for e in document.entries if (e.section, e.entry_id) != (section, entry_id))
            [*stored] = (e for e in document.entries if e not in others)
            if (self._declared(stored[0]) if stored else None) != before:
                return None, False
            return StoredSettings(entries=(*others, *([entry] if entry else []))), True

        await self._documents.create(_ONLY, StoredSettings())
        return bool(await self._documents.update(_ONLY, rule))

    async def seal_again(self) -> None:
        """Encrypt the secrets under the newest master key, so that older ones can be removed."""

        def rule(document: StoredSettings) -> tuple[StoredSettings | None, None]:
            entries = tuple(map(self._newest, document.entries))
            return (None if entries == document.entries else StoredSettings(entries=entries)), None

        await self._documents.update(_ONLY, rule)

    def _newest(self, entry: StoredSetting) -> StoredSetting:
        secret = self._opened(entry)
        if self._key_ring is None or entry.sealed is None or secret is None:
            return entry
        if self._key_ring.is_newest(base64url.decode(entry.sealed)):
            return entry
        return replace(entry, sealed=self._seal(entry.section, entry.entry_id, secret))

    def _declared(self, entry: StoredSetting) -> DeclaredSetting:
        return DeclaredSetting(
            configuration=entry.configuration,
            secret=self._opened(entry),
            secret_from=entry.secret_from,
            has_secret=entry.sealed is not None,
        )

    def _sealed(self, section: str, entry_id: str, setting: DeclaredSetting) -> StoredSetting:
        sealed = None if setting.secret is None else self._seal(section, entry_id, setting.secret)
        return StoredSetting(
            section=section,
            entry_id=entry_id,
            configuration=dict(setting.configuration),
            sealed=sealed,
            secret_from=setting.secret_from,
        )

    def _seal(self, section: str, entry_id: str, secret: str) -> str:
        if self._key_ring is None:
            raise ValueError("a secret can only be stored with the master keys")
        return base64url.encode(self._key_ring.seal(_purpose(section, entry_id), secret.encode()))

    def _opened(self, entry: StoredSetting) -> str | None:
        if self._key_ring is None or entry.sealed is None:
            return None
        try:
            purpose = _purpose(entry.section, entry.entry_id)
            return self._key_ring.open(purpose, base64url.decode(entry.sealed)).decode()
        except (SealBrokenError, binascii.Error, ValueError):
            return None


def _purpose(section: str, entry_id: str) -> str:
    # The secret of one entry does not open as that of another.
    return f"{_ONLY} {section} {entry_id}"
