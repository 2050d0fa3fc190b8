"""Software that registers again and again, seen as one (AS-7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from auth_service.protocol.client import Client
from auth_service.protocol.redirect_uris import RedirectUriType, destination_of, redirect_uri_type

_SHOWN_PLACES = 4
_TOLD = ("software_id", "client_name")
_REACH_WORDS = {RedirectUriType.LOOPBACK: "the user’s own computer"}


@dataclass(frozen=True)
class Software:
    """Clients that say they are the same software; nobody has checked that they are.

    Attributes:
        key: names the group in a URL.
        clients: the youngest first.
    """

    key: str
    clients: Sequence[Client]

    @property
    def name(self) -> str:
        """What the youngest calls itself."""
        return self.clients[0].name

    @property
    def domain(self) -> str | None:
        """Whose metadata document it is, which is known; None for registered clients."""
        return self.clients[0].domain

    @cached_property
    def places(self) -> list[str]:
        """Where answers go, as far as they are few."""
        return sorted({place for client in self.clients for place in places(client)})[:_SHOWN_PLACES]

    @property
    def first_at(self) -> int:
        """When the oldest registered (seconds since 1970)."""
        return self.clients[-1].created_at

    @property
    def last_at(self) -> int:
        """When the youngest registered (seconds since 1970)."""
        return self.clients[0].created_at

    @property
    def used_at(self) -> int | None:
        """When one of them was last granted something (seconds since 1970)."""
        return max((client.used_at for client in self.clients if client.used_at), default=None)

    @cached_property
    def unused(self) -> list[Client]:
        """Those that nobody came to use."""
        return [client for client in self.clients if client.unused]

    def mentions(self, text: str) -> bool:
        """Whether `text` is part of a name, a place, or the id of one of the clients."""
        wanted = text.casefold()
        spoken = (self.name, self.domain or "", *self.places)
        return any(wanted in word.casefold() for word in spoken) or any(
            text == client.client_id for client in self.clients
        )


def places(client: Client) -> list[str]:
    """Where a client is answered: hosts, schemes of apps, or the user's own computer."""
    return sorted({_place(uri) for uri in client.redirect_uris})


def _place(redirect_uri: str) -> str:
    kind = redirect_uri_type(redirect_uri)
    if kind in _REACH_WORDS:
        return _REACH_WORDS[kind]
    return destination_of(redirect_uri)


def grouped(clients: Iterable[Client]) -> list[Software]:
    """The clients by software; that which registered last comes first."""
    groups: dict[str, list[Client]] = {}
    keys: dict[object, str] = {}  # most of many clients say the same of themselves
    for client in sorted(clients, key=lambda client: client.created_at, reverse=True):
        identity = (
            client.domain and client.client_id,
            *map(client.metadata.get, _TOLD),
            client.redirect_uris,
        )
        if identity not in keys:
            keys[identity] = software_key(client)
        groups.setdefault(keys[identity], []).append(client)
    return [Software(key, members) for key, members in groups.items()]


def software_key(client: Client) -> str:
    """The same for clients of one software: the same software_id, or the same name and redirect hosts."""
    software_id = client.metadata.get("software_id")
    if client.domain is not None:
        parts = ["document", client.client_id]
    elif software_id:
        parts = ["software_id", str(software_id)]
    else:
        parts = ["name", client.name, *places(client)]
    # No part can pass for two: each is preceded by its length.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
