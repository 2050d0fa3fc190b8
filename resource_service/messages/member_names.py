"""Member names that some parsers confuse with others. Pure.

Go's encoding/json matches names case-insensitively by simple folding (``paramſ`` is ``params``), and the last
one wins; Jackson, System.Text.Json and cJSON can be configured similarly. The check and the execution must
use the same member. Therefore a member that folds to a protocol name without being equal to it is refused,
except where names are free: in the arguments of a tool and in what people fill in.
"""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import cast

import mcp_types
from pydantic import BaseModel

MAX_VALUES = 10_000
"""Values outside the parts with free names; clients send a few dozen."""

_FOLDED_CHARACTERS = 128
"""Longer than every protocol name, and short enough that normalizing it takes no time."""

_META = "io.modelcontextprotocol/"
_CAPABILITIES = (("capabilities",), ("_meta", f"{_META}clientCapabilities"))
_FREE = frozenset(
    {
        ("result",),
        ("error", "data"),
        ("params", "arguments"),
        ("params", "context", "arguments"),
        ("params", "inputResponses"),
        *(("params", *path, open_) for path in _CAPABILITIES for open_ in ("experimental", "extensions")),
    }
)
"""Paths to values in which the sender may choose all names."""

# Java's equalsIgnoreCase treats both as an i.
_DOTLESS = str.maketrans({"\u0130": "i", "\u0131": "i"})

_NOT_PLAIN = re.compile("[\0\ud800-\udfff]")

Path = tuple[str, ...]


def _protocol_names() -> Iterator[str]:
    for model in vars(mcp_types).values():
        if inspect.isclass(model) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())
    yield from (value for name, value in vars(mcp_types).items() if name.endswith("_META_KEY"))
    yield "taskIds"  # of the extension for tasks (SEP-2663)


NAMES = frozenset(_protocol_names())
"""Every name with a meaning in an MCP message."""


def folded(name: str) -> str:
    """Fold `name` as a case-insensitive parser does: wider than Go's folding, never narrower."""
    if len(name) > _FOLDED_CHARACTERS:
        return name
    if name.isascii():
        return name.lower()  # the same, without the tables of Unicode
    return unicodedata.normalize("NFKC", name.translate(_DOTLESS)).casefold()


_FOLDED = {folded(name): name for name in NAMES}
_CLEAR = frozenset(_FOLDED.values())
"""Names that mean themselves, each folded to a different form."""


class _Place(dict[str, "_Place | None"]):
    """The values inside of one value, by name: None where names are free. All others are in no such place."""


class _Meta(_Place):
    """The values in `_meta`: names with the prefix of somebody else are that one's."""


_ELSEWHERE = _Place()


def _places(free: Iterable[Path]) -> _Place:
    """Return the place of a message, in which the values at the paths `free` have free names."""
    message = _Place({"params": _Place({"_meta": _Meta()})})
    for path in free:
        place = message
        for name in path[:-1]:
            place = cast("_Place", place.setdefault(name, _Place()))  # none is inside of another one
        place[path[-1]] = None
    return message


_MESSAGE = _places(_FREE)


def fault_in(message: object) -> str | None:
    """Return a sentence about what is ambiguous in `message`; None if nothing is."""
    seen = 0
    waiting: list[tuple[_Place, object]] = [(_MESSAGE, message)]
    while waiting:
        place, value = waiting.pop()
        seen += 1
        if seen > MAX_VALUES:
            return "The message contains too many values outside of arguments."
        # The types are those of the parser. Every message passes here, so calls are spared.
        kind = type(value)
        if kind is str:
            text = cast("str", value)
            if not (text.isprintable() or _is_plain(text)):
                return "The message contains an invalid character."
        elif kind is dict:
            members = cast("dict[str, object]", value)
            if not _CLEAR.issuperset(members) and (reason := _fault_in_names(members)):
                return reason
            for name, inner in members.items():
                inner_place = place[name] if name in place else _unnamed(place, name)
                if inner_place is not None:
                    waiting.append((inner_place, inner))
        elif kind is list:
            waiting.extend([(place, inner) for inner in cast("list[object]", value)])
    return None


def _unnamed(place: _Place, name: str) -> _Place | None:
    """Return the place of the value `name` in `place`, which does not name it."""
    is_of_others = type(place) is _Meta and "/" in name and not name.startswith(_META)
    return None if is_of_others else _ELSEWHERE


def _fault_in_names(members: dict[str, object]) -> str | None:
    seen: set[str] = set()
    for name in members:
        form = folded(name)
        if form in seen or _FOLDED.get(form, name) != name:
            return f"Parsers could mistake the member {name[:64]!a} for another one."
        if not _is_plain(name):
            return f"The member {name[:64]!a} contains an invalid character."
        seen.add(form)
    return None


def _is_plain(text: str) -> bool:
    """Check that no parser ends `text` early (C, at NUL) or replaces parts (unpaired surrogates)."""
    return text.isprintable() or _NOT_PLAIN.search(text) is None
