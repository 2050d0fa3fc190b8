"""Requests are measured by route and outcome, in every way that a request is answered."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from shared.asgi.endpoint_names import OTHER, EndpointNames
from shared.asgi.noted_reason import note_reason
from shared.asgi.observed import DISCONNECTED, ObservedApp
from shared.reasons import CommonReason

pytestmark = [pytest.mark.requirement("JR-7"), pytest.mark.anyio]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/token", "/token"),
        ("/auth/token", "/token"),
        ("/register/abc", "/register/{client_id}"),
        ("/auth/register/abc", "/register/{client_id}"),
        ("/register/abc/more", OTHER),
        ("/register/", OTHER),
        ("/wp-login.php", OTHER),
        ("/auth", OTHER),
    ],
)
def test_a_path_is_named_after_its_route(path: str, name: str) -> None:
    names = EndpointNames("/auth")
    names.add(["/token", "/register/{client_id}"])
    assert names(path) == name


async def measured(app: Any) -> tuple[str, int, str]:
    done: list[tuple[str, int, str, float]] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        """Ignore the response."""

    names = EndpointNames()
    names.add(["/token"])
    measuring = ObservedApp(app, names, [lambda *each, scope: done.append(each)])
    with suppress(RuntimeError):
        await measuring({"type": "http", "path": "/token", "method": "GET"}, receive, send)
    [(endpoint, status, reason, seconds)] = done
    assert seconds >= 0
    return endpoint, status, reason


async def test_a_refusal_has_its_reason_although_middleware_copies_the_scope() -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        note_reason({**scope, "path": "/other"}, CommonReason.NOT_FOUND)
        await send({"type": "http.response.start", "status": 404, "headers": []})

    assert await measured(app) == ("/token", 404, "not_found")


async def test_a_request_without_a_response_counts_as_disconnected() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError

    assert await measured(app) == ("/token", DISCONNECTED, "")
