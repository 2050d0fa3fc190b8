"""Parses the file. Every problem is reported at once, with its line and place.

::

    people:
      entries:
        ada: {email: ada@example.com, admin: true}
    groups:
      prune: true
      entries:
        ops: [ada, eve@example.com]
    access:
      groups:
        ops: {https://mcp.example.com/mcp: "*"}
    clients:
      entries:
        nightly: {grant_types: [client_credentials], secret: env:NIGHTLY_SECRET}
    resource_servers:
      entries:
        notes: {secret: env:NOTES, resources: [{resource: https://mcp.example.com/mcp, name: Notes}]}
    identity_providers:
      entries:
        corp: {issuer: https://id.example.com, client_id: doorward, allow: {domains: [example.com]}}
"""

from __future__ import annotations

from auth_service.access.groups import MAX_MEMBERS, editable
from auth_service.declarative.clients_file import read_clients
from auth_service.declarative.model import (
    SECTIONS,
    DeclaredClient,
    DeclaredPerson,
    Document,
    InvalidDocumentError,
    Section,
    SettingEntry,
)
from auth_service.declarative.people_file import read_people
from auth_service.declarative.reading import Reader, ReadSecret
from auth_service.declarative.setting_kinds import KINDS, SettingKind
from auth_service.declarative.settings_file import read_settings
from auth_service.protocol.access import Access
from auth_service.protocol.access_document import KEYS as ACCESS_KEYS
from auth_service.protocol.access_document import InvalidAccessError, parse_access, person_name
from shared.plain_yaml import Place, PlainYamlError, read_with_lines

MAX_BYTES = 16_777_216
"""The largest file that is read."""


def parse_document(content: bytes, read_secret: ReadSecret) -> Document:
    """Parse the file.

    Raises:
        InvalidDocumentError: it is not valid.
    """
    if len(content) > MAX_BYTES:
        raise InvalidDocumentError(f"the file is larger than {MAX_BYTES} bytes")
    try:
        value, lines = read_with_lines(content)
    except PlainYamlError as error:
        raise InvalidDocumentError(str(error)) from error
    reader = Reader(lines)
    document = _document(reader, value, read_secret)
    if reader.problems:
        raise InvalidDocumentError(*reader.problems)
    return document


def _document(reader: Reader, value: object, read_secret: ReadSecret) -> Document:
    sections = reader.mapping(value, (), SECTIONS)
    people, groups, access, clients = (sections.get(name) for name in SECTIONS[:4])
    return Document(
        people=None if people is None else _people(reader, people),
        groups=None if groups is None else _groups(reader, groups),
        access=None if access is None else _access(reader, access),
        clients=None if clients is None else _clients(reader, clients, read_secret),
        settings={
            name: _settings(reader, sections[name], kind, read_secret)
            for name, kind in KINDS.items()
            if name in sections
        },
        pairwise_key=_pairwise_key(reader, sections["pairwise_subjects"])
        if "pairwise_subjects" in sections
        else None,
    )


def _pairwise_key(reader: Reader, value: object) -> str | None:
    place = ("pairwise_subjects", "sealed_key")
    members = reader.mapping(value, place[:1], place[1:])
    return reader.text(members.get("sealed_key"), place)


def _entries(reader: Reader, value: object, name: str) -> tuple[object, Place, bool]:
    members = reader.mapping(value, (name,), ("prune", "entries"))
    if isinstance(value, dict) and "entries" not in value:
        reader.refuse((name,), "the key entries is missing")
    return members.get("entries", {}), (name, "entries"), _prune(reader, members, name)


def _prune(reader: Reader, members: dict[str, object], name: str) -> bool:
    return reader.boolean(members.get("prune", "false"), (name, "prune")) or False


def _people(reader: Reader, value: object) -> Section[DeclaredPerson]:
    entries, place, prune = _entries(reader, value, "people")
    return Section(read_people(reader, entries, place), prune)


def _clients(reader: Reader, value: object, read_secret: ReadSecret) -> Section[DeclaredClient]:
    entries, place, prune = _entries(reader, value, "clients")
    return Section(read_clients(reader, entries, place, read_secret), prune)


def _settings(
    reader: Reader, value: object, kind: SettingKind, read_secret: ReadSecret
) -> Section[SettingEntry]:
    entries, _, prune = _entries(reader, value, kind.section)
    return Section(read_settings(reader, kind, entries, read_secret=read_secret), prune)


def _groups(reader: Reader, value: object) -> Section[frozenset[str]]:
    entries, place, prune = _entries(reader, value, "groups")
    groups: dict[str, frozenset[str]] = {}
    for group, members in reader.mapping(entries, place).items():
        try:
            groups[editable(group)] = _members(reader, members, (*place, group))
        except ValueError as error:
            reader.refuse((*place, group), str(error))
    return Section(groups, prune)


def _members(reader: Reader, value: object, place: Place) -> frozenset[str]:
    names = set[str]()
    for index, member in enumerate(reader.items(value, place, most=MAX_MEMBERS)):
        text = reader.text(member, (*place, index))
        if text is None:
            continue
        try:
            names.add(person_name(text))
        except ValueError as error:
            reader.refuse((*place, index), str(error))
    return frozenset(names)


def _access(reader: Reader, value: object) -> Section[Access]:
    members = reader.mapping(value, ("access",), ("prune", *ACCESS_KEYS))
    prune = _prune(reader, members, "access")
    try:
        rules = parse_access({key: member for key, member in members.items() if key != "prune"})
    except InvalidAccessError as error:
        for problem in error.problems:
            reader.refuse(("access",), problem)
        rules = Access()
    return Section({"rules": rules}, prune)
