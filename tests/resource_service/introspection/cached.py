"""A cache of answers about tokens, the server that it asks, and the time that passes for both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from resource_service.introspection.cache import SETTLE_S, IntrospectionCache
from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.reasons import Reason
from shared.introspection import ActiveToken

KEEP_S, EXPIRES_AT = 300, 10_000
TOKEN = ActiveToken(
    client_id="client",
    scopes=(),
    audience=(),
    issuer="issuer",
    expires_at=EXPIRES_AT,
    grant_id="grant",
    parent_grants=("parent",),
)


class Server:
    """An authorization server to ask, a cache over it, and the time that passes for both.

    Attributes:
        answers: by token.
        trouble: what happens to a question; None for an answer.
        may_answer: questions wait for it.
    """

    def __init__(self, *, join_for_s: float = 0.25) -> None:
        self.now = 1_000.0
        self.requests = 0
        self.answers: dict[str, ActiveToken] = {"t": TOKEN}
        self.down = False
        self.trouble: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.cache = IntrospectionCache(
            self.answer,
            keep_for_s=KEEP_S,
            join_for_s=join_for_s,
            clock=lambda: self.now,
            steady_clock=lambda: self.now,
        )

    async def answer(self, token: str) -> ActiveToken | None:
        self.requests += 1
        answer = self.answers.get(token)
        await self.may_answer.wait()
        if self.trouble:
            raise self.trouble
        if self.down:
            raise IntrospectionUnavailableError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "down")
        return answer

    def go_live(self) -> None:
        """The feed has begun and has settled."""
        self.cache.confirm(self.now)
        self.pass_time(SETTLE_S)

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the feed is heard all along."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1)
            self.cache.confirm(self.now)

    async def questions(self, token: str = "t", times: int = 3) -> int:
        """Show a token so many times; how many questions it took."""
        before = self.requests
        for _ in range(times):
            assert await self.cache(token) == self.answers.get(token)
        return self.requests - before

    async def begin(self, token: str = "t") -> Awaitable[ActiveToken | None]:
        """Ask, and let the answer wait."""
        self.may_answer.clear()
        task = asyncio.create_task(self.cache(token))
        for _ in range(3):
            await asyncio.sleep(0)
        return task
