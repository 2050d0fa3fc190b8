"""Log lines to entries: JSON or for the eye, alone or behind what docker compose puts in front of them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# docker compose: the container's name, padded, a bar. Names hold no space, so no log line of ours looks so.
_PREFIX = re.compile(r"\[?(?P<origin>[\w.-]+)]? *\| ?(?P<line>.*)\Z", re.DOTALL)

# structlog's ConsoleRenderer: time [level] event [logger] name=value …, where a value with a space in it is
# written as Python writes text. `docker compose logs -t` puts a time of its own in front.
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
    """One event of a log.

    Attributes:
        origin: where it was found: a file, or a container.
        fields: all that was logged with it, ``event`` and ``timestamp`` among them.
        more: lines that belong to it, a traceback above all.
    """

    origin: str
    fields: Mapping[str, object]
    more: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """A field as text; empty where there is none."""
        value = self.fields.get(name)
        return "" if value is None else str(value)


def read_entries(lines: Iterable[str], origin: str) -> Iterator[Entry]:
    """The entries of a log.

    Args:
        origin: what to call it, where no line says where it is from.
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
    """What a line says, if an entry begins with it. One that is set in goes on with what is above it."""
    if line[:1].isspace():
        return None
    if match := _CONSOLE.match(line):
        named = {name: match[name] for name in ("timestamp", "level", "event", "logger") if match[name]}
        # What is named by the renderer itself cannot be overwritten by what was logged.
        return {**dict(_pairs(match["fields"] or "")), **named}
    # Whatever logs for a server of somebody else's may have put something in front.
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
