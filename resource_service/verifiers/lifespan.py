"""Handle the lifespan of an app that may not support the lifespan protocol, which ASGI allows."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.logs import get_logger

_log = get_logger(__name__)


class Lifespan:
    """Runs the lifespan of `app`; if the app does not support it, or has left it, responds in its place.

    The guard needs the lifespan: without it, it could neither follow revocations nor notice the shutdown.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received: set[str] = set()
        sent: set[str] = set()

        async def hear() -> Message:
            message = await receive()
            received.add(message["type"])
            return message

        async def tell(message: Message) -> None:
            sent.add(message["type"])
            await send(message)

        try:
            await self._app(scope, hear, tell)
        except Exception as error:
            # Lifespan Protocol: an app without support raises an exception, and must be served regardless.
            if sent:
                raise
            _log.info("the app does not support the lifespan protocol", error=repr(error))
        for phase in ("startup", "shutdown"):
            if f"lifespan.{phase}.failed" in sent:
                return
            if f"lifespan.{phase}" not in received:
                await hear()
            if f"lifespan.{phase}.complete" not in sent:
                await tell({"type": f"lifespan.{phase}.complete"})
