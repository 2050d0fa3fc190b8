"""The ``Mcp-Param-…`` headers of a tool call, against its arguments and the schema of the tool. Pure.

MCP 2026-07-28, "Custom Headers from Tool Parameters" (SEP-2243). Which argument a header repeats is declared
by ``x-mcp-header`` in the tool's ``inputSchema``; how a schema and a header value are read is the SDK's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from mcp.shared.inbound import decode_header_value, find_invalid_x_mcp_header, x_mcp_header_map

from resource_service.messages.exact_json import ExactNumber

PARAM = "mcp-param-"

Declared = Mapping[tuple[str, ...], str]
"""Path of an argument to the name of the header that repeats it, in lower case."""

# RFC 8259 §6: int [ frac ], and the exponent apart
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?)([eE][+-]?[0-9]+)?")
_MAX_NUMBER_CHARACTERS = 1_000

_SAFE = 2**53 - 1
"""Clients in JavaScript send no header for a whole number beyond."""

_PRINTED_WITH_EXPONENT = 10**21
"""Whole numbers that JavaScript prints with an exponent."""

# The TypeScript SDK takes this for a sentinel around nothing, the Python SDK for plain text.
_AMBIGUOUS = "=?base64?="


def declared_in(input_schema: object) -> Declared:
    """What a schema declares; nothing where a declaration is invalid, as clients then leave the tool out."""
    if find_invalid_x_mcp_header(input_schema) is not None:
        return {}
    return {path: f"{PARAM}{token.lower()}" for path, token in x_mcp_header_map(input_schema).items()}


def contradictions(headers: Mapping[str, str], arguments: Mapping[str, object]) -> Iterator[str]:
    """What holds whatever the schema is: a header says what an argument says.

    That is the argument of its name, or else some other one.
    """
    values = list(_scalars(arguments))
    for name, raw in headers.items():
        if not name.startswith(PARAM):
            continue
        token = name.removeprefix(PARAM)
        of_its_name = [value for argument, value in values if argument.lower().replace("_", "-") == token]
        if not _says_one_of(raw, of_its_name or [value for _, value in values]):
            yield _mismatch(name)


def violations(
    declared: Declared, headers: Mapping[str, str], arguments: Mapping[str, object]
) -> Iterator[str]:
    """What `declared` adds: a header for each value that is there, of that value, and none for any other."""
    for path, name in declared.items():
        value, raw = _value_at(arguments, path), headers.get(name.replace("_", "-"))
        if raw is None:
            if _must_be_repeated(value):
                yield f"The {name} header is missing; the schema of the tool asks for it."
        elif value is None or not _says_one_of(raw, [value]):
            yield _mismatch(name)


def decoded(raw: str | None) -> str | None:
    """What the value of a header stands for; None where there is none, or readers differ about it."""
    return None if raw == _AMBIGUOUS else decode_header_value(raw)


def _mismatch(name: str) -> str:
    return f"The {name} header does not match the arguments in the body."


def _must_be_repeated(value: object) -> bool:
    if isinstance(value, int):
        return -_SAFE <= value <= _SAFE
    return isinstance(value, str | float)


def _value_at(arguments: Mapping[str, object], path: tuple[str, ...]) -> object:
    value: object = arguments
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _scalars(arguments: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    waiting = list(arguments.items())
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.items())
        elif value is not None and not isinstance(value, list):
            yield name, value


def _says_one_of(raw: str, values: Iterable[object]) -> bool:
    text = decoded(raw)
    return text is not None and any(_says(text, value) for value in values)


def _says(text: str, value: object) -> bool:
    match value:
        case bool():
            return text == ("true" if value else "false")
        case str():
            return text == value
        case int():
            return _is_number(text, str(value), exponent=abs(value) >= _PRINTED_WITH_EXPONENT)
        case float():
            return _is_number(text, repr(value), exponent=True)
        case ExactNumber():
            return _is_number(text, value.text, exponent=True)
        case _:
            return False


def _is_number(text: str, number: str, *, exponent: bool) -> bool:
    """Whether `text` is `number`, however it is printed: JavaScript has 0.00001 where Python has 1e-05.

    The SDKs compare whole numbers as decimals only: ``1e3`` is not 1000 to them.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _MAX_NUMBER_CHARACTERS else None
    if match is None or (match[2] and not exponent):
        return False
    try:
        return Decimal(text) == Decimal(number)
    except InvalidOperation:  # an exponent beyond those of decimals
        return text == number
