"""Arguments of calls as the journal keeps them: by the rule of the tool, and never with secrets (JR-4). Pure.

The work is bounded before it begins: callers choose how large, deep and long arguments are.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from shared import base64url
from shared.journal.event import canonical
from shared.journal.secret_text import MASK, is_secret_option, masked, names_a_secret

MAX_BYTES = 2_048
"""Arguments in one event, as JSON."""
MAX_DEPTH = 8
MAX_VALUES = 256
"""Values of one call that are looked at."""
MAX_TEXT = 512
"""Characters of one value that are kept."""
MAX_NAME = 64
MAX_NAMES = 32
LEFT_OUT = "…"
_LABELS = ("name", "Name", "key", "Key", "field", "header", "variable", "label", "id", "option")
_VALUES = frozenset({"value", "values", "content", "data", "default", "text", "val"})
_MAX_WHOLE = 2**53


class Redaction(StrEnum):
    """Rules for the arguments of a tool: how much of them the journal keeps."""

    NONE = "none"
    KEYS = "keys"
    HASH = "hash"
    FULL = "full"


def redacted(arguments: object, rule: Redaction, hash_key: bytes) -> dict[str, Any] | None:
    """Return what the journal keeps of the arguments of a call; None for nothing.

    Args:
        hash_key: for `Redaction.HASH`. Without a key, values of few possibilities could be found by trying.
    """
    if rule is Redaction.NONE or not isinstance(arguments, dict):
        return None
    if rule is Redaction.KEYS:
        return {"keys": key_names(arguments)}
    if rule is Redaction.HASH:
        return {"hash": _hash(arguments, hash_key)}
    kept = without_secrets(arguments)
    if len(canonical(kept)) <= MAX_BYTES:
        return {"full": kept}
    return {"keys": key_names(arguments), "truncated": True}


def key_names(arguments: Mapping[str, Any]) -> list[str]:
    """Return the names of the members, sorted, with those of nested objects as `outer.inner`."""
    kept: list[str] = []
    room = MAX_BYTES // 2
    for name in _names(arguments, "", 0):
        room -= len(name.encode()) + 3  # with quotes and a comma; escapes fit in the other half
        if room < 0 or len(kept) == MAX_NAMES:
            return [*sorted(kept), LEFT_OUT]
        kept.append(name)
    return sorted(kept)


def _names(value: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
    for name, member in value.items():
        path = f"{prefix}{name_of(name)}"
        yield path
        if isinstance(member, dict) and depth < 2:
            yield from _names(member, f"{path}.", depth + 1)


def name_of(name: str) -> str:
    """Return the name of a member, without secrets and bounded: callers can write anything there."""
    return text_of(name, MAX_NAME)


def text_of(text: str, limit: int = MAX_TEXT) -> str:
    """Return text of a caller, without secrets, at most `limit` characters, and encodable as UTF-8."""
    # A secret across the end is cut only after it was masked, but no more is examined than needed.
    result = masked(text[: 2 * limit + 256])
    if len(result) > limit or len(text) > 2 * limit + 256:
        result = result[: limit - 1] + LEFT_OUT
    return result.encode("utf-8", "replace").decode()


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with all secrets masked, and cut at the limits of depth, number and length."""
    return _Walk().members(arguments, 0)


class _Walk:
    """One walk through arguments, with a limited number of values."""

    def __init__(self) -> None:
        self._left = MAX_VALUES
        self._room = 2 * MAX_BYTES

    @property
    def _is_over(self) -> bool:
        return self._left <= 0 or self._room <= 0

    def members(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        is_labelled = _labels_a_secret(value)
        for name, member in value.items():
            self._left -= 1
            if self._is_over:
                result[LEFT_OUT] = LEFT_OUT
                break
            self._room -= min(len(name), MAX_NAME)
            result[name_of(name)] = (
                MASK
                if names_a_secret(name[:MAX_TEXT]) or (is_labelled and name.casefold() in _VALUES)
                else self._value(member, depth + 1)
            )
        return result

    def _value(self, value: object, depth: int) -> object:
        self._left -= 1
        match value:
            case str():
                self._room -= min(len(value), MAX_TEXT)
                return text_of(value)
            case bool() | None:
                return value
            case int() if abs(value) < _MAX_WHOLE:
                return value
            case int() | float():
                # The canonical form of the journal has neither fractions nor numbers beyond 2**53.
                return str(value)[:MAX_NAME] if not isinstance(value, int) else _large(value)
            case dict() if depth < MAX_DEPTH:
                return self.members(value, depth)
            case list() if depth < MAX_DEPTH:
                return self._items(value, depth)
        return LEFT_OUT

    def _items(self, values: list[Any], depth: int) -> list[object]:
        result: list[object] = []
        is_pair = len(values) == 2 and isinstance(values[0], str) and names_a_secret(values[0][:MAX_TEXT])
        hides_next = False
        for value in values:
            if self._is_over:
                result.append(LEFT_OUT)
                break
            is_hidden = hides_next or (is_pair and bool(result))
            result.append(MASK if is_hidden else self._value(value, depth + 1))
            hides_next = isinstance(value, str) and is_secret_option(value)
        return result


def _labels_a_secret(value: Mapping[str, Any]) -> bool:
    """Whether one member is the name of a secret whose value another member is."""
    labels = (value.get(label) for label in _LABELS)
    return any(isinstance(label, str) and names_a_secret(label[:MAX_TEXT]) for label in labels)


def _large(value: int) -> str:
    # Python refuses to print numbers of more than 4,300 digits.
    return str(value)[:MAX_NAME] if value.bit_length() < 8_192 else LEFT_OUT


def _hash(arguments: Mapping[str, Any], key: bytes) -> str:
    """Return a keyed digest of all arguments. Nobody can find them by trying without the key."""
    try:
        text = json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=str)
    except (RecursionError, ValueError):
        return LEFT_OUT
    return base64url.encode(hmac.digest(key, text.encode(), "sha256")[:16])
