"""The header fields of a request, with what was derived from them: most requests of a connection repeat them.

A client sends the same token, revision and media types with every request of a connection. Only the length of
the body differs, and the name of a tool from time to time. What depends on the fields alone is therefore
computed once for a connection, and forgotten with it: no token outlives its connection here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, MutableMapping
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from starlette.types import Receive, Scope

RawFields = Iterable[tuple[bytes, bytes]]
Derived = TypeVar("Derived")

MAX_HEADS = 8
"""Different heads that are remembered for a connection."""
MAX_BYTES = 4_096
"""A larger head is not remembered."""

_CONNECTION = "doorward.connection"
_LENGTH = b"content-length"
_USUAL_DIGITS = 18

Kept = dict[Hashable, Any]
Heads = MutableMapping[tuple[tuple[bytes, bytes], ...], Kept]
"""Maps the heads of a connection to the values that were derived from them."""


class RepeatedFields(list[tuple[bytes, bytes]]):
    """Header fields that do not change.

    Attributes:
        kept: what was derived from the fields other than ``Content-Length``.
    """

    __slots__ = ("kept",)

    def __init__(self, fields: RawFields, kept: Kept) -> None:
        super().__init__(fields)
        self.kept = kept


def note_connection(scope: Scope, heads: Heads) -> None:
    """Note what is remembered for the connection of a request."""
    scope[_CONNECTION] = heads


class ForeignConnections:
    """Remembers heads for the connections of a server that another program runs, as `note_connection` does.

    The `receive` of uvicorn is a method of the exchange, which has the transport of its connection.
    Nothing is remembered for another server, or behind a middleware that replaces `receive`.
    """

    def __init__(self) -> None:
        self._heads: WeakKeyDictionary[object, Heads] = WeakKeyDictionary()

    def note(self, scope: Scope, receive: Receive) -> None:
        """Note what is remembered for the connection of a request, if it is not noted yet."""
        transport: object = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is None or _CONNECTION in scope:
            return
        try:
            heads = self._heads.setdefault(transport, {})
        except TypeError:  # uvloop's transports for TLS cannot be referred to weakly
            return
        note_connection(scope, heads)


def repeated_fields(scope: Scope) -> RepeatedFields:
    """Return a copy of the header fields of a request, with what was derived for its connection before."""
    fields: list[tuple[bytes, bytes]] = scope["headers"]
    heads: Heads | None = scope.get(_CONNECTION)
    if heads is None:
        return RepeatedFields(fields, {})
    head = tuple([field for field in fields if field[0] != _LENGTH or len(field[1]) > _USUAL_DIGITS])
    kept = heads.get(head)
    if kept is None:
        kept = {}
        if len(b"".join(map(b"".join, head))) <= MAX_BYTES:
            if len(heads) >= MAX_HEADS:
                heads.clear()
            heads[head] = kept
    return RepeatedFields(fields, kept)


def derived(fields: RawFields, derive: Callable[[RawFields], Derived]) -> Derived:
    """Return what `derive` returns for `fields`, which is remembered if they are `RepeatedFields`.

    Args:
        derive: a pure function that disregards ``Content-Length``, and the same object each time. Nothing is
            remembered of a call that raises, and nobody may change what it returns.
    """
    if type(fields) is not RepeatedFields:
        return derive(fields)
    kept = fields.kept
    if derive not in kept:
        kept[derive] = derive(fields)
    return cast("Derived", kept[derive])
