"""Parse log lines into entries: JSON or console format, with or without the prefix of docker compose."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# docker compose: the container's name, padded, a bar. Names have no space, so no log line of ours matches.
_PREFIX = re.compile(r"\[?(?P<origin>[\w.-]+)]? *\| ?(?P<line>.*)\Z", re.DOTALL)

# structlog's ConsoleRenderer: time [level] event [logger] name=value …, where a value with a space is a
# Python string literal. `docker compose logs -t` adds another time in front.
_CONSOLE = re.compile(
    r"(?:\d{4}-\d\d-\d\dT\S+ )?(?P<timestamp>\d{4}-\d\d-\d\dT\S+) \[(?P<level>[a-z]+) *\] "
    r"(?P<event>(?:.*?\S)?) *+(?:\[(?P<logger>[\w.]++)\])?(?: ?(?<![^ \]])(?P<fields>[a-z_]++=.*))?\Z",
    re.DOTALL,
)
_FIELD = re.compile(
    r"""(?<!\w)(?P<name>\w++)=(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S*)(?: |\Z)""", re.DOTALL
)


@dataclass(slots=True)
class Entry:
    """One log entry.

    Attributes:
        origin: the file or container that it is from.
        fields: all logged fields, including ``event`` and ``timestamp``.
        more: further lines of the entry, such as a traceback.
    """

    origin: str
    fields: Mapping[str, object]
    more: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return a field as text; empty if it is missing."""
        value = self.fields.get(name)
        return "" if value is None else str(value)


def read_entries(lines: Iterable[str], origin: str) -> Iterator[Entry]:
    """Parse the entries of a log.

    Args:
        origin: the origin of lines that do not name one.
    """
    open_entries: dict[str, Entry] = {}
    for raw in lines:
        place, line = _unprefixed(_COLOUR.sub("", raw.rstrip("\r\n")), origin)
        fields = _fields(line)
        if fields is not None:
            if done := open_entries.pop(place, None):
                yield done
            open_entries[place] = Entry(place, fields)
        elif place in open_entries:
            open_entries[place].more.append(line)
    yield from open_entries.values()


def _unprefixed(line: str, origin: str) -> tuple[str, str]:
    match = _PREFIX.match(line)
    return (match["origin"], match["line"]) if match else (origin, line)


def _fields(line: str) -> Mapping[str, object] | None:
    """Parse a line that begins an entry; None for an indented line, which continues the entry above."""
    if line[:1].isspace():
        return None
    if match := _CONSOLE.match(line):
        named = {name: match[name] for name in ("timestamp", "level", "event", "logger") if match[name]}
        # Logged fields must not overwrite those of the renderer.
        return {**dict(_pairs(match["fields"] or "")), **named}
    # The log handler of another server may have added a prefix.
    with suppress(ValueError, RecursionError):
        members = json.loads(line[line.index("{") :])
        if isinstance(members, dict) and "event" in members:
            return members
    return None


def _pairs(text: str) -> Iterator[tuple[str, object]]:
    for match in _FIELD.finditer(text):
        value = match["value"]
        with suppress(ValueError, SyntaxError):
            value = ast.literal_eval(value) if value[:1] in ("'", '"') or value == "None" else value
        yield match["name"], value
