"""Plans changes of declared settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from auth_service.declarative.model import Section, SettingChange, SettingEntry, State
from auth_service.declarative.setting_kinds import SettingKind
from auth_service.declarative.stored_settings import DeclaredSetting


def plan_settings(
    kind: SettingKind, section: Section[SettingEntry], state: State, problems: list[str]
) -> list[SettingChange]:
    """Return the changes; removals come first, so that what they free can be used."""
    current = state.settings.get(kind.section, {})
    removed = {entry_id for entry_id in current if section.prune and entry_id not in section.entries}
    changes = [
        SettingChange(section=kind.section, action="remove", name=entry_id, before=current[entry_id])
        for entry_id in sorted(removed)
    ]
    settings = {entry_id: setting for entry_id, setting in current.items() if entry_id not in removed}
    for entry_id, entry in section.entries.items():
        before = current.get(entry_id)
        settings[entry_id] = after = _after(entry, before)
        place = f"{kind.section}.entries.{entry_id}"
        if kind.secret_required and not after.has_secret:
            problems.append(f"{place}: add {kind.secret}: env:NAME or {kind.secret}: file:PATH")
        elif entry.secret and not state.can_seal:
            problems.append(f"{place}: DOORWARD_MASTER_KEYS is needed, to encrypt the secret")
        elif not after.has_secret and (problem := _problem_without_secret(kind, entry_id, after)):
            problems.append(f"{place}: {problem}")
        elif after != before:
            changes.append(_change(kind, entry_id, before, after))
    problems.extend(_shared_urls(kind, settings))
    return changes


def _problem_without_secret(kind: SettingKind, entry_id: str, setting: DeclaredSetting) -> str | None:
    try:
        kind.build(entry_id, setting.configuration, None)
    except ValidationError as error:
        return error.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, ")
    return None


def _after(entry: SettingEntry, before: DeclaredSetting | None) -> DeclaredSetting:
    if entry.secret is None and before is not None:
        return DeclaredSetting(
            configuration=entry.configuration,
            secret=before.secret,
            secret_from=before.secret_from,
            has_secret=before.has_secret,
        )
    return DeclaredSetting(
        configuration=entry.configuration,
        secret=entry.secret or None,
        secret_from=entry.secret_from,
        has_secret=bool(entry.secret),
    )


def _change(
    kind: SettingKind, entry_id: str, before: DeclaredSetting | None, after: DeclaredSetting
) -> SettingChange:
    return SettingChange(
        section=kind.section,
        action="change" if before else "add",
        name=entry_id,
        details=tuple(_details(kind, before, after)),
        before=before,
        after=after,
    )


def _details(kind: SettingKind, before: DeclaredSetting | None, after: DeclaredSetting) -> Iterator[str]:
    old = before.configuration if before else {}
    for name in dict.fromkeys((*old, *after.configuration)):
        was, becomes = old.get(name), after.configuration.get(name)
        if was != becomes:
            yield f"{name}: {_text(was)} -> {_text(becomes)}" if before else f"{name}: {_text(becomes)}"
    if before and (before.secret, before.has_secret) != (after.secret, after.has_secret):
        yield f"{kind.secret}: {'changed' if after.has_secret else 'removed'}"
    if (before.secret_from if before else None) != after.secret_from:
        yield f"{kind.secret}: from {after.secret_from or 'nowhere'}"


def _text(value: object) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shared_urls(kind: SettingKind, settings: Mapping[str, DeclaredSetting]) -> Iterator[str]:
    """Yield what no service would use: two entries for one issuer or one resource."""
    owners: dict[str, str] = {}
    for entry_id, setting in settings.items():
        for url in kind.urls(setting.configuration):
            if url in owners:
                yield f"{kind.section}: {owners[url]} and {entry_id} are both for {url}"
            owners[url] = entry_id
