"""The ``Mcp-Param-…`` headers of a tool call, checked against its arguments and the tool's schema. Pure.

MCP 2026-07-28, "Custom Headers from Tool Parameters" (SEP-2243). ``x-mcp-header`` in the tool's
``inputSchema`` declares which argument a header repeats; the SDK parses schemas and header values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from mcp.shared.inbound import decode_header_value, find_invalid_x_mcp_header, x_mcp_header_map

from resource_service.messages.exact_json import ExactNumber

PARAM = "mcp-param-"

Declared = Mapping[tuple[str, ...], str]
"""Maps the path of an argument to the name of the header that repeats it, in lower case."""

# RFC 8259 §6: int [ frac ], and separately the exponent
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?)([eE][+-]?[0-9]+)?")
_MAX_NUMBER_CHARACTERS = 1_000

_SAFE = 2**53 - 1
"""JavaScript clients send no header for larger integers."""

_PRINTED_WITH_EXPONENT = 10**21
"""JavaScript prints integers from this one on with an exponent."""

# The TypeScript SDK decodes this to an empty value, the Python SDK takes it as plain text.
_AMBIGUOUS = "=?base64?="


def declared_in(input_schema: object) -> Declared:
    """Return what a schema declares; nothing if a part is invalid, since clients then omit the tool."""
    if find_invalid_x_mcp_header(input_schema) is not None:
        return {}
    return {path: f"{PARAM}{token.lower()}" for path, token in x_mcp_header_map(input_schema).items()}


def contradictions(headers: Mapping[str, str], arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield violations of what holds for any schema: a header repeats the value of an argument.

    The argument is the one with the header's name, or if it is missing, any other.
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
    """Yield violations of `declared`: each present value needs an equal header, and others must have none."""
    for path, name in declared.items():
        value, raw = _value_at(arguments, path), headers.get(name.replace("_", "-"))
        if raw is None:
            if _must_be_repeated(value):
                yield f"The {name} header is missing; the schema of the tool asks for it."
        elif value is None or not _says_one_of(raw, [value]):
            yield _mismatch(name)


def decoded(raw: str | None) -> str | None:
    """Decode the value of a header; None if it is missing or readers disagree about it."""
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
    """Check whether `text` represents `number` in any notation: JavaScript has 0.00001 for Python's 1e-05.

    The SDKs compare integers only as decimals: to them, ``1e3`` is not 1000.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _MAX_NUMBER_CHARACTERS else None
    if match is None or (match[2] and not exponent):
        return False
    try:
        return Decimal(text) == Decimal(number)
    except InvalidOperation:  # the exponent is out of the range of decimals
        return text == number
