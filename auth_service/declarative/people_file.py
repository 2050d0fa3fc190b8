"""The section `people` of the file."""

from __future__ import annotations

import re

from auth_service.crypto.passwords import is_password_hash
from auth_service.declarative.logins_file import read_factors, read_identities
from auth_service.declarative.model import DeclaredPerson
from auth_service.declarative.reading import Reader
from auth_service.protocol.email_addresses import normalized
from auth_service.protocol.usernames import canonical
from shared.plain_yaml import Place

KEYS = (
    "subject",
    "name",
    "email",
    "admin",
    "disabled",
    "accepts_links",
    "provider_username",
    "password_hash",
    "identities",
    "second_factors",
)
LONGEST = 1_000
SUBJECT = re.compile(r"[A-Za-z0-9_-]{16,64}")


def read_people(reader: Reader, entries: object, place: Place) -> dict[str, DeclaredPerson]:
    """Return the people by canonical username."""
    people: dict[str, DeclaredPerson] = {}
    for username, members in reader.mapping(entries, place).items():
        here = (*place, username)
        try:
            key = canonical(username)
        except ValueError as error:
            reader.refuse(here, str(error))
            continue
        if key in people:
            reader.refuse(here, f"this is the same username as {people[key].username}")
        people[key] = _person(reader, username.strip(), members, here)
    _refuse_repetition(reader, people, place)
    return people


def _person(reader: Reader, username: str, value: object, place: Place) -> DeclaredPerson:
    members = reader.mapping(value, place, KEYS)

    def text(key: str) -> str | None:
        return reader.text(members[key], (*place, key), longest=LONGEST) if key in members else None

    def boolean(key: str) -> bool | None:
        return reader.boolean(members[key], (*place, key)) if key in members else None

    subject, email, password_hash = text("subject"), text("email"), text("password_hash")
    if subject is not None and not SUBJECT.fullmatch(subject):
        reader.refuse((*place, "subject"), "a subject has 16 to 64 letters, digits, hyphens and underscores")
    if email and normalized(email) is None:
        reader.refuse((*place, "email"), "the e-mail address must be plain ASCII")
    if password_hash is not None and not is_password_hash(password_hash):
        reader.refuse(
            (*place, "password_hash"), "this is not a hash by argon2id or bcrypt whose cost is accepted"
        )
    return DeclaredPerson(
        username=username,
        subject=subject,
        name=text("name"),
        email=(normalized(email) or "") if email is not None else None,
        admin=boolean("admin"),
        disabled=boolean("disabled"),
        accepts_links=boolean("accepts_links"),
        provider_username=text("provider_username"),
        password_hash=password_hash,
        identities=read_identities(reader, members.get("identities", []), (*place, "identities")),
        factors=read_factors(reader, members["second_factors"], (*place, "second_factors"))
        if "second_factors" in members
        else None,
    )


def _refuse_repetition(reader: Reader, people: dict[str, DeclaredPerson], place: Place) -> None:
    owners: dict[tuple[str, str], str] = {}
    for person in people.values():
        identities = [("identities", f"{each.issuer} {each.provider_subject}") for each in person.identities]
        for key, value in (("subject", person.subject), ("email", person.email), *identities):
            if value and owners.setdefault((key, value), person.username) != person.username:
                reader.refuse((*place, person.username, key), f"{owners[key, value]} has the same {key}")
