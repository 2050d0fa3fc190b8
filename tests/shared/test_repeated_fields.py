"""Values derived from the head of a request are remembered for its connection, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from shared.asgi.repeated_fields import (
    MAX_BYTES,
    MAX_HEADS,
    ForeignConnections,
    Heads,
    RawFields,
    derived,
    note_connection,
    repeated_fields,
)

FIELDS = [(b"authorization", b"Bearer one"), (b"content-length", b"7"), (b"mcp-name", b"add")]


class Derivation:
    """Joins the fields, and counts how often it must."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, fields: RawFields) -> bytes:
        self.calls += 1
        return b" ".join([value for name, value in fields if name != b"content-length"])


def scope_of(fields: list[tuple[bytes, bytes]], heads: Heads | None = None) -> dict[str, Any]:
    scope: dict[str, Any] = {"type": "http", "headers": fields}
    if heads is not None:
        note_connection(scope, heads)
    return scope


def with_value(name: bytes, value: bytes) -> list[tuple[bytes, bytes]]:
    return [(other, value if other == name else before) for other, before in FIELDS]


def test_a_head_that_a_connection_repeats_is_read_once() -> None:
    heads: Heads = {}
    derive = Derivation()
    for length in (b"7", b"8", b"1000"):
        fields = repeated_fields(scope_of(with_value(b"content-length", length), heads))
        assert fields == with_value(b"content-length", length)
        assert derived(fields, derive) == derived(fields, derive) == b"Bearer one add"
    assert derive.calls == 1


@pytest.mark.parametrize("name", [b"authorization", b"mcp-name"])
def test_another_head_of_the_connection_is_read_by_itself(name: bytes) -> None:
    heads: Heads = {}
    derive = Derivation()
    derived(repeated_fields(scope_of(FIELDS, heads)), derive)
    other = repeated_fields(scope_of(with_value(name, b"two"), heads))
    assert b"two" in derived(other, derive)


def test_other_connections_know_nothing_of_a_head() -> None:
    derive = Derivation()
    for _ in range(2):
        derived(repeated_fields(scope_of(FIELDS, {})), derive)
        derived(repeated_fields(scope_of(FIELDS)), derive)
    assert derive.calls == 4


def test_fields_made_of_others_are_read_by_themselves() -> None:
    derive = Derivation()
    fields = repeated_fields(scope_of(FIELDS, {}))
    derived(fields, derive)
    assert derived([field for field in fields if field[0] != b"authorization"], derive) == b"add"


def test_few_and_short_heads_are_remembered() -> None:
    heads: Heads = {}
    for number in range(3 * MAX_HEADS):
        repeated_fields(scope_of(with_value(b"mcp-name", b"%d" % number), heads))
        assert len(heads) <= MAX_HEADS
    heads.clear()
    repeated_fields(scope_of(with_value(b"mcp-name", b"x" * MAX_BYTES), heads))
    assert not heads


def test_an_odd_length_belongs_to_the_head() -> None:
    heads: Heads = {}
    repeated_fields(scope_of(FIELDS, heads))
    repeated_fields(scope_of(with_value(b"content-length", b"0" * 100), heads))
    assert len(heads) == 2


def test_an_error_is_not_remembered() -> None:
    def derive(_fields: RawFields) -> None:
        raise LookupError("no such field")

    fields = repeated_fields(scope_of(FIELDS, {}))
    for _ in range(2):
        with pytest.raises(LookupError):
            derived(fields, derive)
    assert not fields.kept


class Transport:
    """The transport of a connection."""


class Exchange:
    """An exchange of a server that another program runs, as in uvicorn."""

    def __init__(self, transport: object) -> None:
        self.transport = transport

    async def receive(self) -> dict[str, Any]:
        return {}


def test_a_connection_of_another_server_repeats_its_heads_until_it_is_closed() -> None:
    connections, derive, transport = ForeignConnections(), Derivation(), Transport()
    for _ in range(2):
        scope = scope_of(FIELDS)
        connections.note(scope, Exchange(transport).receive)
        assert derived(repeated_fields(scope), derive) == b"Bearer one add"
    assert derive.calls == 1
    scope = scope_of(FIELDS)
    connections.note(scope, Exchange(Transport()).receive)
    derived(repeated_fields(scope), derive)
    assert derive.calls == 2, "another connection"
    del transport, scope
    assert not vars(connections)["_heads"]


class Unreferable:
    """A transport like that of uvloop for TLS, which cannot be referred to weakly."""

    __slots__ = ()


def test_a_transport_that_cannot_be_referred_to_weakly_is_served_without_memory() -> None:
    connections, derive, transport = ForeignConnections(), Derivation(), Unreferable()
    for _ in range(2):
        scope = scope_of(FIELDS)
        connections.note(scope, Exchange(transport).receive)
        assert derived(repeated_fields(scope), derive) == b"Bearer one add"
    assert derive.calls == 2


def test_nothing_is_remembered_of_a_server_without_known_connections() -> None:
    async def receive() -> dict[str, Any]:
        return {}

    scope = scope_of(FIELDS)
    ForeignConnections().note(scope, receive)
    assert scope == scope_of(FIELDS)


def test_the_heads_that_a_server_has_noted_are_kept() -> None:
    heads: Heads = {}
    scope = scope_of(FIELDS, heads)
    ForeignConnections().note(scope, Exchange(Transport()).receive)
    repeated_fields(scope)
    assert len(heads) == 1
