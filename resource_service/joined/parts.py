"""Opens the sessions of mounts when they are first needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Scope

from resource_service.connected_accounts.request_account import AccountUse
from resource_service.joined.exchange import SESSION, UnavailableError, ask, end
from resource_service.joined.sections import Section
from resource_service.joined.server_results import MAX_INSTRUCTIONS
from resource_service.joined.sessions import JoinedSession, Part
from resource_service.messages.capabilities import check_capabilities
from resource_service.messages.jsonrpc import object_in
from resource_service.middleware.captured_answer import CapturedAnswer
from shared.clock import steady_clock

OPENED_WITHIN_S = 30.0
RETRY_AFTER_S = 5.0
"""How long a mount that did not open a session is left out, so that it does not delay every request."""


class SessionLostError(UnavailableError):
    """The mount no longer has the session of a request; another one can be opened."""


def check_session(status: int, part: Part | None, sent: bytes | None) -> None:
    """Check the status of an answer in a session. Without an id of a session, 404 has another cause.

    Args:
        sent: the id of the session that the request named. A concurrent request may have replaced it since.

    Raises:
        SessionLostError: the mount no longer has the session, which is closed (MCP 2025-11-25, "Session
            Management").
    """
    if part is None or sent is None or status != 404:
        return
    if part.session_id == sent:
        part.close()
    raise SessionLostError("it no longer has the session")


async def opened(
    section: Section, session: JoinedSession, scope: Scope, *, within_s: float = OPENED_WITHIN_S
) -> Part:
    """Return the session of a mount in `session`, and open it first if it is not open.

    Args:
        scope: of a request of the client.

    Raises:
        UnavailableError: the mount opens none.
    """
    part = session.part(section.name)
    async with part.opening:
        if part.is_open:
            with anyio.move_on_after(within_s):
                await _introduce_again(section, session, part, scope)
            return part
        if steady_clock() < part.retry_at:
            raise UnavailableError(part.failure)
        try:
            with anyio.fail_after(within_s):
                await _open(section, session, part, scope)
        except (TimeoutError, UnavailableError) as error:
            part.failure = str(error) or "it did not answer in time"
            part.retry_at = steady_clock() + RETRY_AFTER_S
            raise UnavailableError(part.failure) from error
    session.opened.send()
    return part


async def _open(section: Section, session: JoinedSession, part: Part, scope: Scope) -> None:
    params = {**session.params, "protocolVersion": session.revision}
    starting = Part(revision="")
    message = {"method": "initialize", "params": params}
    answer = await ask(section, scope, message, starting)
    match result_of(answer):
        case {"protocolVersion": str(revision)} as result if revision in HANDSHAKE_PROTOCOL_VERSIONS:
            starting.revision = revision
        case _:
            raise UnavailableError("it speaks no revision of MCP that has sessions")
    starting.session_id = answer.fields.get(SESSION)
    try:
        kept = _kept(result)
    except UnavailableError:
        await end(section, scope, starting)
        raise
    await ask(section, scope, {"method": "notifications/initialized"}, starting)
    await _set_level(section, session, result, scope=scope, part=starting)
    part.session_id, part.revision, part.introduction = starting.session_id, revision, kept
    part.account = answer.account


async def _introduce_again(section: Section, session: JoinedSession, part: Part, scope: Scope) -> None:
    """Note what the mount itself offers, once its account is connected: this service answered before."""
    offered = section.offered(part.session_id, scope) if part.account.missing is not None else None
    if offered is None:
        return
    part.introduction, part.account = {"capabilities": offered}, AccountUse()
    await _set_level(section, session, part.introduction, scope=scope, part=part)


async def _set_level(
    section: Section, session: JoinedSession, introduction: Mapping[str, Any], *, scope: Scope, part: Part
) -> None:
    if session.level is not None and "logging" in object_in(introduction, "capabilities"):
        await ask(section, scope, {"method": "logging/setLevel", "params": session.level}, part)


def _kept(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is kept of the result of `initialize`, for as long as the session.

    Raises:
        UnavailableError: its capabilities are too large.
    """
    offered, instructions = object_in(result, "capabilities"), result.get("instructions")
    try:
        check_capabilities(offered)
    except ValueError as error:
        raise UnavailableError(str(error)) from error
    stated = {"instructions": instructions[:MAX_INSTRUCTIONS]} if isinstance(instructions, str) else {}
    return {"capabilities": offered, **stated}


def result_of(answer: CapturedAnswer) -> Mapping[str, Any]:
    """Return the result in the answer of a mount.

    Raises:
        UnavailableError: there is none.
    """
    match answer.message:
        case {"result": dict(result)}:
            return result
        case {"error": {"message": str(text)}}:
            raise UnavailableError(text[:200])
        case _:
            raise UnavailableError(f"it did not answer (status {answer.status})")
