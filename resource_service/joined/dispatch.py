"""Decides who answers a request to the joined URL: one mount, several, or this service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.errors import insufficient_scope
from resource_service.gateway.disconnect import has_disconnected
from resource_service.joined.client_messages import NoSuchNameError, Routed, routed
from resource_service.joined.errors import missing_method, stale_cursor, unavailable_method, unknown_name
from resource_service.joined.exchange import UnavailableError, ask
from resource_service.joined.forwarding import forwarded
from resource_service.joined.listening import listened
from resource_service.joined.lists import MEMBERS, JoinedLists, StaleCursorError
from resource_service.joined.mount_results import MountResults
from resource_service.joined.request import JoinedRequest
from resource_service.joined.search import called, found_tools, own_tools, with_parameters
from resource_service.joined.sections import Section
from resource_service.joined.server_results import discovered, identified, initialized, revision_for
from resource_service.joined.sessions import JoinedSessions
from resource_service.messages.exact_json import dumps
from resource_service.messages.joined_names import CALL_TOOL, SEARCH_TOOLS
from resource_service.messages.jsonrpc import object_in
from resource_service.messages.listening import LISTEN
from resource_service.messages.request_ids import key_of
from shared.logs import get_logger

UNCACHED = {"ttlMs": 0, "cacheScope": "private"}
TOLD_WITHIN_S = 10.0

_log = get_logger(__name__)

Json = dict[str, Any]

MAX_LEVEL = 32
"""Characters of a level of logging that are kept for the mounts."""


class Answering(NamedTuple):
    """The app that answers a request to one mount, and the section of that mount."""

    app: ASGIApp
    section: Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Chooses the answer to each request.

    Attributes:
        name: of the resource, for people.
        search: whether the tools of the mounts are found by `SEARCH_TOOLS`, and not listed.
    """

    name: str
    search: bool
    mounts: Mapping[str, Section]
    sessions: JoinedSessions = field(default_factory=JoinedSessions)
    lists: JoinedLists = field(default_factory=JoinedLists)
    mount_results: MountResults = field(default_factory=MountResults)

    def answering(self, request: JoinedRequest) -> Answering | None:
        """Return the mount that answers `request`; None if this service does, by `answer`.

        Raises:
            Refusal: it names no mount, or one that the token is not for.
        """
        message = dict(request.message)
        if self.search and request.method == "tools/call":
            if request.params.get("name") == SEARCH_TOOLS:
                return None
            if request.params.get("name") == CALL_TOOL:
                return self._calling(request, called(message))
        if request.method == "notifications/cancelled":
            return self._cancelling(request, message)
        route = _routed(message)
        if route is None:
            return None
        section = self._section(request, route.mount, route.message)
        return Answering(forwarded(request, section, route.message, self.lists.forget), section)

    def _calling(self, request: JoinedRequest, message: Json) -> Answering | None:
        """Return the mount of the tool that a call of `CALL_TOOL` names, as `message` does."""
        route = _routed(message)
        if route is None:
            return None
        section = self._section(request, route.mount, route.message)
        arguments = object_in(object_in(message, "params"), "arguments")
        if request.session is not None or not arguments:
            return Answering(forwarded(request, section, route.message, self.lists.forget), section)

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            of_mount = replace(request, sections={section: request.sections[section]})
            tools = await self.lists.all("tools/list", of_mount)
            if await has_disconnected(receive):
                raise ClientDisconnect  # also if the token has been revoked since: the response is ended
            stating = replace(
                request, scope=with_parameters(request.scope, tools, object_in(message, "params"))
            )
            app = forwarded(stating, section, route.message, self.lists.forget)
            await app(scope, receive, send)

        return Answering(call, section)

    async def answer(self, request: JoinedRequest) -> ASGIApp:
        """Return the answer of this service to a request that is for no particular mount.

        Raises:
            Refusal: there is none.
        """
        if "id" not in request.message:
            return await self._note(request)
        if request.method == LISTEN and request.session is None:
            return listened(request, self.lists.forget)
        if request.method == "initialize":
            return await self._initialize(request)
        result = await self._result(request)
        if request.session is None:
            caching = UNCACHED if request.method in MEMBERS else {}
            result = {"resultType": "complete", **caching, **identified(self.name, result)}
        return _response(request, result)

    async def _result(self, request: JoinedRequest) -> Json:
        method = request.method
        if method == "ping":
            return {}
        if method in MEMBERS:
            return await self._listed(request)
        if method == "tools/call":
            tools = await self.lists.all("tools/list", request)
            return found_tools(tools, request.params.get("arguments"))
        if method == "server/discover" and request.session is None:
            mount_results = await self.mount_results.discovered(request)
            return discovered(self.name, mount_results, search=self.search)
        if method == "logging/setLevel" and request.session is not None:
            request.session.level = {"level": str(request.params.get("level"))[:MAX_LEVEL]}
            await self._tell_all(request, needs="logging")
            return {}
        raise unavailable_method(method) if request.session is not None else missing_method(method)

    async def _listed(self, request: JoinedRequest) -> Json:
        if self.search and request.method == "tools/list":
            return {"tools": own_tools()}
        joined = await self.lists.all(request.method, request)
        try:
            return joined.page(MEMBERS[request.method], request.params.get("cursor"))
        except StaleCursorError as error:
            raise stale_cursor() from error

    async def _initialize(self, request: JoinedRequest) -> Response:
        revision = revision_for(request.params)
        session = self.sessions.create(request.principal, request.params, revision)
        mount_results = await self.mount_results.initialized(request, session)
        result = initialized(self.name, revision, mount_results, search=self.search)
        return _response(request, result, {"Mcp-Session-Id": session.session_id})

    def _section(self, request: JoinedRequest, mount: str, message: Mapping[str, Any]) -> Section:
        section = request.section(mount)
        if section is not None:
            return section
        configured = self.mounts.get(mount)
        if configured is None:
            raise unknown_name(f"no mount is named {mount!r}")
        detail = f"{request.principal.owner} has not consented to {mount}"
        raise insufficient_scope(configured.scopes_for(message), detail=detail)

    def _cancelling(self, request: JoinedRequest, message: Json) -> Answering | None:
        """Return the mount whose request is cancelled; 2026-07-28 cancels by closing the stream."""
        session, cancelled = request.session, request.params.get("requestId")
        mount = None if session is None else session.requests.mount_of(key_of(cancelled))
        section = None if mount is None else request.section(mount)
        if section is None:
            return None
        return Answering(forwarded(request, section, message, self.lists.forget), section)

    async def _note(self, request: JoinedRequest) -> Response:
        """Take a notification that is for no particular mount."""
        if request.method == "notifications/roots/list_changed":
            await self._tell_all(request)
        return Response(status_code=202)

    async def _tell_all(self, request: JoinedRequest, *, needs: str | None = None) -> None:
        """Pass a message on to all mounts with an open session.

        Args:
            needs: the capability that they need for it.
        """
        session = request.session
        if session is None:
            return
        message = {"method": request.method, "params": request.params}

        async def tell(section: Section) -> None:
            part = session.part(section.name)
            can = needs is None or needs in object_in(part.introduction, "capabilities")
            if part.is_open and can:
                try:
                    await ask(section, request.scope, message, part)
                except UnavailableError:
                    return
                except Exception:  # noqa: BLE001 -- whatever it was, the other mounts are told
                    _log.exception("a mount was not told", mount=section.name, method=request.method)

        with anyio.move_on_after(TOLD_WITHIN_S):
            async with anyio.create_task_group() as tasks:
                for section in request.sections:
                    tasks.start_soon(tell, section)


def _routed(message: Json) -> Routed | None:
    try:
        return routed(message)
    except NoSuchNameError as error:
        raise unknown_name(str(error)) from error


def _response(request: JoinedRequest, result: Json, headers: Mapping[str, str] | None = None) -> Response:
    """Build the response. The mounts' JSON may have numbers and text that Python's encoder refuses."""
    body = dumps({"jsonrpc": "2.0", "id": request.message["id"], "result": result})
    return Response(body, media_type="application/json", headers=headers)
