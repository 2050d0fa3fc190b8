"""The baselines for the hot paths: the same server and the same bytes, without the work."""

from __future__ import annotations

import json
import os
from typing import Annotated, cast

import redis.asyncio
from fastapi import FastAPI, Form
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

ANSWER = {
    "active": True,
    "scope": "notes:read notes:write",
    "client_id": "0123456789abcdef",
    "username": "wesen",
    "token_type": "Bearer",
    "exp": 1_790_000_600,
    "iat": 1_790_000_000,
    "sub": "0123456789abcdef",
    "aud": "http://localhost:9001/mcp",
    "iss": "http://localhost:9000",
}


async def _answer(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse(ANSWER)


STORE_VARIABLE = "BENCH_STORE"
_KEY = "bench:one-key"


def one_key() -> ASGIApp:
    """Create an ASGI application without a framework that reads the request and one key by redis-py."""
    store = redis.asyncio.Redis.from_url(os.environ[STORE_VARIABLE])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await store.set(_KEY, json.dumps(ANSWER))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await store.aclose()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await receive()
        body = cast("bytes", await store.get(_KEY))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def bare() -> Starlette:
    """Create an application that reads the request and responds."""
    return Starlette(routes=[Route("/", _answer, methods=["GET", "POST"])])


class Introspected(BaseModel):
    """The response as a model."""

    active: bool
    scope: str
    client_id: str
    username: str
    token_type: str
    exp: int
    iat: int
    sub: str
    aud: str
    iss: str


def framework() -> FastAPI:
    """Create the same application with the features that our hot paths avoid: form parameters and a model."""
    app = FastAPI()

    @app.post("/")
    async def introspect(
        token: Annotated[str, Form()], token_type_hint: Annotated[str | None, Form()] = None
    ) -> Introspected:
        return Introspected.model_validate(ANSWER)

    return app
