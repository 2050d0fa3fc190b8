"""The sections `resource_servers` and `identity_providers` of the file."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from auth_service.declarative.model import SettingEntry
from auth_service.declarative.reading import Reader, ReadSecret
from auth_service.declarative.setting_kinds import SettingKind
from shared.plain_yaml import Place


def read_settings(
    reader: Reader, kind: SettingKind, entries: object, *, read_secret: ReadSecret
) -> dict[str, SettingEntry]:
    """Return the settings of a section by id."""
    place: Place = (kind.section, "entries")
    return {
        entry_id: _entry(reader, kind, entry_id, value, read_secret=read_secret)
        for entry_id, value in reader.mapping(entries, place).items()
    }


def _entry(
    reader: Reader, kind: SettingKind, entry_id: str, value: object, *, read_secret: ReadSecret
) -> SettingEntry:
    here = (kind.section, "entries", entry_id)
    members = reader.mapping(value, here, kind.keys)
    reference = members.pop(kind.secret, None)
    secret, problem = _secret(reference, read_secret)
    if problem:
        reader.refuse((*here, kind.secret), problem)
    configuration: dict[str, Any] = {}
    try:
        # Whether an omitted secret exists is known when the file is compared with the store.
        configuration = kind.canonical(entry_id, members, has_secret=reference != "")
        if secret:
            kind.build(entry_id, configuration, secret)
    except ValidationError as error:
        for wrong in error.errors(include_input=False, include_url=False):
            reader.refuse((*here, *wrong["loc"]), wrong["msg"].removeprefix("Value error, "))
    except ValueError as error:
        reader.refuse(here, str(error))
    secret_from = reference if isinstance(reference, str) and reference else None
    return SettingEntry(configuration=configuration, secret=secret, secret_from=secret_from)


def _secret(reference: object, read_secret: ReadSecret) -> tuple[str | None, str | None]:
    """Return the secret, and what is wrong with the reference."""
    if reference is None or reference == "":
        return reference, None
    # The value is never repeated in a message: somebody may have written the secret itself.
    if not isinstance(reference, str) or not reference.startswith(("env:", "file:")):
        return None, "write env:NAME or file:PATH, not the secret itself"
    try:
        return read_secret(reference) or None, None
    except ValueError as error:
        return None, str(error)
