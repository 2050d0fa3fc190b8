"""Mounts in memory, and requests to them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from starlette.types import Message, Receive, Scope, Send

from resource_service.joined.exchange import never
from resource_service.joined.request import JoinedRequest
from resource_service.joined.sections import Section
from resource_service.joined.sessions import JoinedSession
from resource_service.middleware.guard import Guard
from resource_service.principal import Principal
from shared.kept_by_identity import KeptByIdentity

__all__ = ["PRINCIPAL", "Mount", "never", "request_to"]

PRINCIPAL = Principal(client_id="c", scopes=(), issuer="https://a", expires_at=9_999_999_999, subject="s")


class Mount:
    """Stands for the guard of a mount."""

    def __init__(self) -> None:
        self.policy = SimpleNamespace(current=object())
        self.account = None
        self.messages: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted: Message = await receive()
        message: dict[str, Any] = json.loads(posted["body"])
        self.messages.append(message)
        await self.answer(message, scope, receive, send)

    async def answer(self, message: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message."""
        raise NotImplementedError


def request_to(
    *mounts: Mount, message: dict[str, Any] | None = None, session: JoinedSession | None = None
) -> JoinedRequest:
    """Return a request to the mounts ``m0``, ``m1`` and so on."""
    sections = [
        Section(
            name=f"m{number}",
            title="",
            path=f"/m{number}",
            guard=cast("Guard", mount),
            _principal_of=KeptByIdentity(lambda principal: principal),
        )
        for number, mount in enumerate(mounts)
    ]
    return JoinedRequest(
        scope={"type": "http", "method": "POST", "path": "/", "headers": []},
        principal=PRINCIPAL,
        message=message or {"method": "tools/list", "id": 1},
        sections=dict.fromkeys(sections, PRINCIPAL),
        session=session,
    )
