"""Requests to a mount, through its guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
from mcp.shared.inbound import NAME_BEARING_METHODS, encode_header_value
from starlette.types import Message, Scope

from resource_service.connected_accounts.request_account import AccountUse, noting_use
from resource_service.joined.sections import Section
from resource_service.joined.sessions import Part
from resource_service.messages.exact_json import dumps
from resource_service.messages.jsonrpc import object_in
from resource_service.messages.mcp_parameters import PARAM
from resource_service.messages.media_type import described_as_json
from resource_service.messages.request_ids import next_own_id
from resource_service.middleware.captured_answer import AnswerTooLargeError, CapturedAnswer
from shared.asgi import replay

SESSION, VERSION, NAME, METHOD = b"mcp-session-id", b"mcp-protocol-version", b"mcp-name", b"mcp-method"
LAST_EVENT = b"last-event-id"
MAX_ANSWER_BYTES = 4_194_304
FAILED = "the request to it failed"
"""Why a mount is left out after an error of this service; the log has the error."""

Fields = Sequence[tuple[bytes, bytes]]


class MountAnswer(CapturedAnswer):
    """The answer of a mount.

    Attributes:
        account: the account with which it was answered.
    """

    def __init__(self, request_id: str, account: AccountUse) -> None:
        super().__init__(request_id, MAX_ANSWER_BYTES)
        self.account = account


class UnavailableError(Exception):
    """A mount gave no result. The message says why, for the client."""


def for_mount(
    scope: Scope, section: Section, message: Mapping[str, Any], part: Part | None
) -> tuple[Scope, bytes]:
    """Return the request with a client's `message` to a mount, and its body.

    Args:
        part: the session at the mount; None in revision 2026-07-28, which has none.
    """
    method, params = message.get("method"), object_in(message, "params")
    named = [(NAME, encode_header_value(name).encode("latin-1"))] if (name := _named(method, params)) else []
    had_name = any(_plain(field) == NAME for field in scope["headers"])
    fields = [*_without(scope, SESSION, LAST_EVENT, NAME), *(named if had_name else [])]
    return _posted(scope, section, message, _in_session(fields, part))


def own_request(
    scope: Scope, section: Section, message: Mapping[str, Any], part: Part | None
) -> tuple[Scope, bytes]:
    """Return a request of ours as the caller of `scope`, and its body."""
    method = message["method"].encode("ascii")
    others = _without(scope, SESSION, LAST_EVENT, NAME, METHOD, b"accept", b"accept-encoding")
    ours = [
        *([(METHOD, method)] if part is None else []),
        (b"accept", b"application/json, text/event-stream"),
        (b"accept-encoding", b"identity"),
    ]
    fields = [field for field in others if not _plain(field).startswith(PARAM.encode())]
    return _posted(scope, section, message, _in_session([*fields, *ours], part))


def without_body(scope: Scope, section: Section, part: Part, *, last_event_id: str | None = None) -> Scope:
    """Return a GET or DELETE request to the session at the mount."""
    fields = _in_session(_without(scope, SESSION, LAST_EVENT), part)
    resumed = [] if last_event_id is None else [(LAST_EVENT, last_event_id.encode("latin-1"))]
    return {**scope, "path": section.path, "headers": [*fields, *resumed]}


async def end(section: Section, scope: Scope, part: Part) -> None:
    """End the session at the mount, if there is one.

    Args:
        scope: of a request of the client.
    """
    if part.session_id is not None:
        await section.guard({**without_body(scope, section, part), "method": "DELETE"}, never, _unsent)


async def ask(section: Section, scope: Scope, message: Mapping[str, Any], part: Part | None) -> MountAnswer:
    """Send a message of ours to a mount, and return the answer.

    Args:
        message: its method and parameters. A request, which is not a notification, gets an id.

    Raises:
        UnavailableError: the answer is too large.
    """
    request_id = next_own_id()
    numbered = {} if message["method"].startswith("notifications/") else {"id": request_id}
    inner, body = own_request(scope, section, {"jsonrpc": "2.0", **numbered, **message}, part)
    inner, account = noting_use(inner)
    answer = MountAnswer(request_id, account)
    try:
        await section.guard(inner, replay(body, never), answer)
    except AnswerTooLargeError as error:
        raise UnavailableError(f"its answer is larger than {MAX_ANSWER_BYTES} bytes") from error
    return answer


async def _unsent(_message: Message) -> None:
    """Take the response of a mount that nobody waits for."""


async def never() -> Message:
    """Never return: the client of our own requests does not disconnect."""
    await anyio.sleep_forever()
    raise AssertionError("this is never reached")


def _posted(
    scope: Scope, section: Section, message: Mapping[str, Any], fields: Fields
) -> tuple[Scope, bytes]:
    body = dumps(message)
    changed = {**scope, "method": "POST", "path": section.path, "headers": list(fields)}
    return described_as_json(changed, body), body


def _in_session(fields: Fields, part: Part | None) -> Fields:
    if part is None:
        return fields
    others = [field for field in fields if _plain(field) != VERSION]
    revision = [(VERSION, part.revision.encode("latin-1"))] if part.revision else []
    session = [] if part.session_id is None else [(SESSION, part.session_id)]
    return [*others, *revision, *session]


def _without(scope: Scope, *names: bytes) -> list[tuple[bytes, bytes]]:
    return [field for field in scope["headers"] if _plain(field) not in names]


def _plain(field: tuple[bytes, bytes]) -> bytes:
    """Return the name of a field; CGI does not distinguish hyphens and underscores."""
    return field[0].lower().replace(b"_", b"-")


def _named(method: object, params: Mapping[str, Any]) -> str | None:
    member = NAME_BEARING_METHODS.get(method) if isinstance(method, str) else None
    name = params.get(member or "taskId")
    return name if isinstance(name, str) else None
