"""The details of a scope, from the metadata of its resource (RFC 9728), reduced to fit on a page.

The resource server is the operator's, but its metadata may come from an MCP server behind it. So the metadata
is only displayed, bounded and without invisible characters, and never affects a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.json_text import parse_json
from shared.uris import resource_key

MEMBER = "doorward_scopes"
MAX_USES = 200
MAX_NAME_CHARACTERS = 100
MAX_SCOPES = 200

Kind = Literal["tool", "prompt", "resource"]
_KINDS: Mapping[str, Kind] = {"tools": "tool", "prompts": "prompt", "resources": "resource"}


@dataclass(frozen=True, slots=True)
class Use:
    """Something that a scope allows: a name, or a pattern in which ``*`` is any text."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class ScopeDetail:
    """Everything that one scope allows.

    Attributes:
        uses: at most `MAX_USES`; `left_out` is the number of others.
        includes: other scopes that it implies.
        everything_else: whether it is needed for everything that no scope names.
    """

    uses: tuple[Use, ...] = ()
    left_out: int = 0
    includes: tuple[str, ...] = ()
    everything_else: bool = False


@dataclass(frozen=True, slots=True)
class ResourceDescription:
    """A resource's description of its scopes.

    Attributes:
        scopes: the scopes that it requires of tokens.
        details: scope to its details, if described.
    """

    scopes: frozenset[str] = frozenset()
    details: Mapping[str, ScopeDetail] = field(default_factory=dict)

    def detail(self, scope: str) -> ScopeDetail:
        """Return the details of `scope`; empty if none are given."""
        return self.details.get(scope, ScopeDetail())


def read_description(body: bytes, resource: str) -> ResourceDescription:
    """Parse the description in a metadata document.

    Args:
        resource: the resource whose document it must be (RFC 9728 §3.3).

    Raises:
        ValueError: it is not a metadata document of `resource`. The message says why, for the log.
    """
    try:
        document = parse_json(body)
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(document, dict) or not _is_of(document.get("resource"), resource):
        raise ValueError("not a metadata document of this resource")
    by_scope = document.get(MEMBER)
    details = {
        scope: _detail(members)
        for scope, members in list((by_scope if isinstance(by_scope, dict) else {}).items())[:MAX_SCOPES]
        if isinstance(members, dict)
    }
    return ResourceDescription(frozenset(_texts(document.get("scopes_supported"))), details)


def _is_of(named: object, resource: str) -> bool:
    try:
        return isinstance(named, str) and resource_key(named) == resource_key(resource)
    except ValueError:
        return False


def _detail(members: dict[str, Any]) -> ScopeDetail:
    uses = [
        Use(kind, visible)
        for member, kind in _KINDS.items()
        for name in _texts(members.get(member))
        if (visible := _visible_name(name))
    ]
    return ScopeDetail(
        uses=tuple(uses[:MAX_USES]),
        left_out=max(0, len(uses) - MAX_USES),
        includes=tuple(filter(None, map(_visible_name, _texts(members.get("includes")))))[:MAX_USES],
        everything_else=members.get("everything_else") is True,
    )


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _visible_name(name: str) -> str:
    """Return `name` without invisible characters, and at most one line long."""
    visible = "".join(character for character in name[: 4 * MAX_NAME_CHARACTERS] if character.isprintable())
    short = visible[:MAX_NAME_CHARACTERS]
    return f"{short}…" if len(visible) > len(short) else short
