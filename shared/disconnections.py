"""Connected accounts that have ended, as the authorization server sends them to resource servers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

MEMBER = "doorward_disconnected"
"""The member of a response to a poll (RFC 8936 §2.4); receivers that do not know it ignore it."""

ANNOUNCED_FOR_S = 120
"""How long each response names a connected account that has ended."""

MAX_DISCONNECTIONS = 1_000
"""If more ended in `ANNOUNCED_FOR_S`, the member is null, and the receiver uses nothing that it keeps."""

_MAX_TEXT = 2_000


class MalformedDisconnectionsError(ValueError):
    """A list of disconnections cannot be understood, so it is not known what has ended."""


@dataclass(frozen=True, slots=True)
class Disconnection:
    """A credential of a connected account that must no longer be used.

    Attributes:
        subject: the person, as this resource server sees them.
        resource: the URL of the resource.
        version: of the last credential.
    """

    subject: str
    resource: str
    version: str

    def to_wire(self) -> dict[str, str]:
        """Return the JSON members."""
        return {"sub": self.subject, "resource": self.resource, "version": self.version}

    @classmethod
    def from_wire(cls, members: object) -> Self:
        """Parse a disconnection.

        Raises:
            MalformedDisconnectionsError: it cannot be understood.
        """
        match members:
            case {"sub": str(subject), "resource": str(resource), "version": str(version)}:
                if max(map(len, (subject, resource, version))) <= _MAX_TEXT:
                    return cls(subject, resource, version)
        raise MalformedDisconnectionsError("a disconnection does not name its subject, resource and version")


def disconnections_to_wire(ended: Iterable[Disconnection]) -> list[dict[str, str]] | None:
    """Return a list for a response; None if it is too long."""
    members = [each.to_wire() for each in ended]
    return members if len(members) <= MAX_DISCONNECTIONS else None


def disconnections_from_wire(document: object) -> tuple[Disconnection, ...] | None:
    """Parse a list of disconnections; None if there are too many to name.

    Raises:
        MalformedDisconnectionsError: it cannot be understood.
    """
    if document is None:
        return None
    if not isinstance(document, list) or len(document) > MAX_DISCONNECTIONS:
        raise MalformedDisconnectionsError("the disconnections are not a list of bounded length")
    return tuple(map(Disconnection.from_wire, document))
