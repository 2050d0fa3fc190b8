"""An MCP session with a token: the handshake of 2025-11-25, or the stateless form of 2026-07-28."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.cli.doctor import messages
from shared.cli.doctor.exchange import Exchange, Request
from shared.cli.doctor.fetch import Fetch


@dataclass(slots=True, kw_only=True)
class McpSession:
    """Calls one MCP server with one token.

    Attributes:
        stateless: whether the server has no handshake.
        session_id: the session id from the server, if any.
    """

    fetch: Fetch
    url: str
    access_token: str = field(repr=False)
    stateless: bool = False
    session_id: str | None = None

    async def open(self) -> Exchange:
        """Send the first request of a client: initialize, or server/discover if initialize is outdated."""
        exchange = await self.fetch(messages.initialize(self.url, self._headers()))
        error = (messages.rpc_answer(exchange) or {}).get("error")
        if isinstance(error, dict) and error.get("code") == messages.UNSUPPORTED_PROTOCOL_VERSION:
            self.stateless = True
            return await self.call("server/discover")
        if exchange.status == 200 and exchange.answer is not None:
            self.session_id = exchange.answer.header("mcp-session-id")
            await self.fetch(messages.initialized(self.url, self._headers()))
        return exchange

    async def call(self, method: str, parameters: dict[str, Any] | None = None) -> Exchange:
        """Send a request within the session."""
        return await self.fetch(self._request(method, parameters or {}))

    async def close(self) -> None:
        """Tell the server that the session is over."""
        if self.session_id is not None:
            await self.fetch(Request(method="DELETE", url=self.url, headers=self._headers()))
            self.session_id = None

    def _request(self, method: str, parameters: dict[str, Any]) -> Request:
        if self.stateless:
            return messages.stateless(self.url, method, parameters, self._headers())
        return messages.call(self.url, method, parameters, self._headers())

    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.access_token}"}
        if self.session_id is not None:
            headers["Mcp-Session-Id"] = self.session_id
            headers["MCP-Protocol-Version"] = messages.HANDSHAKE_VERSION
        return headers
