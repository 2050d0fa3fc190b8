"""Between a resource server and its authorization server: counts what is asked, and is cut path by path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx2

from tests.resource_service.authorization_server import AuthorizationServer, Question, break_off

PASSED_ON = ("authorization", "content-type", "accept")


class Relay:
    """Passes every request on to `target`, and its answer back, from the beginning until `close`."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._server = AuthorizationServer()
        self._server.replies["*"] = self._pass_on
        self._server.start()

    def close(self) -> None:
        """Close every connection and the port."""
        self._server.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    def count(self, path: str) -> int:
        """How often `path` has been asked for."""
        return len(self._server.requests_to(path))

    def cut(self, path: str) -> None:
        """From now on, break off every request for `path`."""
        self._server.replies[path] = break_off

    def mend(self, path: str) -> None:
        """Pass requests for `path` on again."""
        self._server.replies.pop(path, None)

    async def _pass_on(self, question: Question, writer: asyncio.StreamWriter) -> None:
        headers = {name: value for name, value in question.headers.items() if name in PASSED_ON}
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
            answer = await http.request(
                question.method, f"{self._target}{question.target}", headers=headers, content=question.body
            )
        path = question.target.partition("?")[0]
        if path in self._server.replies:
            writer.close()  # cut while the answer was under way
            return
        lines = [
            f"HTTP/1.1 {answer.status_code} Relayed",
            f"Content-Length: {len(answer.content)}",
            f"Content-Type: {answer.headers.get('content-type', '')}",
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode() + answer.content)
        await writer.drain()


@contextmanager
def relaying(target: str) -> Iterator[Relay]:
    """A relay to the server at `target`, for the length of the context."""
    with closing(Relay(target)) as relay:
        yield relay
