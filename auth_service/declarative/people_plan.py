"""Plans changes of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from auth_service.declarative.logins_plan import plan_logins
from auth_service.declarative.model import DeclaredPerson, PersonChange, Section, State
from auth_service.users.repository import User

_SHOWN = ("name", "email", "admin", "disabled", "accepts_links", "provider_username")
_DEFAULTS: dict[str, object] = {
    "name": "",
    "email": "",
    "admin": False,
    "disabled": False,
    "accepts_links": True,
    "provider_username": "",
}
NO_PASSWORD = "no password: `doorward users reset` makes a link that sets one"  # noqa: S105 -- not a password


def plan_people(section: Section[DeclaredPerson], state: State, problems: list[str]) -> list[PersonChange]:
    """Return the changes; removals come first, so that what they free can be used."""
    users = state.people
    removed = {key for key in users if section.prune and key not in section.entries}
    kept = {key: user for key, user in users.items() if key not in removed}
    changes = [
        PersonChange(action="remove", name=users[key].username, account=users[key], person=None)
        for key in sorted(removed)
    ]
    for key, person in section.entries.items():
        conflicts = list(_conflicts(key, person, kept))
        problems.extend(f"people.entries.{person.username}: {conflict}" for conflict in conflicts)
        missing, details, wrong = plan_logins(person, users.get(key), state, kept=kept)
        problems.extend(f"people.entries.{person.username}: {problem}" for problem in wrong)
        change = _changed(users[key], missing, details) if key in users else _added(missing, details)
        if change is not None and not conflicts:
            changes.append(change)
    _require_administrator(users, changes, problems)
    return changes


def _conflicts(key: str, person: DeclaredPerson, users: Mapping[str, User]) -> Iterator[str]:
    user = users.get(key)
    if user and person.subject and person.subject != user.subject:
        yield f"the account has the subject {user.subject}, which never changes"
    for other_key, other in users.items():
        if other_key == key:
            continue
        if person.subject == other.subject:
            yield f"{other.username} has this subject; `doorward users rename` changes a username"
        if person.email and person.email == other.email:
            yield f"{other.username} has this e-mail address"


def _added(person: DeclaredPerson, logins: tuple[str, ...]) -> PersonChange:
    details = tuple(
        f"{name}: {_text(value)}"
        for name in ("subject", *_SHOWN)
        if (value := getattr(person, name)) not in (None, _DEFAULTS.get(name))
    )
    return PersonChange(
        action="add",
        name=person.username,
        account=None,
        person=person,
        details=(*details, *logins, *(() if person.password_hash or logins else (NO_PASSWORD,))),
    )


def _changed(user: User, person: DeclaredPerson, logins: tuple[str, ...]) -> PersonChange | None:
    before = {name: getattr(user, name) or _DEFAULTS[name] for name in _SHOWN} | {
        "accepts_links": user.accepts_links
    }
    after: dict[str, Any] = {
        name: value
        for name in _SHOWN
        if (value := getattr(person, name)) is not None and value != before[name]
    }
    details = [f"{name}: {_text(before[name])} -> {_text(value)}" for name, value in after.items()]
    if person.password_hash not in (None, user.password_hash):
        after["password_hash"] = person.password_hash
        details.append("password: changed; sessions and connections end")
    if not after and not logins:
        return None
    after |= {"identities": person.identities, "factors": person.factors}
    return PersonChange(
        action="change",
        name=user.username,
        account=user,
        person=replace(DeclaredPerson(username=user.username), **after),
        details=(*details, *logins),
    )


def _require_administrator(
    users: Mapping[str, User], changes: list[PersonChange], problems: list[str]
) -> None:
    """Refuse a plan after which nobody could use the console."""
    before = {user.subject for user in users.values() if user.admin and not user.disabled}
    after = set(before)
    for change in changes:
        admin, disabled = _standing(change)
        if admin and not disabled:
            after.add(change.account.subject if change.account else change.name)
        elif change.account is not None:
            after.discard(change.account.subject)
    if before and not after:
        problems.append("people: no administrator would remain who can log in")


def _standing(change: PersonChange) -> tuple[bool, bool]:
    """Return whether the person is an administrator, and disabled, after the change."""
    user, person = change.account, change.person
    if person is None:
        return False, True
    admin = person.admin if person.admin is not None else bool(user and user.admin)
    disabled = person.disabled if person.disabled is not None else bool(user and user.disabled)
    return admin, disabled


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or "none"
