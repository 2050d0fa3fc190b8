"""The hops that proxies report in the headers Forwarded (RFC 7239) and X-Forwarded-For."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_HOPS = 32
"""The number of hops read, counted from the last: those further away are less reliable."""

MAX_LINE_BYTES = 4_096
ILLEGIBLE = ""
"""A hop that cannot be parsed."""

_WHITE = re.compile(r"[ \t]*")
# RFC 7239 §4: forwarded-pair = token "=" value; value = token / quoted-string (RFC 9110 §5.6). Addresses with
# colons and brackets must be quoted, but many proxies do not quote them, and here that is unambiguous.
_PAIR = re.compile(
    r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    r'(?:(?P<token>[!#$%&\'*+.^_`|~0-9A-Za-z:\[\]-]+)|"(?P<quoted>(?:[^"\\]|\\.)*)")'
)
_ESCAPED = re.compile(r"\\(.)")


def x_forwarded_for_hops(lines: Sequence[str]) -> list[str]:
    """Return the last `MAX_HOPS` hops of X-Forwarded-For; earlier hops become one illegible hop."""
    hops = ",".join(lines).rsplit(",", MAX_HOPS) if lines else []
    return [ILLEGIBLE, *hops[1:]] if len(hops) > MAX_HOPS else hops


def forwarded_hops(lines: Sequence[str]) -> list[str]:
    """Return the `for` parameters of Forwarded, one hop for each element.

    A malformed line becomes one illegible hop: otherwise a client could hide what the proxies appended behind
    an unclosed quote.
    """
    hops = [hop for line in lines[-MAX_HOPS:] for hop in _hops(line)]
    return [ILLEGIBLE, *hops[-MAX_HOPS:]] if len(hops) > MAX_HOPS or len(lines) > MAX_HOPS else hops


def has_malformed_line(lines: Sequence[str]) -> bool:
    """Check whether a line of Forwarded cannot be parsed, so that hops appended by proxies may be hidden."""
    return any(_parsed(line) is None for line in lines[-MAX_HOPS:])


def _hops(line: str) -> list[str]:
    elements = _parsed(line)
    if elements is None:
        return [ILLEGIBLE]
    # RFC 7239 §4: each parameter occurs once in an element.
    return [named[0] if len(named) == 1 else ILLEGIBLE for named in elements]


def _parsed(line: str) -> list[list[str]] | None:
    return _elements(line) if len(line) <= MAX_LINE_BYTES else None


def _elements(line: str) -> list[list[str]] | None:
    """Return the values of `for` in each element of a line; None if the line is malformed."""
    elements: list[list[str]] = [[]]
    position = 0
    while True:
        position = _skip(line, position)
        if pair := _PAIR.match(line, position):
            if pair["name"].lower() == "for":
                elements[-1].append(_value(pair))
            position = _skip(line, pair.end())
        if position == len(line):
            return elements
        if line[position] == ",":
            elements.append([])
        elif line[position] != ";":
            return None
        position += 1


def _skip(line: str, position: int) -> int:
    white = _WHITE.match(line, position)
    return white.end() if white else position


def _value(pair: re.Match[str]) -> str:
    return pair["token"] if pair["quoted"] is None else _ESCAPED.sub(r"\1", pair["quoted"])
