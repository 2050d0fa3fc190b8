"""Streams that a client opens to listen to all mounts: GET (2025-11-25), and ``subscriptions/listen``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import anyio
from starlette.types import ASGIApp, Send

from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.introspection.lease_scope import lease_in
from resource_service.introspection.leases import Ending
from resource_service.joined.exchange import for_mount, never, without_body
from resource_service.joined.forwarding import editor_for
from resource_service.joined.request import JoinedRequest
from resource_service.joined.sections import Section
from resource_service.joined.sessions import JoinedSession
from resource_service.joined.streams import Access, Opening, PartStream, event_of, merged
from resource_service.messages.joined_names import Joined, joined_name, joined_uri, split_name, split_uri
from resource_service.messages.jsonrpc import object_in
from resource_service.notifier import Notifier
from resource_service.stops.matching import StoppableRequest
from shared.asgi import replay

ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
ACKNOWLEDGED_WITHIN_S = 5.0

Json = dict[str, Any]
Changed = Callable[[str], None]

_NAMING: Mapping[str, tuple[Callable[[object], Joined | None], Callable[[str, str], str]]] = {
    "resourceSubscriptions": (split_uri, joined_uri),
    "taskIds": (split_name, joined_name),
}
"""Members of the filter of a subscription that name something of a mount."""


def session_stream(request: JoinedRequest, session: JoinedSession, changed: Changed) -> ASGIApp:
    """Return the streams of all open parts of a session, and of those that are opened later."""

    def streams() -> Iterator[PartStream]:
        for section in request.sections:
            if session.part(section.name).is_open:
                yield _of_part(request, session, section, changed)

    opening = Opening(stream.mount for stream in streams())
    return merged(
        streams,
        session.opened,
        mounts=[section.name for section in request.sections],
        first=opening.event,
        answered=opening.answered,
        at_end=partial(_end, request),
    )


def _of_part(
    request: JoinedRequest, session: JoinedSession, section: Section, changed: Changed
) -> PartStream:
    part = session.part(section.name)

    async def run(send: Send) -> None:
        await section.guard(without_body(request.scope, section, part), never, send)

    return PartStream(
        mount=section.name,
        run=run,
        editor=editor_for(section, session, {}, changed),
        access=partial(_access, request, section),
        is_stopped=partial(_is_stopped, request, section),
    )


def _end(request: JoinedRequest) -> None:
    """End the response to a request whose token is for none of its mounts any longer."""
    _, lease = lease_in(request.scope)
    lease.end(Ending.NARROWED)


def _is_stopped(request: JoinedRequest, section: Section) -> bool:
    guard = section.guard
    return guard.stopped.concerns(StoppableRequest(guard.resource, request.sections[section], ()))


async def _access(request: JoinedRequest, section: Section) -> Access:
    """Return whether the stream of a mount may be opened again for a request that was checked long ago."""
    if _is_stopped(request, section):
        return Access.WITHHELD
    leases, lease = lease_in(request.scope)
    try:
        permitted = await leases.still_permits(request.sections[section], lease.token)
    except IntrospectionUnavailableError:
        return Access.WITHHELD
    return Access.GRANTED if permitted else Access.LOST


def listened(request: JoinedRequest, changed: Changed) -> ASGIApp:
    """Return the subscriptions at all mounts that the filter of a ``subscriptions/listen`` concerns."""
    acknowledgements = Acknowledgements(request)
    streams = [
        _subscription(request, section, wanted, acknowledgements, changed=changed)
        for section in request.sections
        if (wanted := _filter_for(section.name, object_in(request.params, "notifications")))
    ]
    acknowledgements.waiting = {stream.mount for stream in streams}
    return merged(
        lambda: streams,
        Notifier(),
        mounts=[stream.mount for stream in streams],
        first=acknowledgements.event,
        answered=acknowledgements.answered,
        at_end=partial(_end, request),
    )


class Acknowledgements:
    """The acknowledgements of the mounts for a subscription; the client gets it as one notification."""

    def __init__(self, request: JoinedRequest) -> None:
        self._request_id = request.message["id"]
        self._params: Json = {}
        self._notifications: Json = {}
        self._all = anyio.Event()
        self.waiting: set[str] = set()

    def note(self, mount: str, params: Mapping[str, Any]) -> None:
        """Note the acknowledgement of a mount; one that comes again or too late changes nothing."""
        if mount not in self.waiting:
            return
        self._params = {**params, **self._params}
        for name, value in object_in(params, "notifications").items():
            if name in _NAMING and isinstance(value, list):
                to_joined = _NAMING[name][1]
                named = [to_joined(mount, item) for item in value if isinstance(item, str)]
                self._notifications[name] = [*self._notifications.get(name, ()), *named]
            elif isinstance(value, bool):
                self._notifications[name] = self._notifications.get(name, False) or value
        self.answered(mount, is_open=False)

    def answered(self, mount: str, is_open: bool) -> None:
        """Wait no longer for a mount whose stream is not open: it acknowledges nothing more."""
        if is_open:
            return
        self.waiting.discard(mount)
        if not self.waiting:
            self._all.set()

    async def event(self) -> bytes:
        """Return the notification, once all mounts have answered or time is up."""
        if self.waiting:
            with anyio.move_on_after(ACKNOWLEDGED_WITHIN_S):
                await self._all.wait()
            self.waiting.clear()
        meta = {"io.modelcontextprotocol/subscriptionId": self._request_id}
        params = {"_meta": meta, **self._params, "notifications": self._notifications}
        return event_of({"jsonrpc": "2.0", "method": ACKNOWLEDGED, "params": params})


def _subscription(
    request: JoinedRequest,
    section: Section,
    wanted: Json,
    acknowledgements: Acknowledgements,
    *,
    changed: Changed,
) -> PartStream:
    message = {**request.message, "params": {**request.params, "notifications": wanted}}

    async def run(send: Send) -> None:
        scope, body = for_mount(request.scope, section, message, None)
        await section.guard(scope, replay(body, never), send)

    def take(received: Json) -> Json | None:
        if received.get("method") == ACKNOWLEDGED:
            acknowledgements.note(section.name, object_in(received, "params"))
            return None
        return received if "method" in received else None  # the stream of one mount ends, not that of all

    editor = editor_for(section, None, message, changed)
    return PartStream(
        mount=section.name,
        run=run,
        editor=editor,
        take=take,
        access=partial(_access, request, section),
        is_stopped=partial(_is_stopped, request, section),
    )


def _filter_for(mount: str, notifications: Mapping[str, Any]) -> Json:
    """Return the part of a filter that concerns a mount; empty if nothing does."""
    wanted: Json = {}
    for name, value in notifications.items():
        if name not in _NAMING:
            wanted |= {name: value} if isinstance(value, bool) else {}
        elif isinstance(value, list):
            split = _NAMING[name][0]
            joined = [split(item) for item in value]
            if named := [each.name for each in joined if each is not None and each.mount == mount]:
                wanted[name] = named
    return wanted if any(wanted.values()) else {}
