"""Filter lists by what the caller may use. Pure: text in, text out.

Omitting items is a courtesy; the check at the call is the protection. Therefore anything that is not
understood stays unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from resource_service.policy.groups import Needed
from resource_service.policy.rules import Policy

IdKey = tuple[str, object]
"""A key for a request id that distinguishes 1 from "1"."""


@dataclass(frozen=True, slots=True)
class _List:
    """The list that a method returns: its member, the key of item names, and the method that uses items."""

    member: str
    name: str
    used_by: str
    needed: Callable[[Policy, object], Needed]


LISTS = {
    "tools/list": _List("tools", "name", "tools/call", Policy.for_tool),
    "prompts/list": _List("prompts", "name", "prompts/get", Policy.for_prompt),
    "resources/list": _List("resources", "uri", "resources/read", Policy.for_resource),
    "resources/templates/list": _List(
        "resourceTemplates", "uriTemplate", "resources/read", Policy.for_template
    ),
}

Listed = Mapping[IdKey, str]
"""Maps the ids of requests for a list to their methods."""


def listed_in(messages: Iterable[object]) -> Listed:
    """Return the requests for a list in `messages`."""
    methods: dict[IdKey, str] = {}
    for message in messages:
        match message:
            case {"method": str(method), "id": request_id} if method in LISTS:
                methods[id_key(request_id)] = method
    return methods


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Filters lists for one caller.

    Attributes:
        granted: the caller's scopes.
        listed: the requests whose responses to filter; None for any response that looks like a list, on a
            stream that continues requests made elsewhere.
        groups: the caller's groups.
    """

    policy: Policy
    granted: tuple[str, ...]
    listed: Listed | None
    groups: tuple[str, ...] = ()

    @property
    def refuses(self) -> bool:
        """Lists that cannot be read pass: the check at the call is the protection."""
        return False

    def shortened(self, text: bytes) -> bytes | None:
        """Filter a JSON-RPC message or a batch; None if it can stay unchanged."""
        try:
            parsed = json.loads(text)
            messages = parsed if isinstance(parsed, list) else [parsed]
            if not any([self._shorten(message) for message in messages]):  # noqa: C419 -- all of them
                return None
            return json.dumps(parsed, separators=(",", ":"), allow_nan=False).encode()
        except (ValueError, RecursionError):
            return None

    def _shorten(self, message: object) -> bool:
        match message:
            case {"method": _}:
                return False
            case {"id": request_id, "result": dict(result)}:
                lists = [LISTS[method] for method in self._methods(request_id)]
                return any([self._shorten_list(list_kind, result) for list_kind in lists])  # noqa: C419
            case _:
                return False

    def _methods(self, request_id: object) -> Iterable[str]:
        if self.listed is None:
            return LISTS
        method = self.listed.get(id_key(request_id))
        return () if method is None else (method,)

    def _shorten_list(self, list_kind: _List, result: dict[str, Any]) -> bool:
        items = result.get(list_kind.member)
        if not isinstance(items, list):
            return False
        kept = [item for item in items if self._may_use(list_kind, item)]
        changed = len(kept) < len(items)
        if changed:
            result[list_kind.member] = kept
        if result.get("cacheScope") == "public":  # it depends on the caller now, even if nothing was removed
            result["cacheScope"] = "private"
            changed = True
        return changed

    def _may_use(self, list_kind: _List, item: object) -> bool:
        name = item.get(list_kind.name) if isinstance(item, dict) else None
        if not isinstance(name, str):
            return True
        needed = (
            list_kind.needed(self.policy, name)
            | self.policy.for_method(list_kind.used_by)
            | self.policy.required
        )
        return not self.policy.missing(needed, self.granted, self.groups)


def id_key(request_id: object) -> IdKey:
    return (type(request_id).__name__, request_id if isinstance(request_id, str | int) else None)
