"""Settings are read from the environment without examining the fields that are not set there.

pydantic-settings examines the annotations of all fields of a service, for each server in
the process of the tests and for each forked one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

Patch = Callable[[object, str, object], None]

_resolved = EnvSettingsSource._get_resolved_field_value  # noqa: SLF001 -- what examines a field
_prepared = EnvSettingsSource.prepare_field_value


def examine_set_fields_only(patch: Patch) -> None:
    """Leave the other fields alone, with the same result.

    Args:
        patch: sets an attribute of an object.
    """
    patch(EnvSettingsSource, "_get_resolved_field_value", _resolved_if_set)
    patch(EnvSettingsSource, "prepare_field_value", _prepared_if_set)


def _resolved_if_set(source: EnvSettingsSource, field: FieldInfo, name: str) -> tuple[Any, str, bool]:
    return _resolved(source, field, name) if _may_be_set(source, field, name) else (None, name, False)


def _prepared_if_set(
    source: EnvSettingsSource, name: str, field: FieldInfo, value: object, value_is_complex: bool
) -> object:
    if not _may_be_set(source, field, name):
        return None
    return _prepared(source, name, field, value, value_is_complex)


def _may_be_set(source: EnvSettingsSource, field: FieldInfo, name: str) -> bool:
    has_other_names = field.validation_alias or source.env_nested_delimiter or source.case_sensitive
    return bool(has_other_names) or f"{source.env_prefix}{name}".lower() in source.env_vars
