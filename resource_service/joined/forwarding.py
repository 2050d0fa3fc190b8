"""A message for one mount, forwarded through its guard."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.joined.errors import mount_unavailable
from resource_service.joined.exchange import SESSION, UnavailableError, for_mount, without_body
from resource_service.joined.parts import SessionLostError, check_session, opened
from resource_service.joined.request import JoinedRequest
from resource_service.joined.sections import Section
from resource_service.joined.server_messages import JoinedMessages
from resource_service.joined.sessions import JoinedSession, Part
from resource_service.messages.joined_names import joined_name
from resource_service.messages.request_ids import key_of, may_be_repeated
from resource_service.policy.list_filter import with_filtered_lists
from shared.asgi import replay

_EVENT_ID = re.compile(rb"((?:\A|[\r\n])id: ?)([^\r\n]*)")


def editor_for(
    section: Section,
    session: JoinedSession | None,
    message: Mapping[str, Any],
    changed: Callable[[str], None],
) -> JoinedMessages:
    """Return what edits the messages of a mount's server for the client of one request.

    Args:
        message: of the request, or empty.
        changed: told that a list of a mount has changed.
    """
    mount, own_key = section.name, key_of(message.get("id")) if "id" in message else None
    token = _progress_token(message)

    def answers(key: tuple[str, object]) -> bool:
        return key == own_key or (session is not None and session.requests.mount_of(key) == mount)

    def reports(key: tuple[str, object]) -> bool:
        own = token is not None and key == key_of(token)
        return own or (session is not None and session.tokens.mount_of(key) == mount)

    return JoinedMessages(
        mount=mount,
        answers=answers,
        reports=reports,
        asks=session is not None,
        on_change=lambda: changed(mount),
    )


def forwarded(
    request: JoinedRequest, section: Section, message: Mapping[str, Any], changed: Callable[[str], None]
) -> ASGIApp:
    """Return the mount behind `section`, for a `message` to it."""
    session = request.session
    if session is not None:
        _note(session, section.name, message)
    editor = editor_for(section, session, message, changed)
    app = with_filtered_lists(section.guard, editor)

    async def forward(_scope: Scope, receive: Receive, send: Send) -> None:
        async def attempt() -> None:
            part = await _part(request, section)
            await app(
                *_posted(request, section, message, part=part, receive=receive),
                _to_client(send, section, part),
            )

        try:
            try:
                await attempt()
            except SessionLostError:
                # Nothing was sent to the client. Some servers answer 404 for other reasons, after a call ran.
                if not may_be_repeated([message]):
                    raise
                await attempt()
        except SessionLostError as error:
            raise mount_unavailable(section.name, str(error)) from error

    return forward


def resumed(
    request: JoinedRequest,
    section: Section,
    part: Part,
    last_event_id: str,
    *,
    changed: Callable[[str], None],
) -> ASGIApp:
    """Return the rest of a stream of one mount, after an event that the client has received."""
    app = with_filtered_lists(section.guard, editor_for(section, request.session, {}, changed))

    async def resume(_scope: Scope, receive: Receive, send: Send) -> None:
        inner = without_body(request.scope, section, part, last_event_id=last_event_id)
        try:
            await app(inner, receive, _to_client(send, section, part))
        except SessionLostError as error:
            raise mount_unavailable(section.name, str(error)) from error

    return resume


async def _part(request: JoinedRequest, section: Section) -> Part | None:
    if request.session is None:
        return None
    try:
        return await opened(section, request.session, request.scope)
    except UnavailableError as error:
        raise mount_unavailable(section.name, str(error)) from error


def _posted(
    request: JoinedRequest,
    section: Section,
    message: Mapping[str, Any],
    *,
    part: Part | None,
    receive: Receive,
) -> tuple[Scope, Receive]:
    scope, body = for_mount(request.scope, section, message, part)
    return scope, replay(body, receive)


def _to_client(send: Send, section: Section, part: Part | None) -> Send:
    """Return a `send` without the session of the mount, and with event ids that name the mount."""
    is_stream = False
    session_id = None if part is None else part.session_id

    async def sent(message: Message) -> None:
        nonlocal is_stream
        if message["type"] == "http.response.start":
            check_session(message["status"], part, session_id)
            fields = [field for field in message["headers"] if field[0].lower() != SESSION]
            is_stream = any(
                name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream")
                for name, value in fields
            )
            message = {**message, "headers": fields}
        elif is_stream and b"id:" in message.get("body", b""):
            message = {**message, "body": _with_joined_ids(message["body"], section.name)}
        await send(message)

    return sent


def _with_joined_ids(events: bytes, mount: str) -> bytes:
    """Return whole events with ids that name the mount, so that a client can resume its stream."""
    prefix = joined_name(mount, "").encode()
    return _EVENT_ID.sub(lambda match: match[1] + (prefix + match[2] if match[2] else b""), events)


def _note(session: JoinedSession, mount: str, message: Mapping[str, Any]) -> None:
    if isinstance(message.get("method"), str) and "id" in message:
        session.requests.note(message["id"], mount)
    if (token := _progress_token(message)) is not None:
        session.tokens.note(token, mount)


def _progress_token(message: Mapping[str, Any]) -> str | int | None:
    match message:
        case {"method": _, "id": _, "params": {"_meta": {"progressToken": str() | int() as token}}}:
            return token
        case _:
            return None
