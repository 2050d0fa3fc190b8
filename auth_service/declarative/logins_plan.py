"""Plans which identities and second factors people get (ID-12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from auth_service.declarative.model import DeclaredPerson, State
from auth_service.federation.identities import Identity, Origin
from auth_service.protocol.factors import Factors
from auth_service.users.repository import User


def plan_logins(
    person: DeclaredPerson, user: User | None, state: State, *, kept: Mapping[str, User]
) -> tuple[DeclaredPerson, tuple[str, ...], list[str]]:
    """Return the person with only what the account lacks, a line for each part of it, and the problems.

    Second factors are never replaced: those in the file may be older, and codes would count again.

    Args:
        kept: the accounts that remain.
    """
    owners = {each.identity_id: user for user in kept.values() for each in _of(state, user)}
    is_admin = person.admin if person.admin is not None else bool(user and user.admin)
    # An administrator never keeps an identity that was connected by its address alone (ID-2).
    identities = tuple(
        each
        for each in person.identities
        if each.identity_id not in owners and not (is_admin and each.origin == Origin.EMAIL)
    )
    others = [each for each in person.identities if owners.get(each.identity_id, user) != user]
    factors = person.factors if not (user and state.factors.get(user.subject, Factors()).count) else None
    problems = [f"{_named(each)} is connected to {owners[each.identity_id].username}" for each in others]
    if factors is not None and factors.app and not _opens(state, person, user, factors):
        problems.append("the authenticator app is encrypted for another subject, or under other master keys")
    details = [f"identity: {_named(each)}" for each in identities]
    if factors is not None and factors.count:
        details.append(f"second factors: {factors.count}")
    needed = factors if factors is not None and factors.count else None
    return replace(person, identities=identities, factors=needed), tuple(details), problems


def _of(state: State, user: User) -> tuple[Identity, ...]:
    return state.identities.get(user.subject, ())


def _opens(state: State, person: DeclaredPerson, user: User | None, factors: Factors) -> bool:
    subject = user.subject if user else person.subject
    return bool(factors.app and subject and state.sealed.opens_app(subject, factors.app.sealed))


def _named(identity: Identity) -> str:
    return f"{identity.name or identity.provider_subject} at {identity.provider_id}"
