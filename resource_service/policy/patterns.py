"""Names and the patterns that mean them. Pure.

A pattern is a name in which ``*`` stands for any text, none included. Nothing else is special, letters are
compared as they are, and matching takes time in proportion to the name, which a client chose.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

ANY = "*"
_ROUNDS = 3
"""How often a URI is decoded: more than any chain of servers does."""


def is_exact(pattern: str) -> bool:
    """Whether `pattern` means one name only."""
    return ANY not in pattern


def matches(pattern: str, name: str) -> bool:
    """Whether `pattern` means `name`, among others."""
    first, *rest = pattern.split(ANY)
    if not rest:
        return name == pattern
    *middle, last = rest
    position, end = len(first), len(name) - len(last)
    if position > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        found = name.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def covers(pattern: str, other: str) -> bool:
    """Whether `pattern` means every name that the pattern `other` means.

    A character that neither holds stands for whatever a ``*`` of `other` may be: if it matches, it is a ``*``
    of `pattern` that takes it, and would take anything else as well.
    """
    return matches(pattern, other.replace(ANY, "\0"))


def spellings(uri: str) -> Iterator[str]:
    """`uri` as it is written, then as a server may come to understand it.

    Without percent-encoding, without ``.`` and ``..`` segments, with slashes for backslashes, and with the
    scheme and the host in lower case (RFC 3986 §6.2.2): ``file:///notes/%2e%2e/keys`` is ``file:///keys``. A
    scheme of a server's own may have no host: in ``notes://mine/../yours`` all may be path. One that is
    encoded over and over ends in the empty name, which no rule spells out.
    """
    seen: set[str] = set()
    for _ in range(_ROUNDS):
        for spelled in (uri, *_plain(uri)):
            if spelled not in seen:
                seen.add(spelled)
                yield spelled
        decoded = unquote(uri)
        if decoded == uri:
            return
        uri = decoded
    yield ""


def _plain(uri: str) -> Iterator[str]:
    scheme, colon, rest = uri.replace("\\", "/").partition(":")
    if not colon:
        return
    beginning = f"{scheme.lower()}:"
    if not rest.startswith("//"):
        yield f"{beginning}{_without_dots(rest)}"
        return
    host, slash, path = rest.removeprefix("//").partition("/")
    yield f"{beginning}//{host.lower()}{slash}{_without_dots(path)}"
    if host:
        yield f"{beginning}//{_without_dots(f'{host}{slash}{path}')}"


def _without_dots(path: str) -> str:
    """`path` as a file system resolves it; a slash at its beginning or end stays."""
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    start = "/" if path.startswith("/") else ""
    end = "/" if kept and segments[-1] in ("", ".", "..") else ""
    return f"{start}{'/'.join(kept)}{end}"
