"""Reads mappings of a file, and collects every problem with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

from shared.plain_yaml import Place

ReadSecret = Callable[[str], str]
"""Returns the secret at `env:NAME` or `file:PATH`; raises ValueError if there is none."""

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Reader:
    """Reads values at places; what is wrong becomes a problem, and the value counts as omitted."""

    def __init__(self, lines: Mapping[Place, int]) -> None:
        self._lines = lines
        self.problems: list[str] = []

    def refuse(self, place: Place, says: str) -> None:
        """Note a problem at `place`."""
        line = next(
            (self._lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self._lines), 1
        )
        name = ".".join(str(part) for part in place) or "the file"
        self.problems.append(f"line {line}: {name}: {says}")

    def mapping(self, value: object, place: Place, keys: Collection[str] | None = None) -> dict[str, object]:
        """Return a mapping; if `keys` are passed, only these.

        A key that is not among `keys` is a problem.
        """
        if not isinstance(value, dict):
            self.refuse(place, "this must be a mapping")
            return {}
        if keys is None:
            return value
        for key in value:
            if key not in keys:
                self.refuse((*place, key), f"there is no such key{_hint(key, keys)}")
        return {key: inner for key, inner in value.items() if key in keys}

    def text(self, value: object, place: Place, *, longest: int = 255) -> str | None:
        """Return one line of text, which may be empty."""
        if isinstance(value, str) and len(value) <= longest and not _CONTROLS.search(value):
            return value
        self.refuse(place, f"this must be one line of text, at most {longest} characters")
        return None

    def boolean(self, value: object, place: Place) -> bool | None:
        """Return a boolean: in plain YAML, the text `true` or `false`."""
        if value in ("true", "false"):
            return value == "true"
        self.refuse(place, "this must be true or false")
        return None

    def items(self, value: object, place: Place, *, most: int) -> list[object]:
        """Return a list of at most `most` items."""
        if isinstance(value, list) and len(value) <= most:
            return value
        self.refuse(place, f"this must be a list of at most {most}")
        return []


def _hint(key: str, keys: Collection[str]) -> str:
    close = get_close_matches(key, keys, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(keys)}"
