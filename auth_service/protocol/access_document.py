"""The access rules as people write them, parsed strictly: a rule that is not understood grants nothing.

::

    contact: it@example.com
    groups:
      ops:
        https://mcp.example.com/mcp: "*"
    people:
      ada@example.com:
        https://mcp.example.com/mcp: [notes:read]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from auth_service.protocol.access import ALL, Access, is_username
from auth_service.protocol.email_addresses import normalized
from auth_service.protocol.usernames import canonical
from shared.scopes import SCOPE_TOKEN
from shared.texts import Text, message_of
from shared.uris import resource_key

KEYS = ("contact", "groups", "people")
MAX_ENTRIES = 2_000
"""The maximum number of groups and people together."""

MAX_RESOURCES = 100
MAX_SCOPES = 100
MAX_TEXT = 255
MAX_BYTES = 131_072
"""The maximum size of the stored rules, which are read at each decision."""

LOCAL_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_PROVIDER = re.compile(r"[a-z0-9-]{1,64}\Z")


class InvalidAccessError(ValueError):
    """The rules are not valid.

    Attributes:
        problems: one sentence for each problem.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(problems[0] if len(problems) == 1 else "; ".join(problems))
        self.problems = problems


def parse_access(document: object) -> Access:
    """Parse access rules.

    Args:
        document: JSON values.

    Raises:
        InvalidAccessError: the rules are not valid.
    """
    if not isinstance(document, dict):
        raise InvalidAccessError(f"the access rules must be a mapping with the keys {', '.join(KEYS)}")
    problems = [
        f"{key!r} is not a key of the access rules{_hint(key)}" for key in document if key not in KEYS
    ]
    groups = _entries(document.get("groups", {}), "groups", problems)
    people = _entries(document.get("people", {}), "people", problems)
    contact = document.get("contact")
    if contact is not None and not _is_line(contact):
        problems.append(f"contact must be one line of text, at most {MAX_TEXT} characters")
    if len(groups) + len(people) > MAX_ENTRIES:
        problems.append(f"there are more than {MAX_ENTRIES} groups and people")
    if problems:
        raise InvalidAccessError(*problems)
    return Access(groups=groups, people=people, contact=contact)


def access_document(access: Access) -> dict[str, Any]:
    """Return the rules as JSON values that `parse_access` reads."""
    contact = {"contact": access.contact} if access.contact else {}
    return {
        **contact,
        "groups": {name: _written(resources) for name, resources in access.groups.items()},
        "people": {name: _written(resources) for name, resources in access.people.items()},
    }


def group_name(name: str) -> str:
    """Return the name of a local group.

    Raises:
        ValueError: it is not a valid name of a group.
    """
    if not LOCAL_GROUP.match(name):
        raise ValueError(
            Text(
                "%(name)s is not a valid group name: use letters, digits, dots, hyphens and underscores",
                name=repr(name),
            )
        )
    return name


def person_name(name: str) -> str:
    """Return the canonical form of a person's name, for comparisons.

    Raises:
        ValueError: it is not a name of a person.
    """
    kind, colon, rest = name.partition(":")
    if name == ALL or (kind == "subject" and rest and "@" not in rest):
        return name
    if kind == "issuer" and rest:
        return f"issuer:{rest}"
    if colon and _PROVIDER.match(kind) and (address := normalized(rest)):
        return f"{kind}:{address}"
    if "@" in name and not colon and (address := normalized(name)):
        return address
    if is_username(name):
        return canonical(name)
    raise ValueError(
        Text(
            "%(name)s is not a person: use a username, an e-mail address, provider:address, subject:ID,"
            ' issuer:URL or "*"',
            name=repr(name),
        )
    )


def _entries(value: object, key: str, problems: list[str]) -> dict[str, dict[str, frozenset[str]]]:
    if not isinstance(value, dict):
        problems.append(f"{key} must map names to resources")
        return {}
    entries: dict[str, dict[str, frozenset[str]]] = {}
    for written, resources in value.items():
        try:
            name = _group(written) if key == "groups" else _person(written)
            if name in entries:
                raise ValueError(f"{key} names {name!r} twice")
            entries[name] = dict(_resources(resources, f"{key}: {written}"))
        except InvalidAccessError as error:
            problems.extend(error.problems)
        except ValueError as error:
            problems.append(message_of(error))
    return entries


def _group(name: object) -> str:
    if not _is_line(name):
        raise ValueError(Text("%(name)s is not the name of a group", name=repr(name)))
    provider, colon, group = str(name).partition(":")
    if not colon:
        return group_name(str(name))
    if not _PROVIDER.match(provider) or not group:
        raise ValueError(Text("%(name)s is not a group of a provider: write provider:group", name=repr(name)))
    return str(name)


def _person(name: object) -> str:
    if not _is_line(name):
        raise ValueError(Text("%(name)s is not the name of a person", name=repr(name)))
    return person_name(str(name))


def _resources(value: object, place: str) -> Iterator[tuple[str, frozenset[str]]]:
    if not isinstance(value, dict) or not value:
        raise InvalidAccessError(f"{place} must map resources to scopes")
    if len(value) > MAX_RESOURCES:
        raise InvalidAccessError(f"{place} names more than {MAX_RESOURCES} resources")
    problems = [problem for item in value.items() if (problem := _problem(*item))]
    if problems:
        raise InvalidAccessError(
            *(Text("%(place)s: %(problem)s", place=place, problem=problem) for problem in problems)
        )
    for resource, scopes in value.items():
        yield resource, frozenset({ALL} if scopes == ALL else scopes)


def _problem(resource: object, scopes: object) -> Text | None:
    if not _is_line(resource) or not _is_resource(str(resource)):
        return Text('%(url)s is not the URL of a resource, nor "*"', url=repr(resource))
    if scopes == ALL:
        return None
    if not isinstance(scopes, list) or not 0 < len(scopes) <= MAX_SCOPES:
        return Text('%(url)s needs "*" or a list of at most %(count)s scopes', url=resource, count=MAX_SCOPES)
    for scope in scopes:
        if not isinstance(scope, str) or scope == ALL or not SCOPE_TOKEN.match(scope):
            return Text('%(scope)s is not a scope; all scopes are "*", without a list', scope=repr(scope))
    return None


def _is_resource(text: str) -> bool:
    try:
        return text == ALL or bool(resource_key(text))
    except ValueError:
        return False


def _is_line(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


def _written(resources: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    return {resource: ALL if ALL in scopes else sorted(scopes) for resource, scopes in resources.items()}


def _hint(key: object) -> str:
    close = get_close_matches(str(key), KEYS, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
