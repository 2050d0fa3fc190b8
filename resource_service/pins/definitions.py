"""The definitions of an MCP server, and the digests that identify them. Pure.

A definition is all that a model reads about a tool, a prompt or a resource template, as one JSON value. Two
definitions are the same if their canonical forms (RFC 8785) are: the order of members, escapes and the
notation of numbers do not count, everything else does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

import rfc8785

from shared import base64url

MAX_DEFINITIONS = 10_000
"""Definitions of one server that are compared; a longer list is not one that a person approves."""


class DefinitionKind(Enum):
    """A kind of definitions.

    Attributes:
        method: the request that lists them.
        member: the member of its result.
        name: the member of an item that names it.
        used_by: the method that uses what is named; None if only lists show it.
    """

    TOOL = ("tools/list", "tools", "name", "tools/call")
    PROMPT = ("prompts/list", "prompts", "name", "prompts/get")
    TEMPLATE = ("resources/templates/list", "resourceTemplates", "uriTemplate", None)

    def __init__(self, method: str, member: str, name: str, used_by: str | None) -> None:
        self.method = method
        self.member = member
        self.item_name = name
        self.used_by = used_by


BY_LIST = {kind.method: kind for kind in DefinitionKind}
BY_USE = {kind.used_by: kind for kind in DefinitionKind if kind.used_by is not None}


class NoDigestError(ValueError):
    """The definition has no canonical form, so that it cannot be compared."""


class Definition(NamedTuple):
    """A tool, prompt or resource template, as a server describes it."""

    kind: DefinitionKind
    name: str
    value: Mapping[str, Any]


def definitions_in(kind: DefinitionKind, items: Iterable[object]) -> Iterator[Definition]:
    """Yield the definitions among the items of a list; what has no name cannot be used, and is left out."""
    for item in items:
        if isinstance(item, dict) and isinstance(name := item.get(kind.item_name), str):
            yield Definition(kind, name, item)


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical form of `value` (RFC 8785), in base64url.

    Raises:
        NoDigestError: `value` contains a number that no double represents, or text that is not Unicode.
    """
    try:
        canonical = rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise NoDigestError(str(error)) from error
    return base64url.encode(hashlib.sha256(canonical).digest())


def text_digest(text: str) -> str:
    """Return the digest of `text`; of its bytes if it is not Unicode, which no other text has."""
    try:
        return digest(text)
    except NoDigestError:
        return base64url.encode(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())


class Difference(Enum):
    """How a definition differs from what was approved.

    Members:
        UNLISTED: the server gives no list that could be compared.
    """

    NEW = "new"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    UNLISTED = "not listed"


class Pinned(NamedTuple):
    """An approved definition.

    Attributes:
        digest: of `value`.
    """

    digest: str
    value: Mapping[str, Any]


Approved = Mapping[str, Pinned]
"""Maps names to approved definitions."""


@dataclass(frozen=True, slots=True)
class Pins:
    """The approved definitions of one server.

    Attributes:
        approved: by kind; a kind that is missing has not been pinned yet.
        instructions: the approved instructions, empty if the server may have none; None if they have not been
            pinned yet.
    """

    approved: Mapping[DefinitionKind, Approved] = field(default_factory=dict)
    instructions: str | None = None

    def difference(self, definition: Definition) -> Difference | None:
        """Return how `definition` differs from what was approved; None if it is the same."""
        pinned = self.approved.get(definition.kind, {}).get(definition.name)
        try:
            current = digest(definition.value)
        except NoDigestError:
            return Difference.UNREADABLE
        if pinned is None:
            return Difference.NEW
        return None if current == pinned.digest else Difference.CHANGED

    def with_kind(self, kind: DefinitionKind, definitions: Iterable[Definition]) -> Pins:
        """Return the same pins with `definitions` approved, and no others of their kind."""
        return replace(self, approved={**self.approved, kind: approve(definitions)})

    def joined(self, other: Pins) -> Pins:
        """Return the same pins, and those of `other` of which nothing of their kind was pinned here."""
        instructions = other.instructions if self.instructions is None else self.instructions
        return Pins({**other.approved, **self.approved}, instructions)

    def beyond(self, earlier: Pins) -> Pins:
        """Return the kinds that were not pinned `earlier`, with their pins."""
        kinds = {kind: approved for kind, approved in self.approved.items() if kind not in earlier.approved}
        return Pins(kinds, self.instructions if earlier.instructions is None else None)


def approve(definitions: Iterable[Definition]) -> Approved:
    """Return `definitions` as approved ones.

    A definition without a canonical form is left out, and so is a name with several different definitions:
    nobody can tell which of them runs.
    """
    approved: dict[str, Pinned] = {}
    ambiguous: set[str] = set()
    for _, name, value in definitions:
        try:
            pinned = Pinned(digest(value), value)
        except NoDigestError:
            ambiguous.add(name)
            continue
        if approved.setdefault(name, pinned).digest != pinned.digest:
            ambiguous.add(name)
    return {name: pinned for name, pinned in approved.items() if name not in ambiguous}
