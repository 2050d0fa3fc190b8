"""Revision 2026-07-28 over stdio: requests without a session, with one process for each principal.

Several clients may share a process (two windows of one user). Each chooses its own ids and progress tokens,
so the gateway replaces them with numbers on the way in and restores them on the way out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import anyio
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types.version import LATEST_MODERN_VERSION

from resource_service.gateway import messages, older_revision
from resource_service.gateway.errors import failed, malformed_request
from resource_service.gateway.event_log import Reading
from resource_service.gateway.messages import Json
from resource_service.gateway.process import ServerProcess
from resource_service.gateway.stdio_connection import Pending, StdioConnection
from resource_service.principal import PrincipalKey
from resource_service.reasons import Reason

DISCOVERED_WITHIN_S = 5.0
"""Some older servers ignore a request before the handshake; others are slow to start."""

INITIALIZED_WITHIN_S = 120.0
"""The command may have to download its program first."""

DISCOVER: Json = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": LATEST_MODERN_VERSION,
        "io.modelcontextprotocol/clientInfo": older_revision.HANDSHAKE["clientInfo"],
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}


class StatelessProcess(StdioConnection):
    """A process whose requests are independent of each other.

    Attributes:
        older: the older revision that it speaks; None for 2026-07-28. Set by `find_revision`.
    """

    def __init__(self, process: ServerProcess, owner: PrincipalKey) -> None:
        self.older: str | None = None
        self._number = 0
        super().__init__(process, owner)

    async def find_revision(self) -> None:
        """Determine which revision the server speaks, or seems to speak.

        Raises:
            Refusal: the server has exited.
        """
        match await self._exchange("server/discover", DISCOVER, within_s=DISCOVERED_WITHIN_S):
            case {"result": {"supportedVersions": list(versions)}} if LATEST_MODERN_VERSION in versions:
                self.older = None
            case {"error": {"code": messages.CONNECTION_CLOSED}}:
                raise failed(Reason.COMMAND_NOT_STARTED, f"the process {self.process.pid} ended at once")
            case _:
                self.older = older_revision.HANDSHAKE["protocolVersion"]

    async def shake_hands(self) -> None:
        """Initialize a server that seems to speak an older revision, and set `older` to the actual one.

        Raises:
            Refusal: the server refuses to initialize.
        """
        match await self._exchange("initialize", older_revision.HANDSHAKE, within_s=INITIALIZED_WITHIN_S):
            case {"result": {"protocolVersion": str(version)}}:
                self.older = version
            case {"error": {"code": messages.UNSUPPORTED_PROTOCOL_VERSION}}:
                self.older = None  # it was only slow to report that it speaks the newer one
                return
            case answer:
                raise failed(
                    Reason.COMMAND_NOT_STARTED,
                    f"the process {self.process.pid} refuses to initialize: {str(answer)[:300]}",
                )
        await self.notify(
            messages.write_line({"jsonrpc": "2.0", "method": "notifications/initialized", "params": {}})
        )

    async def ask(self, message: Json) -> Pending:
        """Send a request to the server.

        Raises:
            Refusal: the server has exited, or the message contains a number that is too large.
        """
        self._number += 1
        try:
            line = messages.write_line(self._renumbered(message, self._number))
        except ValueError as error:
            raise malformed_request(
                Reason.NOT_FORWARDABLE, 400, "The message contains a number that is too large."
            ) from error
        return await self._ask(self._number, line, message)

    async def cancel(self, pending: Pending) -> None:
        """Cancel a request whose stream the client has closed, which is how this revision cancels."""
        number = next((key for key, other in self.pending.items() if other is pending), None)
        self.forget(pending)
        if number is not None and not self.ended:
            params = {"requestId": number, "reason": "the client went away"}
            await self.notify(
                messages.write_line({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
            )

    async def _exchange(self, method: str, params: Json, *, within_s: float) -> Json | None:
        """Send the gateway's own request; return any response, or None if none arrives in time."""
        pending = await self.ask({"jsonrpc": "2.0", "id": 0, "method": method, "params": params})
        reading = Reading(pending.stream, after=0)
        try:
            with anyio.move_on_after(within_s):
                while event := await reading.next():
                    if event.last:
                        return messages.read_line(event.data)
            return None
        finally:
            reading.stop()
            self.forget(pending)

    def _key_of(self, answered: messages.RequestId | None) -> Hashable:
        return answered

    def _renumbered(self, message: Json, number: int) -> Json:
        message = {**message, "id": number}
        if self.older is not None:
            message = older_revision.older_request(message)
        if messages.progress_token_of(message) is None:
            return message
        params = message["params"]
        return {**message, "params": {**params, "_meta": {**params["_meta"], "progressToken": number}}}

    async def _route(self, message: Json) -> None:
        match messages.kind_of(message):
            case "response":
                await self._respond(message)
            case "request":
                await self.notify(messages.write_line(_refused(message)))
            case _:
                await self._notify(message)

    async def _respond(self, response: Json) -> None:
        pending = self.pending.pop(response["id"], None)
        if pending is None:
            self._misaddressed(response)  # or the request was cancelled in the meantime
            return
        self._over.append(response["id"])
        response = {**response, "id": pending.request_id}
        if self.older is not None:
            response = older_revision.newer_response(pending.method, response)
        status = ERROR_CODE_HTTP_STATUS.get(_error_code(response), 200)
        await self.event_log.put(pending.stream, _written(response), status=status, last=True)

    async def _notify(self, notification: Json) -> None:
        """Forward it to the request it concerns; else to the latest one, which is the same user's."""
        params = notification.get("params")
        params = params if isinstance(params, dict) else {}
        meta = params.get("_meta")
        if pending := self._numbered(params.get("progressToken")):
            params = {**params, "progressToken": pending.progress_token}
        elif isinstance(meta, dict) and (pending := self._numbered(meta.get(SUBSCRIPTION_ID_META_KEY))):
            params = {**params, "_meta": {**meta, SUBSCRIPTION_ID_META_KEY: pending.request_id}}
        else:
            pending = next(reversed(self.pending.values()), None)
        if pending is not None:
            stated = {"params": params} if "params" in notification else {}
            await self.event_log.put(pending.stream, _written({**notification, **stated}))

    def _numbered(self, number: object) -> Pending | None:
        return self.pending.get(number) if isinstance(number, int) else None


def _refused(request: Json) -> Json:
    """Return the response to a server's own request, which cannot be forwarded to a single client."""
    if request["method"] == "ping":
        return messages.result(request["id"], {})
    return messages.error(request["id"], messages.METHOD_NOT_FOUND, "No client is connected.")


def _error_code(response: Json) -> Any:  # noqa: ANN401
    error = response.get("error")
    return error.get("code") if isinstance(error, dict) else None


def _written(message: Json) -> bytes:
    try:
        return messages.write_line(message)
    except ValueError:
        text = "The MCP server wrote a number that is too large."
        return messages.write_line(messages.error(message.get("id"), messages.INTERNAL_ERROR, text))
