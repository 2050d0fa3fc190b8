"""Member names that some parsers take for others. Pure.

Go's encoding/json matches names without regard to case, by simple folding (``paramſ`` is ``params``), and
the last one wins; Jackson, System.Text.Json and cJSON can be set to do much the same. What is judged by one
name must not be run by another, so a member that folds to a name of the protocol without being it is
refused: everywhere but where names are free, which is in the arguments of a tool and in what people fill
in.
"""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Iterator

import mcp_types
from pydantic import BaseModel

MAX_VALUES = 10_000
"""Values of a message whose names are not free; clients send a few dozen."""

_FOLDED_CHARACTERS = 128
"""Longer than every name of the protocol, and short enough that normalizing it takes no time."""

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
"""Paths to values in which every name is the sender's own."""

# Java's equalsIgnoreCase takes both for an i.
_DOTLESS = str.maketrans({"\u0130": "i", "\u0131": "i"})

Path = tuple[str, ...]


def _protocol_names() -> Iterator[str]:
    for model in vars(mcp_types).values():
        if inspect.isclass(model) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())
    yield from (value for name, value in vars(mcp_types).items() if name.endswith("_META_KEY"))


NAMES = frozenset(_protocol_names())
"""Every name that a message of MCP gives a meaning to."""


def folded(name: str) -> str:
    """What `name` is to a parser that does not care about case: wider than Go's folding, never narrower."""
    if len(name) > _FOLDED_CHARACTERS:
        return name
    return unicodedata.normalize("NFKC", name.translate(_DOTLESS)).casefold()


_FOLDED = {folded(name): name for name in NAMES}


def fault_in(message: object) -> str | None:
    """What may be read in two ways in `message`, in a sentence; None where there is nothing."""
    seen = 0
    waiting: list[tuple[Path, object]] = [((), message)]
    while waiting:
        path, value = waiting.pop()
        seen += 1
        if seen > MAX_VALUES:
            return "The message holds too many values outside of arguments."
        match value:
            case dict():
                if reason := _fault_in_names(value):
                    return reason
                inside = (((*path, name), inner) for name, inner in value.items())
                waiting.extend((place, inner) for place, inner in inside if not _is_free(place))
            case list():
                waiting.extend((path, inner) for inner in value)
            case str() if not _is_plain(value):
                return "The message holds a character that is no text."
    return None


def _fault_in_names(members: dict[str, object]) -> str | None:
    seen: set[str] = set()
    for name in members:
        form = folded(name)
        if form in seen or _FOLDED.get(form, name) != name:
            return f"The member {name[:64]!a} may be read as another one."
        if not _is_plain(name):
            return f"The member {name[:64]!a} holds a character that is no text."
        seen.add(form)
    return None


def _is_free(path: Path) -> bool:
    if path[:2] == ("params", "_meta") and len(path) == 3:
        return "/" in path[2] and not path[2].startswith(_META)
    return path in _FREE


def _is_plain(text: str) -> bool:
    """Whether no parser ends it early (C, at NUL), nor puts something else in its place (halves of pairs)."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
