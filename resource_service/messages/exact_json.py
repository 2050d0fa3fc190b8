"""Parse and serialize JSON without a change of meaning. Pure.

Python's parser rounds a fraction to the nearest double. A number that no double represents exactly
(``1e400``, or one with too many digits) is kept as its text and written unchanged.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NoReturn

from shared.json_text import TooDeepError, check_depth

MAX_DEPTH = 128
MAX_NUMBER_CHARACTERS = 1_000

Pairs = list[tuple[str, Any]]

# Line separators for some line readers (Node's readline, str.splitlines), and unpaired surrogates, which
# UTF-8 cannot represent. They occur only inside strings, where an escape is equivalent (RFC 8259 §7).
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_FORM: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}
_ENCODER = json.JSONEncoder(**_FORM)


class UnreadableError(ValueError):
    """The text is not JSON, or is outside the accepted limits. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class ExactNumber:
    """A number that no double represents exactly, as it was written."""

    text: str


def loads(text: bytes, *, object_of: Callable[[Pairs], dict[str, Any]] = dict) -> Any:  # noqa: ANN401
    """Parse a JSON text in UTF-8.

    Args:
        object_of: builds an object from its members, in their order.

    Raises:
        UnreadableError: the text is not JSON, is nested deeper than `MAX_DEPTH`, or has an invalid number.
    """
    try:
        check_depth(text, most=MAX_DEPTH)
        return _decoder(object_of).decode(text.decode("utf-8"))
    except UnreadableError:
        raise
    except TooDeepError as error:
        raise UnreadableError(f"The body is {error}.") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableError("The body is not JSON.") from error


@lru_cache(maxsize=8)
def _decoder(object_of: Callable[[Pairs], dict[str, Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=object_of, parse_constant=_no_constant, parse_float=_number)


def dumps(value: object) -> bytes:
    """Serialize `value` as JSON in UTF-8 on one line, by any definition of a line.

    Raises:
        ValueError: `value` contains an infinite number or NaN.
    """
    try:
        text = _escaped(_ENCODER.encode(value))
    except TypeError:  # there are numbers that the encoder does not know
        numbers = _Numbers(value)
        text = numbers.put_into(_escaped(json.dumps(value, **_FORM, default=numbers.mark)))
    return text.encode("utf-8")


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class _Numbers:
    """Inserts exact numbers into JSON, in place of the strings that the encoder accepts for them.

    Args:
        value: the value to write; the placeholder string is its digest, which it cannot contain itself.
    """

    def __init__(self, value: object) -> None:
        self._value = value
        self._texts: list[str] = []
        self._mark = ""

    def mark(self, number: object) -> str:
        if not isinstance(number, ExactNumber):
            raise TypeError(f"{type(number).__name__} has no place in JSON")
        if not self._mark:
            self._mark = hashlib.sha256(repr(self._value).encode("utf-8", "surrogatepass")).hexdigest()
        self._texts.append(number.text)
        return self._mark

    def put_into(self, text: str) -> str:
        if not self._texts:
            return text
        first, *others = text.split(f'"{self._mark}"')
        return first + "".join(f"{number}{other}" for number, other in zip(self._texts, others, strict=True))


def _number(text: str) -> float | ExactNumber:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise UnreadableError("The body contains a number that is too long.")
    number = float(text)
    if repr(number) == text:
        return number
    try:
        same = math.isfinite(number) and Decimal(repr(number)) == Decimal(text)
    except InvalidOperation:  # the exponent is out of the range of decimals
        same = False
    return number if same else ExactNumber(text)


def _no_constant(_name: str) -> NoReturn:
    raise UnreadableError("The body contains a number that is not valid in JSON.")
