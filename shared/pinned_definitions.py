"""Held definitions of tools, as a resource server reports them, and what administrators approved. Pure.

A resource server posts what it holds for one resource to the authorization server, and the response lists
what is approved there. The revocation feed says when to ask again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

from shared import base64url

DEFINITIONS_PATH = "/definitions"
MEMBER = "doorward_definitions"
"""The member of a response to a poll (RFC 8936 §2.4): the version of what is approved, empty for nothing."""

MAX_HELD = 50
"""Held definitions of one resource that are reported at a time: a person approves them one by one."""
MAX_APPROVED = 500
MAX_NAMES = 200
"""Names of pinned definitions of one kind that are reported."""
MAX_NAME = 256
MAX_CHANGES_BYTES = 20_000
"""A longer comparison is not reported, so that the definition can be approved with the lock file only."""

INSTRUCTIONS = "instructions"
KINDS = ("tools", "prompts", "resourceTemplates", INSTRUCTIONS)
DIFFERENCES = ("new", "changed")

_MAX_TEXT = 2_000
_MAX_DIGEST = _MAX_VERSION = 64


class MalformedDefinitionsError(ValueError):
    """A report, or the response to one, cannot be understood."""


class Part(NamedTuple):
    """A part of a compared text.

    Attributes:
        effect: ``=`` for a part that stays, ``-`` for one that was removed, ``+`` for one that was added.
    """

    effect: Literal["=", "-", "+"]
    text: str


class ValueChange(NamedTuple):
    """A value of a definition that differs.

    Attributes:
        at: its JSON Pointer in the definition.
    """

    at: str
    parts: tuple[Part, ...]

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON members."""
        return {"at": self.at, "parts": [list(part) for part in self.parts]}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDefinition:
    """A definition that is new or differs from what was approved.

    Attributes:
        definition: its kind, one of `KINDS`.
        base: the digest of what the resource server has pinned by itself; None if nothing of this name.
        digest: of what is held.
        changes: what differs from what is approved; None if it is too long.
    """

    definition: str
    name: str
    difference: str
    base: str | None
    digest: str
    changes: tuple[ValueChange, ...] | None

    @property
    def identity(self) -> str:
        """Names exactly these contents, in place of exactly what was pinned."""
        return identity(self.definition, self.name, self.base, self.digest)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON members."""
        changes = None if self.changes is None else [change.to_wire() for change in self.changes]
        return {
            "definition": self.definition,
            "name": self.name,
            "difference": self.difference,
            "base": self.base,
            "digest": self.digest,
            "changes": changes,
        }

    @classmethod
    def from_wire(cls, members: object) -> Self:
        """Parse a held definition.

        Raises:
            MalformedDefinitionsError: it cannot be understood.
        """
        approved = _approved(members)
        match members:
            case {"difference": str(difference), "changes": changes} if difference in DIFFERENCES:
                return cls(**approved._asdict(), difference=difference, changes=changes_from_wire(changes))
        raise MalformedDefinitionsError("a held definition does not say how it differs")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedKind:
    """The pinned definitions of one kind.

    Attributes:
        names: the first of them, sorted.
    """

    definition: str
    count: int
    names: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON members."""
        return {"definition": self.definition, "count": self.count, "names": list(self.names)}

    @classmethod
    def from_wire(cls, members: object) -> Self:
        """Parse the pinned definitions of a kind.

        Raises:
            MalformedDefinitionsError: they cannot be understood.
        """
        match members:
            case {"definition": str(kind), "count": int(count), "names": list(names)} if (
                kind in KINDS and 0 <= count <= 1_000_000 and len(names) <= MAX_NAMES
            ):
                return cls(definition=kind, count=count, names=tuple(_text(name, MAX_NAME) for name in names))
        raise MalformedDefinitionsError("pinned definitions have no valid kind, count and names")


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionReport:
    """The pinned and held definitions of one process of a resource server, for a resource.

    Attributes:
        process: names the process.
        held: as many as fit into one request.
        all_held: the identities of everything that the process reports as held.
    """

    resource: str
    process: str
    pinned: tuple[PinnedKind, ...] = ()
    held: tuple[HeldDefinition, ...] = ()
    all_held: tuple[str, ...] = ()

    def to_wire(self) -> bytes:
        """Return the body of the request."""
        members = {
            "resource": self.resource,
            "process": self.process,
            "pinned": [each.to_wire() for each in self.pinned],
            "held": [each.to_wire() for each in self.held],
            "all_held": list(self.all_held),
        }
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def report_from_wire(document: object) -> DefinitionReport:
    """Parse a report.

    Raises:
        MalformedDefinitionsError: it cannot be understood.
    """
    match document:
        case {
            "resource": str(resource),
            "process": str(process),
            "pinned": list(pinned),
            "held": list(held),
            "all_held": list(all_held),
        } if len(pinned) <= len(KINDS) and max(len(held), len(all_held)) <= MAX_HELD:
            return DefinitionReport(
                resource=_text(resource, _MAX_TEXT),
                process=_text(process, _MAX_VERSION),
                pinned=tuple(map(PinnedKind.from_wire, pinned)),
                held=tuple(map(HeldDefinition.from_wire, held)),
                all_held=tuple(_text(each, _MAX_VERSION) for each in all_held),
            )
    raise MalformedDefinitionsError("the report does not have the members of one, of bounded length")


