"""The mounts, introduced as one server. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from mcp_types import SERVER_INFO_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from resource_service.messages.joined_names import NAME_SEPARATOR
from resource_service.messages.jsonrpc import object_in
from shared.version import VERSION

Json = dict[str, Any]

LEFT_OUT = "doorward/left-out"
"""The member of ``_meta`` with the mounts that a list or an introduction lacks, and why."""

MAX_INSTRUCTIONS = 8_192
"""Characters of the instructions of one mount."""

_ROUTED = ("tools", "prompts", "resources", "logging", "completions", "tasks", "extensions")
"""Capabilities that are used by the names that this server gives; of others it does not know the mount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountResult:
    """The result of a mount that says what it is, or why there is none.

    Attributes:
        title: for people.
        result: of its `initialize` or ``server/discover``; None if it is left out.
        failure: why it is left out.
    """

    mount: str
    title: str
    result: Mapping[str, Any] | None = None
    failure: str = ""


def left_out(mount_results: Iterable[MountResult]) -> dict[str, str]:
    """Return the mounts that are left out, and why."""
    return {each.mount: each.failure for each in mount_results if each.result is None}


def revision_for(params: Mapping[str, Any]) -> str:
    """Return the revision with sessions in which this server answers `initialize`."""
    wanted = params.get("protocolVersion")
    return wanted if wanted in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION


def initialized(name: str, revision: str, mount_results: Sequence[MountResult], *, search: bool) -> Json:
    """Return the result of `initialize`."""
    return {
        "protocolVersion": revision,
        "serverInfo": {"name": name, "version": VERSION},
        **_common(mount_results, search=search),
    }


def discovered(name: str, mount_results: Sequence[MountResult], *, search: bool) -> Json:
    """Return the result of ``server/discover``: the revisions that every mount speaks."""
    stated = [_revisions(each.result) for each in mount_results if each.result is not None]
    every = [LATEST_MODERN_VERSION, *reversed(HANDSHAKE_PROTOCOL_VERSIONS)]
    common = [revision for revision in every if all(revision in revisions for revisions in stated)]
    return {
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "supportedVersions": common or every,
        "serverInfo": {"name": name, "version": VERSION},
        **_common(mount_results, search=search),
    }


def identified(name: str, result: Mapping[str, Any]) -> Json:
    """Return a result of revision 2026-07-28, whose ``_meta`` names this server."""
    server_info = {"name": name, "version": VERSION}
    return {**result, "_meta": {SERVER_INFO_META_KEY: server_info, **object_in(result, "_meta")}}


def _revisions(result: Mapping[str, Any]) -> Sequence[object]:
    stated = result.get("supportedVersions")
    return stated if isinstance(stated, list) else HANDSHAKE_PROTOCOL_VERSIONS


def _common(mount_results: Sequence[MountResult], *, search: bool) -> Json:
    missing = left_out(mount_results)
    return {
        "capabilities": capabilities(
            [each.result for each in mount_results if each.result is not None], search=search
        ),
        "instructions": _instructions(mount_results, missing, search=search),
        **({"_meta": {LEFT_OUT: missing}} if missing else {}),
    }


def capabilities(results: Iterable[Mapping[str, Any]], *, search: bool) -> Json:
    """Return the union of what the mounts can do, as far as this server passes it on."""
    each = [object_in(result, "capabilities") for result in results]
    own: Json = {"tools": {}} if search else {}
    union = reduce(_union, each, own)
    passed = {name: union[name] for name in _ROUTED if name in union}
    if isinstance(tasks := passed.get("tasks"), dict):
        passed["tasks"] = {name: value for name, value in tasks.items() if name != "list"}
    return passed


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    merged = dict(one)
    for name, value in other.items():
        present = merged.get(name)
        if isinstance(value, dict):
            merged[name] = _union(present if isinstance(present, dict) else {}, value)
        elif not present:
            merged[name] = value
    return merged


def _instructions(mount_results: Sequence[MountResult], missing: Mapping[str, str], *, search: bool) -> str:
    listed = ", ".join(f"{each.mount}{NAME_SEPARATOR} ({each.title})" for each in mount_results)
    parts = [
        "This is a gateway to several MCP servers. The name of each tool and prompt begins with that of its "
        f"server: {listed}."
    ]
    if search:
        parts.append("Its tools are not listed: find them with search_tools, and call them with call_tool.")
    if missing:
        parts.append(f"Not available at the moment: {', '.join(sorted(missing))}.")
    for each in mount_results:
        own = (each.result or {}).get("instructions")
        if isinstance(own, str) and own.strip():
            parts.append(f"## {each.mount}\n\n{own.strip()[:MAX_INSTRUCTIONS]}")
    return "\n\n".join(parts)
