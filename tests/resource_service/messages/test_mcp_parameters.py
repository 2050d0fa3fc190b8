"""The header of an argument, in all spellings of clients (RS-12)."""

from __future__ import annotations

import json

import pytest

from resource_service.messages.exact_json import loads
from resource_service.messages.mcp_parameters import contradictions, declared_in, violations

pytestmark = pytest.mark.requirement("RS-12")

DECLARED = declared_in({"properties": {"a": {"type": "integer", "x-mcp-header": "A"}}})


def says(header: str, value: str) -> bool:
    """Whether `header` is taken for the argument that the body has as `value`, with and without a schema."""
    headers, arguments = {"mcp-param-a": header}, loads(b'{"a":%b}' % value.encode())
    invalid = {
        rule is None for rule in (_first(contradictions(headers, arguments)), _violation(headers, arguments))
    }
    assert len(invalid) == 1, "the schema makes a difference"
    return invalid.pop()


def _first(invalid: object) -> str | None:
    return next(iter(invalid), None)  # type: ignore[call-overload]


def _violation(headers: dict[str, str], arguments: dict[str, object]) -> str | None:
    return _first(violations(DECLARED, headers, arguments))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("42", "42"),
        ("42.0", "42"),  # "Server Validation": compared as numbers
        ("42", "42.0"),
        ("-7", "-7"),
        ("0", "-0"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("0.00001", "1e-05"),  # JavaScript's and Python's spelling of the same
        ("1e-05", "0.00001"),
        ("1e-7", "1e-07"),
        ("100000", "1e5"),
        ("1e+21", "1000000000000000000000"),
        ("1e21", "1e21"),
        ("1000000000000000000000", "1e21"),
        ("9007199254740993", "9007199254740993"),
        ("0.1", "0.1"),
        ("0.10", "0.1"),
        ("1e400", "1e400"),
        ("0.12345678901234567890123", "0.12345678901234567890123"),
        ("true", "true"),
        ("false", "false"),
        ("", '""'),
        ("=?base64??=", '""'),
        ("42", '"42"'),
        ("=?base64?w7w=?=", '"\\u00fc"'),
    ],
)
def test_what_clients_print_for_a_value_is_that_value(header: str, value: str) -> None:
    assert says(header, value)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("43", "42"),
        ("42.5", "42"),
        ("042", "42"),
        ("+42", "42"),
        ("4_2", "42"),
        ("0x2a", "42"),
        ("4.2e1", "42"),
        ("1e3", "1000"),
        (" 42", "42"),
        ("\uff14\uff12", "42"),
        ("42.", "42"),
        ("9007199254740992", "9007199254740993"),  # the same to a double
        ("0.1000000000000000055511151231257827", "0.1"),
        ("1", "true"),
        ("True", "true"),
        ("true", "1"),
        ("1", '"1.0"'),
        ("NaN", "1"),
        ("Infinity", "1e400"),
        ("1e999999999999999999999", "1e400"),
        ("1" * 2_000, "1"),
        ("null", "null"),
        ("[1]", "[1]"),
        ("{}", "{}"),
        ("=?base64?=", '"=?base64?="'),
        ("=?base64?/w==?=", '"\\u00ff"'),
        ("=?base64?QR==?=", '"A"'),
        ("=?BASE64?QQ==?=", '"A"'),
    ],
)
def test_what_is_not_that_value_to_every_reader_is_another(header: str, value: str) -> None:
    assert not says(header, value)


@pytest.mark.parametrize(
    ("value", "asked_for"),
    [
        *((value, True) for value in ("1", "0.5", '""', "false", "9007199254740991")),
        *((value, False) for value in ("9007199254740992", "null", "[1]", "{}", "1e400")),
    ],
)
def test_a_header_is_requested_where_every_client_can_send_one(value: str, asked_for: bool) -> None:
    assert (_violation({}, {"a": loads(value.encode())}) is not None) is asked_for


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "A B"}}},
        {"properties": {"a": {"items": {"type": "string", "x-mcp-header": "A"}}}},
        {"properties": {name: {"type": "string", "x-mcp-header": name} for name in ("a", "A")}},
        {"type": "string", "x-mcp-header": "A"},
        None,
        [],
    ],
    ids=json.dumps,
)
def test_a_schema_that_clients_must_reject_asks_for_nothing(schema: object) -> None:
    assert declared_in(schema) == {}
