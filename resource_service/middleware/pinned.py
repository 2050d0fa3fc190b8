"""An MCP server of which only approved definitions are shown and run (GW-4).

A call is checked against what the server says about the tool now, in a list requested as the caller, so that
a definition that has changed does not run, whether or not the client ever listed it. A list is trusted for
`FRESH_S`, or until the server announces a change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.errors import definition_held, list_unreadable
from resource_service.messages.jsonrpc import object_in
from resource_service.messages.listening import LISTEN
from resource_service.middleware.server_lists import Listed, ListMethod, ServerLists
from resource_service.pins.definitions import (
    BY_LIST,
    BY_USE,
    Definition,
    DefinitionKind,
    Difference,
    Pins,
    definitions_in,
)
from resource_service.pins.keeper import PinKeeper
from resource_service.pins.list_filter import INTRODUCTIONS, PinnedListFilter, requested_in
from resource_service.policy.list_filter import with_filtered_lists
from resource_service.policy.pinning import OnDifference, Pinning
from resource_service.policy.rules import Policy
from resource_service.principal import principal_in

FRESH_S = 1.0
"""How long a list decides on calls. A caller with many calls in a second pays for one list."""

_LISTS = {kind: ListMethod(kind.method, kind.member) for kind in DefinitionKind}


@dataclass(frozen=True, slots=True)
class PinnedDefinitions:
    """The pins of one resource, and the lists of the server behind it.

    Attributes:
        otherwise: how definitions are approved if the policy does not say.
    """

    keeper: PinKeeper
    lists: ServerLists
    otherwise: Pinning

    def protect(self, app: ASGIApp, policy: Policy, messages: Sequence[object] | None) -> ASGIApp:
        """Wrap `app` for one request.

        Args:
            messages: of the request; None if its response may answer any request.
        """
        pinning = policy.pin or self.otherwise
        if pinning is Pinning.OFF or (messages is not None and not any(map(_concerns, messages))):
            return app
        requested = None if messages is None or any(map(_listens, messages)) else requested_in([*messages])
        filtered = with_filtered_lists(
            app,
            PinnedListFilter(
                keeper=self.keeper,
                pinning=pinning,
                effect=policy.pin_changes,
                requested=requested,
                on_change=self.lists.forget,
            ),
        )

        async def pinned(scope: Scope, receive: Receive, send: Send) -> None:
            for message in messages or ():
                await self._check(_CallerRequest(scope, message, pinning), policy)
            await (filtered if requested is None or requested else app)(scope, receive, send)

        return pinned

    async def _check(self, caller: _CallerRequest, policy: Policy) -> None:
        if (kind := BY_LIST.get(caller.method) or BY_USE.get(caller.method)) is None:
            return
        if caller.pinning is Pinning.FIRST and not await self._pin_first(kind, caller):
            return
        if caller.method == kind.used_by and isinstance(caller.name, str):
            # A name that is not text names nothing, as the server will say.
            await self._check_use(kind, caller.name, caller, policy)

    async def _pin_first(self, kind: DefinitionKind, caller: _CallerRequest) -> bool:
        """Pin the first list; return False if the server has not given any to anybody.

        Then there is nothing that a model could have read, and the server answers for itself: it is often
        not available.
        """
        if kind in self.keeper.base.approved:
            return True
        listed = await self._list(kind, caller)
        if listed.items is not None:
            self.keeper.pin(kind, definitions_in(kind, listed.items))
        return listed.items is not None

    async def _check_use(
        self, kind: DefinitionKind, name: str, caller: _CallerRequest, policy: Policy
    ) -> None:
        if policy.pin_changes is OnDifference.ALLOW:
            return
        came_at = self.lists.now()
        listed = await self._list(kind, caller, since=came_at - FRESH_S)
        difference = self._difference(kind, name, listed)
        if difference is not None and listed.listed_at < came_at:
            difference = self._difference(kind, name, await self._list(kind, caller, since=came_at))
        if difference is not None and policy.pin_changes is OnDifference.HOLD:
            detail = f"{caller.method} {name[:100]!r} by {principal_in(caller.scope).owner}"
            if difference is Difference.UNLISTED:
                raise list_unreadable(detail)
            raise definition_held(name, policy.contact, detail=f"{detail}: {difference.value}")

    async def _list(self, kind: DefinitionKind, caller: _CallerRequest, since: float | None = None) -> Listed:
        return await self.lists.get(_LISTS[kind], caller.scope, caller.meta, since=since)

    def _difference(self, kind: DefinitionKind, name: str, listed: Listed) -> Difference | None:
        """Return how what the server says about `name` differs from what was approved."""
        if listed.items is None:
            return Difference.UNLISTED
        approved_by, pins = listed.derive(_approved_by), self.keeper.pins
        if approved_by.get(name) is pins:
            return None  # the same list was compared with the same pins before
        definitions = [item for item in definitions_in(kind, listed.items) if item.name == name]
        differences = [self._noted(definition) for definition in definitions]
        if not definitions:
            return Difference.NEW  # what is not listed was not approved, either
        difference = next((difference for difference in differences if difference is not None), None)
        if difference is None:
            approved_by[name] = pins
        return difference

    def _noted(self, definition: Definition) -> Difference | None:
        difference = self.keeper.difference(definition)
        if difference is not None:
            self.keeper.note_held(definition, difference)
        return difference


@dataclass(frozen=True, slots=True)
class _CallerRequest:
    """The request as whose caller lists are requested.

    Attributes:
        pinning: how definitions are approved.
    """

    scope: Scope
    message: object
    pinning: Pinning

    @property
    def method(self) -> str:
        """The method of the message."""
        return _method(self.message)

    @property
    def name(self) -> object:
        """The name of the tool or prompt that the message uses."""
        return object_in(self.message, "params").get("name")

    @property
    def meta(self) -> Mapping[str, Any]:
        """The ``_meta`` of the message."""
        return object_in(object_in(self.message, "params"), "_meta")


def _approved_by(_items: object) -> dict[str, Pins]:
    """Return where to remember, for a list, the names whose definitions are approved, and by which pins."""
    return {}


def _method(message: object) -> str:
    """Return the method of a request or notification; empty for anything else."""
    method = message.get("method") if isinstance(message, dict) else None
    return method if isinstance(method, str) else ""


def _concerns(message: object) -> bool:
    method = _method(message)
    return method in BY_LIST or method in BY_USE or method in INTRODUCTIONS or method == LISTEN


def _listens(message: object) -> bool:
    return _method(message) == LISTEN
