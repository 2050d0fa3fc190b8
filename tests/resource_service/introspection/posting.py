"""The introspection endpoint as a function, for tests without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2

from resource_service.authorization_server_endpoint import MAX_ANSWER_BYTES
from resource_service.introspection.client import Post
from shared.http1 import Fields
from shared.http_exchange import Answer, exchange

Handler = Callable[[httpx2.Request], httpx2.Response]


@asynccontextmanager
async def posting_to(handler: Handler) -> AsyncIterator[Post]:
    """Post to an endpoint that answers with `handler`."""
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as http:

        async def post(fields: Fields, body: bytes) -> Answer:
            request = http.build_request(
                "POST", "https://auth.example/introspect", headers=fields, content=body
            )
            return await exchange(http, request, timeout_s=60, max_bytes=MAX_ANSWER_BYTES, repeatable=True)

        yield post
