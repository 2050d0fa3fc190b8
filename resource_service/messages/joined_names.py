"""The names of tools, prompts, resources and ids behind one URL. Pure, stable and reversible.

Each name begins with the name of its mount: the tool ``list_issues`` of ``/github`` is
``github_list_issues``, the resource ``repo://a`` is ``github+repo://a``, the scope ``read`` is
``github:read``. Mount names contain none of the separators, so the first separator ends the mount's name:
different names never become the same, and nothing is renamed to avoid that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from resource_service.messages.request_ids import RequestId
from shared.mounts import MOUNT_NAME, check_mount_names

NAME_SEPARATOR = "_"
URI_SEPARATOR = "+"
"""Allowed in the scheme of a URI (RFC 3986 §3.1), as are the characters of mount names."""

SCOPE_SEPARATOR = ":"
MAX_NAME_CHARACTERS = 128
"""The maximum of MCP for the name of a tool (SEP-986)."""

SEARCH_TOOLS, CALL_TOOL = "search_tools", "call_tool"


class Joined(NamedTuple):
    """A name, URI or scope of a mount."""

    mount: str
    name: str


def check_names(names: Iterable[str], *, search: bool = False) -> None:
    """Check that mounts can be served behind one URL; see `check_mount_names`.

    Args:
        search: whether the tools `SEARCH_TOOLS` and `CALL_TOOL` are served beside theirs.
    """
    own = {tool.partition(NAME_SEPARATOR)[0] for tool in (SEARCH_TOOLS, CALL_TOOL)} if search else set()
    check_mount_names(names, own)


def joined_name(mount: str, name: str) -> str:
    """Return the name of a tool or prompt, or the id of a task, behind the one URL."""
    return f"{mount}{NAME_SEPARATOR}{name}"


def joined_uri(mount: str, uri: str) -> str:
    """Return the URI of a resource, or the template of such URIs, behind the one URL."""
    return f"{mount}{URI_SEPARATOR}{uri}"


def joined_scope(mount: str, scope: str) -> str:
    """Return a scope of the mount at the joined resource; the scope for the mount itself is its name."""
    return f"{mount}{SCOPE_SEPARATOR}{scope}"


def joined_id(mount: str, request_id: RequestId) -> str:
    """Return an id or a progress token of a mount's server, for the client: 1 and "1" stay different."""
    return f"{mount}{NAME_SEPARATOR}{json.dumps(request_id)}"


def split_name(text: object) -> Joined | None:
    """Return what `joined_name` made `text` of; None if it is not such a name."""
    return _split(text, NAME_SEPARATOR)


def split_uri(text: object) -> Joined | None:
    """Return what `joined_uri` made `text` of; None if it is not such a URI."""
    return _split(text, URI_SEPARATOR)


def split_scope(text: str) -> Joined | None:
    """Return what `joined_scope` made `text` of; None for the scope of a whole mount."""
    return _split(text, SCOPE_SEPARATOR)


def split_id(text: object) -> tuple[str, RequestId] | None:
    """Return mount and id that `joined_id` made `text` of; None if it is not such an id."""
    split = _split(text, NAME_SEPARATOR)
    if split is None:
        return None
    try:
        inner = json.loads(split.name)
    except (ValueError, RecursionError):
        return None
    if isinstance(inner, bool) or not isinstance(inner, str | int) or joined_id(split.mount, inner) != text:
        return None
    return split.mount, inner


def scopes_of(mount: str, scopes: Iterable[str]) -> tuple[str, ...] | None:
    """Return the scopes at `mount` of a token for the joined resource; None if it is not for the mount."""
    scopes = tuple(scopes)
    split = [joined for joined in map(split_scope, scopes) if joined is not None and joined.mount == mount]
    if not split and mount not in scopes:
        return None
    return tuple(joined.name for joined in split)


def scopes_about(mount: str, scopes: Iterable[str]) -> tuple[str, ...]:
    """Return those of the scopes of a token for the joined resource that are about `mount`, as they are."""
    return tuple(scope for scope in scopes if scope.partition(SCOPE_SEPARATOR)[0] == mount)


def _split(text: object, separator: str) -> Joined | None:
    if not isinstance(text, str):
        return None
    mount, separated, name = text.partition(separator)
    return Joined(mount, name) if separated and MOUNT_NAME.match(mount) else None
