"""Groups the registrations of software that registers repeatedly (AS-7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from auth_service.protocol.client import Client
from auth_service.protocol.redirect_uris import RedirectUriType, destination_of, redirect_uri_type
from shared.texts import Text

_SHOWN_PLACES = 4
_TOLD = ("software_id", "client_name")
_REACH_WORDS = {RedirectUriType.LOOPBACK: Text("the user’s own computer")}


@dataclass(frozen=True)
class Software:
    """Clients that claim to be the same software; the claim is not verified.

    Attributes:
        key: identifies the group in a URL.
        clients: newest first.
    """

    key: str
    clients: Sequence[Client]

    @property
    def name(self) -> str:
        """The name of the newest client."""
        return self.clients[0].name

    @property
    def domain(self) -> str | None:
        """The domain of the metadata document, which is verified; None for registered clients."""
        return self.clients[0].domain

    @cached_property
    def places(self) -> list[str]:
        """The destinations of responses, up to a limit."""
        return sorted({place for client in self.clients for place in places(client)})[:_SHOWN_PLACES]

    @property
    def first_at(self) -> int:
        """When the oldest client registered (seconds since 1970)."""
        return self.clients[-1].created_at

    @property
    def last_at(self) -> int:
        """When the newest client registered (seconds since 1970)."""
        return self.clients[0].created_at

    @property
    def used_at(self) -> int | None:
        """When one of them was last granted something (seconds since 1970)."""
        return max((client.used_at for client in self.clients if client.used_at), default=None)

    @cached_property
    def unused(self) -> list[Client]:
        """The clients that were never used."""
        return [client for client in self.clients if client.unused]

    def mentions(self, text: str) -> bool:
        """Check whether `text` is part of a name or destination, or is the id of one of the clients."""
        wanted = text.casefold()
        spoken = (self.name, self.domain or "", *self.places)
        return any(wanted in word.casefold() for word in spoken) or any(
            text == client.client_id for client in self.clients
        )


def places(client: Client) -> list[str]:
    """Return the destinations of a client's responses: hosts, schemes of apps, or the user's own computer."""
    return sorted({_place(uri) for uri in client.redirect_uris})


def _place(redirect_uri: str) -> str:
    kind = redirect_uri_type(redirect_uri)
    if kind in _REACH_WORDS:
        return _REACH_WORDS[kind]
    return destination_of(redirect_uri)


def grouped(clients: Iterable[Client]) -> list[Software]:
    """Group the clients by software; the one that registered last comes first."""
    groups: dict[str, list[Client]] = {}
    keys: dict[object, str] = {}  # most clients have the same identity
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


def software_names(client_id: str, client: Client | None) -> tuple[str, ...]:
    """Return the names by which the software of a client can be stopped.

    Args:
        client: None if it is not stored: then its id is the URL of its metadata document.
    """
    if client is None:
        return (client_id,)
    document = (client_id,) if client.domain is not None else ()
    software_id = client.metadata.get("software_id")
    return (*document, *((str(software_id),) if software_id else ()), client.name)


def software_key(client: Client) -> str:
    """Return a key per software: by software_id, or by name and redirect hosts."""
    software_id = client.metadata.get("software_id")
    if client.domain is not None:
        parts = ["document", client.client_id]
    elif software_id:
        parts = ["software_id", str(software_id)]
    else:
        parts = ["name", client.name, *places(client)]
    # The length before each part keeps different parts from giving the same text.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
