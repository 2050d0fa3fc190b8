"""The stops of the operator, as the authorization server sends them to resource servers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

MEMBER = "doorward_stops"
"""The member of a response to a poll (RFC 8936 §2.4); receivers that do not know it ignore it."""

MAX_STOPS = 500
MAX_NAME = 2_000
MAX_REASON = 200


class StopKind(StrEnum):
    """Kinds of names: of a tool, the URL of a mount, the id of a client, the subject of a person.

    Software is named as each of its clients names it: by its `software_id`, the name of the client, or the
    URL of its metadata document. Nothing verifies the first two.
    """

    TOOL = "tool"
    MOUNT = "mount"
    CLIENT = "client"
    SOFTWARE = "software"
    PERSON = "person"


class MalformedStopsError(ValueError):
    """A list of stops cannot be understood, so it is not known what is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One thing that is stopped.

    Attributes:
        name: as its kind says.
        resource: the URL of the only resource at which a tool is stopped; None for every one.
        reason: a sentence of the operator for those who are refused; may be empty.
    """

    kind: StopKind
    name: str
    resource: str | None = None
    reason: str = ""

    @property
    def rule(self) -> str:
        """The name of the stop in the journal."""
        return f"stop: {self.kind} {self.name}"

    def to_wire(self) -> dict[str, str]:
        """Return the JSON members."""
        where = {} if self.resource is None else {"resource": self.resource}
        return {"kind": self.kind.value, "name": self.name, **where, "reason": self.reason}

    @classmethod
    def from_wire(cls, members: object) -> Self:
        """Parse a stop.

        Raises:
            MalformedStopsError: it cannot be understood.
        """
        if not isinstance(members, dict):
            raise MalformedStopsError("a stop is not an object")
        try:
            kind = StopKind(_text(members, "kind"))
        except ValueError as error:
            raise MalformedStopsError("a stop is of an unknown kind") from error
        resource = _text(members, "resource") if "resource" in members else None
        return cls(kind=kind, name=_text(members, "name"), resource=resource, reason=_text(members, "reason"))


def stops_to_wire(stops: Iterable[Stop]) -> list[dict[str, str]]:
    """Return a list of stops for a response."""
    return [stop.to_wire() for stop in stops]


def stops_from_wire(document: object) -> tuple[Stop, ...]:
    """Parse a list of stops.

    Raises:
        MalformedStopsError: it cannot be understood.
    """
    if not isinstance(document, list) or len(document) > MAX_STOPS:
        raise MalformedStopsError("the stops are not a list of bounded length")
    return tuple(Stop.from_wire(members) for members in document)


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedStopsError(f"the {name} of a stop is not text")
    return value