class ApprovedDefinition(NamedTuple):
    """A definition that an administrator has approved, in place of what was pinned.

    Attributes:
        base: the digest of what was pinned; None if nothing of this name was.
        digest: of what is approved.
    """

    definition: str
    name: str
    base: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approved definitions of a resource.

    Attributes:
        version: changes whenever anything is approved or withdrawn, for any resource.
    """

    version: str = ""
    approved: tuple[ApprovedDefinition, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON members."""
        return {"version": self.version, "approved": [each._asdict() for each in self.approved]}


def approvals_from_wire(document: object) -> Approvals:
    """Parse the response to a report.

    Raises:
        MalformedDefinitionsError: it cannot be understood.
    """
    match document:
        case {"version": str(version), "approved": list(approved)} if len(approved) <= MAX_APPROVED:
            return Approvals(version_from_wire(version), tuple(map(_approved, approved)))
    raise MalformedDefinitionsError("the response does not list what is approved")


def version_from_wire(version: object) -> str:
    """Parse the version of what is approved; empty for a server that has none.

    Raises:
        MalformedDefinitionsError: it cannot be understood.
    """
    return "" if version is None else _text(version, _MAX_VERSION)


def changes_from_wire(document: object) -> tuple[ValueChange, ...] | None:
    """Parse what differs; None if it was not reported.

    Raises:
        MalformedDefinitionsError: it cannot be understood.
    """
    if document is None:
        return None
    if not isinstance(document, list):
        raise MalformedDefinitionsError("changes are not a list")
    return tuple(map(_change, document))


def identity(definition: str, name: str, base: str | None, digest: str) -> str:
    """Return a name for a held definition and what it replaces, for use in forms and URLs."""
    content = json.dumps([definition, name, base, digest])
    return base64url.encode(hashlib.sha256(content.encode()).digest()[:16])


def changes_to_wire(changes: Iterable[ValueChange]) -> str:
    """Return JSON text of what differs."""
    return json.dumps([change.to_wire() for change in changes], ensure_ascii=False, separators=(",", ":"))


def _change(members: object) -> ValueChange:
    match members:
        case {"at": str(at), "parts": list(parts)}:
            return ValueChange(_text(at), tuple(map(_part, parts)))
    raise MalformedDefinitionsError("a change does not name its place and parts")


def _part(members: object) -> Part:
    match members:
        case ["=" | "-" | "+" as effect, str(text)]:
            return Part(effect, _text(text))
    raise MalformedDefinitionsError("a part of a change is not an effect and a text")


def _approved(members: object) -> ApprovedDefinition:
    match members:
        case {"definition": str(kind), "name": name, "base": base, "digest": digest} if kind in KINDS:
            before = None if base is None else _text(base, _MAX_DIGEST)
            return ApprovedDefinition(kind, _text(name, MAX_NAME), before, _text(digest, _MAX_DIGEST))
    raise MalformedDefinitionsError("a definition has no valid kind, name and digests")


def _text(value: object, at_most: int | None = None) -> str:
    if not isinstance(value, str) or (at_most is not None and len(value) > at_most):
        raise MalformedDefinitionsError("a value is not text, or is too long")
    return value
