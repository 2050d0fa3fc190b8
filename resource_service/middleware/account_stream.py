"""The stream of a client that waits until the person has connected an account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
from starlette.types import Receive, Scope, Send

from resource_service.connected_accounts.answers import Account, ConnectLink
from resource_service.connected_accounts.stream_messages import StreamMessages
from resource_service.errors import Refusal
from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.gateway.disconnect import CancelledOnDisconnect
from resource_service.gateway.reply import EVENTS
from resource_service.messages.exact_json import dumps
from resource_service.person_links import Json
from resource_service.principal import Principal

ASK_EVERY_S = 2.0
OPEN_FOR_S = 600.0
"""Clients open the next stream by themselves."""


class AccountStream:
    """An ASGI app that tells a client that the person has connected the account.

    The stream ends with that, and the client's next one is of the upstream.

    Args:
        account: returns the account; may raise a `Refusal`.
        messages: of the stream.
        waiting: limits these streams.
    """

    def __init__(
        self,
        account: Callable[[], Awaitable[Account]],
        messages: StreamMessages,
        waiting: ConcurrencyLimit,
        principal: Principal,
    ) -> None:
        self._account = account
        self._messages = messages
        self._waiting = waiting
        self._principal = principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._waiting.slot(self._principal), CancelledOnDisconnect(receive):
            headers = [(name.encode(), value.encode()) for name, value in EVENTS.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send(
                {
                    "type": "http.response.body",
                    "body": b": waiting\n\n" + _events(self._messages.first),
                    "more_body": True,
                }
            )
            is_connected = await self._is_connected()
            connected = self._messages.connected if is_connected else ()
            body = _events((*connected, *self._messages.last))
            await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _is_connected(self) -> bool:
        with anyio.move_on_after(OPEN_FOR_S):
            while True:
                await anyio.sleep(ASK_EVERY_S)
                try:
                    if not isinstance(await self._account(), ConnectLink):
                        return True
                except Refusal:
                    return False
        return False


def _events(messages: Sequence[Json]) -> bytes:
    return b"".join(b"event: message\ndata: %b\n\n" % dumps(message) for message in messages)
