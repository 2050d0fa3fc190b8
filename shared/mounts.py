"""Mounts of a gateway as settings and options name them, and the names by which they are joined. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

MAX_MOUNT_CHARACTERS = 24
# RFC 3986 §3.1: a scheme begins with a letter.
MOUNT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_RESERVED = frozenset({"openid", "profile", "email", "address", "phone", "groups", "doorward"})
"""Scopes of authorization servers begin with these."""

_SEGMENT = "/[A-Za-z0-9._~-]+"
_PATH = re.compile(rf"{_SEGMENT}\Z")
_OTHER_SEPARATOR = re.compile(rf"[,\n][ \t]*{_SEGMENT}[ \t]*=[ \t]*(?:https?://|stdio:)")
"""Between mounts in plain text: the second would be part of the first upstream."""

_FORM = "/PATH=URL or /PATH=stdio:COMMAND"


def check_mount_names(names: Iterable[str], reserved: Iterable[str] = ()) -> None:
    """Check that mounts can be served behind one URL.

    Args:
        names: the names of the mounts: their paths without the slash.
        reserved: more names that none of them may have.

    Raises:
        ValueError: a name cannot be used, or two names differ only in case.
    """
    seen: dict[str, str] = {}
    taken = _RESERVED.union(reserved)
    for name in names:
        if not MOUNT_NAME.match(name) or len(name) > MAX_MOUNT_CHARACTERS:
            raise ValueError(
                f"the mount /{name} cannot be joined: its name must begin with a letter, and consist of "
                f"letters, digits and hyphens, at most {MAX_MOUNT_CHARACTERS}"
            )
        if name.lower() in taken:
            raise ValueError(f"the mount /{name} cannot be joined: its name is reserved")
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(
                f"the mounts /{other} and /{name} cannot both be joined: they differ only in case"
            )


def check_mount_path(path: str) -> None:
    """Check the path of a mount.

    Raises:
        ValueError: it is not a slash and one plain segment.
    """
    if not _PATH.match(path) or path in ("/.", "/..", "/.well-known"):
        raise ValueError("the path of a mount must be a slash and one plain segment, such as /github")


def mounts_in(text: str) -> dict[str, object]:
    """Return the mounts that a setting names, by path: JSON, or ``/PATH=UPSTREAM; /PATH=UPSTREAM``.

    Raises:
        ValueError: it is neither, or names a path twice. The message has no value, which may be secret.
    """
    if text.lstrip().startswith(("{", "[")):
        try:
            mounts = json.loads(text, object_pairs_hook=_distinct)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except json.JSONDecodeError:
            raise ValueError("it is not JSON") from None
        if not isinstance(mounts, dict):
            raise ValueError("as JSON, it must be an object: path to upstream")
        return mounts
    if _OTHER_SEPARATOR.search(text):
        raise ValueError("mounts are separated by semicolons")
    return mounts_of(part for part in map(str.strip, text.split(";")) if part)


def mounts_of(texts: Iterable[str]) -> dict[str, object]:
    """Return the mounts that options name, ``/PATH=UPSTREAM`` each, by path.

    Raises:
        ValueError: a text has another form, or a path is there twice.
    """
    pairs = []
    for text in texts:
        path, separator, upstream = (part.strip() for part in text.partition("="))
        if not separator or not path.startswith("/") or not upstream:
            raise ValueError(f"each mount has the form {_FORM}; an upstream with a semicolon needs JSON")
        pairs.append((path, upstream))
    return _distinct(pairs)


def _distinct(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"{name!r} is there twice")
        members[name] = value
    return members


def is_on(settings: Mapping[str, str], name: str) -> bool:
    """Whether a setting that is true or false is true, as the services read it."""
    return settings.get(name, "").strip().lower() in ("true", "1", "yes", "on", "t", "y")
