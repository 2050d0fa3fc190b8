"""Leave out of responses what differs from the approved definitions. Text in, text out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from resource_service.messages.exact_json import UnreadableError, dumps
from resource_service.messages.jsonrpc import distinct_members
from resource_service.pins.definitions import BY_LIST, DefinitionKind, definitions_in
from resource_service.pins.keeper import PinKeeper
from resource_service.policy.list_filter import UneditableError
from resource_service.policy.listing import IdKey, id_key
from resource_service.policy.pinning import OnDifference, Pinning

INTRODUCTIONS = frozenset({"initialize", "server/discover"})
"""Methods whose results contain the instructions of a server."""

CHANGED = frozenset(f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources"))

Requested = Mapping[IdKey, str]
"""Maps the ids of requests to their methods."""


def requested_in(messages: list[object]) -> Requested:
    """Return the requests in `messages` whose results contain definitions."""
    methods: dict[IdKey, str] = {}
    for message in messages:
        match message:
            case {"method": str(method), "id": request_id} if method in BY_LIST or method in INTRODUCTIONS:
                methods[id_key(request_id)] = method
    return methods


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedListFilter:
    """Compares the definitions in responses for one caller.

    Attributes:
        requested: the requests whose responses are compared; None for any response that looks like one of
            them, on a stream that continues requests made elsewhere.
        on_change: is called when a list has changed, by what the server announces or lists.
    """

    keeper: PinKeeper
    pinning: Pinning
    effect: OnDifference
    requested: Requested | None
    on_change: Callable[[], None]

    @property
    def refuses(self) -> bool:
        """Whether responses that cannot be read are refused."""
        return self.effect is OnDifference.HOLD

    def shortened(self, text: bytes) -> bytes | None:
        """Return a JSON-RPC message or a batch without what is held; None if it can stay unchanged.

        Raises:
            UneditableError: it is not JSON, or repeats a member, and differences are held.
        """
        try:
            parsed = distinct_members(text)
        except UnreadableError as error:
            if self.refuses and text.strip():
                raise UneditableError(str(error)) from error
            return None
        messages = parsed if isinstance(parsed, list) else [parsed]
        return dumps(parsed) if any([self._edit(message) for message in messages]) else None  # noqa: C419

    def _edit(self, message: object) -> bool:
        match message:
            case {"method": method}:
                if method in CHANGED:
                    self.on_change()
                return False
            case {"id": request_id, "result": dict(result)}:
                return self._edit_result(self._methods(request_id), result)
            case _:
                return False

    def _methods(self, request_id: object) -> frozenset[str]:
        if self.requested is None:
            return INTRODUCTIONS | BY_LIST.keys()
        method = self.requested.get(id_key(request_id))
        return frozenset() if method is None else frozenset({method})

    def _edit_result(self, methods: frozenset[str], result: dict[str, Any]) -> bool:
        kinds = [kind for method, kind in BY_LIST.items() if method in methods and kind.member in result]
        edits = [self._edit_list(kind, result) for kind in kinds]
        if methods & INTRODUCTIONS and ("serverInfo" in result or "instructions" in result):
            edits.append(self._edit_instructions(result))
        return any(edits)

    def _edit_list(self, kind: DefinitionKind, result: dict[str, Any]) -> bool:
        items = result[kind.member]
        if not isinstance(items, list):
            return False
        kept = [item for item in items if not self._is_held(kind, item)]
        changed = len(kept) < len(items)
        if changed:
            result[kind.member] = kept
        return changed

    def _is_held(self, kind: DefinitionKind, item: object) -> bool:
        for definition in definitions_in(kind, [item]):
            difference = self.keeper.difference(definition)
            if difference is None or self.effect is OnDifference.ALLOW:
                return False
            if self.keeper.note_held(definition, difference):
                self.on_change()
            return self.effect is OnDifference.HOLD
        return self.effect is OnDifference.HOLD  # it has no name, and nobody can approve it

    def _edit_instructions(self, result: dict[str, Any]) -> bool:
        instructions = result.get("instructions", "")
        if not isinstance(instructions, str):
            instructions = str(instructions)
        if self.keeper.base.instructions is None and self.pinning is Pinning.FIRST:
            self.keeper.pin_instructions(instructions)
        if self.effect is OnDifference.ALLOW or not self.keeper.differs(instructions):
            return False
        self.keeper.note_held_instructions(instructions)
        return self.effect is OnDifference.HOLD and result.pop("instructions", None) is not None
