"""Tests of the arguments of a call. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from resource_service.policy.patterns import matches

MAX_STEPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentTest:
    """A test of one argument. Every part that is not None must hold.

    Attributes:
        pointer: where the argument is, as a JSON Pointer (RFC 6901) from the arguments.
        one_of: the values that it may have, as text.
        match: patterns of which one matches it.
        minimum: the smallest number that it may be.
        maximum: the largest one.
        optional: whether it may be missing.
    """

    pointer: str
    one_of: tuple[str, ...] | None = None
    match: tuple[str, ...] | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    optional: bool = False

    @property
    def says(self) -> str:
        """The test as a sentence for a model."""
        parts = (
            ("be one of " + ", ".join(self.one_of)) if self.one_of is not None else "",
            ("match " + " or ".join(self.match)) if self.match is not None else "",
            f"be at least {self.minimum}" if self.minimum is not None else "",
            f"be at most {self.maximum}" if self.maximum is not None else "",
        )
        return f"{self.pointer} must {' and '.join(filter(None, parts)) or 'be there'}"

    def holds(self, arguments: object) -> bool:
        """Return whether the test holds; never if another parser might see another argument there."""
        try:
            value = _value_at(self.pointer, arguments)
        except _MissingError:
            return self.optional
        except _AmbiguousError:
            return False
        return (
            (self.one_of is None or any(_equals(value, text) for text in self.one_of))
            and (self.match is None or _matches(value, self.match))
            and (self.minimum is None or ((number := _number(value)) is not None and number >= self.minimum))
            and (self.maximum is None or ((number := _number(value)) is not None and number <= self.maximum))
        )

    def value_in(self, arguments: object) -> object:
        """Return the value that the test looks at; None if there is none, or another one like it."""
        try:
            return _value_at(self.pointer, arguments)
        except (_MissingError, _AmbiguousError):
            return None


def fault_in(pointer: str) -> str:
    """Return why `pointer` is not a JSON Pointer to an argument; empty if it is."""
    if not pointer.startswith("/"):
        return "it must begin with /"
    if pointer.count("/") > MAX_STEPS:
        return f"it has more than {MAX_STEPS} steps"
    if any(step not in ("0", "1") for step in (part[:1] for part in pointer.split("~")[1:])):
        return "~ must be written as ~0, and / in a name as ~1"
    return ""


class _MissingError(Exception):
    """There is no such argument."""


class _AmbiguousError(Exception):
    """There is another argument that a server may take for this one."""


def _value_at(pointer: str, arguments: object) -> object:
    """Return the value at a pointer.

    Raises:
        _MissingError: there is none.
        _AmbiguousError: a member on the way has a similar name.
    """
    value = arguments
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        value = _element(value, name) if isinstance(value, list) else _member(value, name)
    return value


def _element(value: list[object], name: str) -> object:
    # RFC 6901 §4: an index has no leading zeros.
    is_index = name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and len(name) <= 9
    if not is_index or int(name) >= len(value):
        raise _MissingError
    return value[int(name)]


def _member(value: object, name: str) -> object:
    members: dict[str, Any] = value if isinstance(value, dict) else {}
    folded = _folded(name)
    if any(other != name and _folded(other) == folded for other in members):
        raise _AmbiguousError
    if name not in members:
        raise _MissingError
    return members[name]


def _folded(name: str) -> str:
    """Return what names have in common that frameworks take for the same: `userId`, `user_id`, `USER-ID`."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in text if character.isalnum())


def _equals(value: object, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value] == text
    number = _number(value)
    return number is not None and number == decimal_of(text)


def _matches(value: object, patterns: tuple[str, ...]) -> bool:
    return isinstance(value, str) and any(matches(pattern, value) for pattern in patterns)


def _number(value: object) -> Decimal | None:
    """Return a JSON number; None for anything else, such as text with digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return decimal_of(repr(value))


def decimal_of(text: str) -> Decimal | None:
    """Return the finite number that `text` represents; None if there is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
