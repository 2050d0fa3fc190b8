"""When the name of a client is nearly that of another client that people use here (ID-9)."""

from __future__ import annotations

import hashlib

from auth_service.protocol.client import Client
from auth_service.protocol.look_alikes import skeleton
from auth_service.protocol.software import places

MAX_CLIENTS = 20
"""The clients that are listed under one name, one for each place that responses go to."""


def entry(client: Client) -> str:
    """Return the entry of a client in the list of its name."""
    return f"{origin(client)}.{client.client_id}"


def origin(client: Client) -> str:
    """Return a key of the places that responses go to, or of the domain that a document proves."""
    text = client.domain or "\n".join(places(client))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def is_nearly_same_name(client: Client, other: Client) -> bool:
    """Whether people confuse the names: they look the same, apart from case and spaces."""
    return bool(skeleton(client.name)) and skeleton(client.name) == skeleton(other.name)


def is_elsewhere(client: Client, other: Client) -> bool:
    """Whether responses to `client` can go where none to `other` goes.

    All places count: a copy of a name may also name a place of the original.
    """
    if client.domain or other.domain:
        return client.domain != other.domain
    return not set(places(client)) <= set(places(other))
