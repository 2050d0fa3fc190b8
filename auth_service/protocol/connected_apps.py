"""The grants of one person, grouped by the program that they were given to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.protocol.grant_use import last_used_at
from auth_service.protocol.software import software_key
from shared.texts import Text

DELETED_CLIENT = Text("A deleted client")


@dataclass(frozen=True, slots=True)
class Connection:
    """A grant with its client, which is None if it was deleted."""

    grant: Grant
    client: Client | None

    @property
    def last_used_at(self) -> int:
        """When its tokens were last used (seconds since 1970)."""
        return last_used_at(self.grant)

    @property
    def app_key(self) -> str:
        """Identifies the program: the same for every registration of the same software."""
        if self.client is not None:
            return software_key(self.client)
        return hashlib.sha256(f"deleted {self.grant.client_id}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """The connections of one program, last used first; that they are one program is not verified."""

    key: str
    connections: Sequence[Connection]

    @property
    def name(self) -> str:
        """The name of the client that was used last."""
        client = self.connections[0].client
        return client.name if client else DELETED_CLIENT

    @property
    def domain(self) -> str | None:
        """The domain of its metadata document, which is verified; None for registered clients."""
        client = self.connections[0].client
        return client.domain if client else None

    @property
    def last_used_at(self) -> int:
        """When one of them was last used (seconds since 1970)."""
        return self.connections[0].last_used_at


def by_app(connections: Iterable[Connection]) -> list[ConnectedApp]:
    """Group connections by program; the program that was used last comes first."""
    groups: dict[str, list[Connection]] = {}
    for connection in sorted(connections, key=lambda each: (-each.last_used_at, each.grant.grant_id)):
        groups.setdefault(connection.app_key, []).append(connection)
    return [ConnectedApp(key, members) for key, members in groups.items()]
