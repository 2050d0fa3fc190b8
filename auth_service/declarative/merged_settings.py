"""The settings of the environment with those that a file has declared; the environment wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_service.declarative.setting_kinds import KINDS, SettingKind
from auth_service.declarative.stored_settings import DeclaredSetting
from auth_service.settings import AuthSettings
from shared.logs import get_logger

_log = get_logger(__name__)


def merged(settings: AuthSettings, declared: Mapping[str, Mapping[str, DeclaredSetting]]) -> AuthSettings:
    """Return the settings with every declared one that fits; log the others.

    One that does not fit must not keep the service from its start: it is left out.
    """
    for section, entries in declared.items():
        for entry_id, entry in sorted(entries.items()):
            try:
                settings = _with(settings, KINDS[section], entry_id, entry)
            except ValueError as error:
                _log.warning(
                    "declared setting not used", section=section, name=entry_id, reason=_reason(error)
                )
    return settings


def _with(settings: AuthSettings, kind: SettingKind, entry_id: str, entry: DeclaredSetting) -> AuthSettings:
    present: tuple[Any, ...] = getattr(settings, kind.section)
    if any(setting.id == entry_id for setting in present):
        raise ValueError("the environment has a setting with this id, which wins")
    if entry.has_secret and entry.secret is None:
        raise ValueError("its secret cannot be decrypted: apply the file again")
    added = kind.build(entry_id, entry.configuration, entry.secret)
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return type(settings)(**{**values, kind.section: (*present, added)})


def _reason(error: ValueError) -> str:
    """Return what is wrong, without the values, among which is the secret."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    return "; ".join(problem["msg"] for problem in errors(include_input=False, include_url=False))
