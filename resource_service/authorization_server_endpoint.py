"""An endpoint of the authorization server that this service uses often, over connections of its own."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from resource_service.settings import ResourceSettings
from shared.asgi.other_hosts import INTERNAL_AGENT
from shared.http1 import (
    BrokenOffError,
    Client,
    ConnectError,
    ExchangeError,
    Fields,
    Limits,
    Request,
    server_of,
    target_of,
)
from shared.http_exchange import Answer, NoAnswerError, read_at_most

MAX_ANSWER_BYTES = 1_048_576
"""More than the names of all groups in the access rules (128 KiB), in escaped and signed JSON."""

MAX_CONNECTIONS = 100


class AuthorizationServerEndpoint:
    """The endpoint at `url`, for requests that may arrive twice: the introspection of a token, for example.

    Args:
        timeout_s: for the whole exchange, including its repetition.
        connections: open at once.
    """

    def __init__(self, url: str, *, timeout_s: float, connections: int = MAX_CONNECTIONS) -> None:
        limits = Limits(connect_s=timeout_s, silence_s=timeout_s, connections=connections)
        self._client = Client(server_of(url, trust_env=True), limits)
        self._target = target_of(url)
        self._timeout_s = timeout_s
        self._fields: Fields = [
            (b"host", urlsplit(url).netloc.encode("ascii")),
            (b"user-agent", INTERNAL_AGENT.encode("ascii")),
            # Without compression, the limit on bytes read also limits memory.
            (b"accept-encoding", b"identity"),
        ]

    def run(self) -> AbstractAsyncContextManager[object]:
        """Return the context in which the endpoint can be used; enter it once."""
        return self._client

    async def post(self, fields: Fields, body: bytes) -> Answer:
        """Post `body`, and return the response.

        Raises:
            NoAnswerError: no response arrives within the limits.
        """
        request = Request(b"POST", self._target, [*self._fields, *fields], body)
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    return await self._sent(request)
                except (BrokenOffError, ConnectError):
                    # A kept-alive connection that the peer closes while we write to it fails like this,
                    # once. A repetition does no harm.
                    return await self._sent(request)
        except TimeoutError as error:
            raise NoAnswerError(f"no answer within {self._timeout_s} s") from error
        except ExchangeError as error:
            raise NoAnswerError(str(error)) from error

    async def _sent(self, request: Request) -> Answer:
        response = await self._client.send(request)
        try:
            body = await read_at_most(response, MAX_ANSWER_BYTES)
        finally:
            response.close()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.fields}
        return Answer(response.status, headers, body)


def endpoint_at(
    settings: ResourceSettings, path: str, *, connections: int = MAX_CONNECTIONS
) -> AuthorizationServerEndpoint:
    """Return the endpoint at a path of the authorization server, with the time limit of the settings."""
    return AuthorizationServerEndpoint(
        f"{settings.authorization_server_url}{path}",
        timeout_s=settings.introspection_timeout_s,
        connections=connections,
    )
