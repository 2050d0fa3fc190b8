"""A feed of revocations for the scripted authorization server, polled as RFC 8936 has it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from shared.security_events import TYPE, SecurityEvent, set_claims
from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import (
    REVOCATIONS,
    AuthorizationServer,
    Question,
    Reply,
    answer_json,
)

JWKS = "/jwks"
AUDIENCE = "resource"

Change = Callable[[dict[str, Any]], object]


class Feed:
    """Tells of revocations in their order, and of itself every `heartbeat_s`.

    A `jti` begins with the number of events that were told when it is acknowledged: the position is in it.

    Attributes:
        polls: what was asked, in order.
        instead: what answers a poll instead, while it is set.
        unknown: every position is forgotten.
        change: what is done to the claims of each token before it is signed.
        sign: how a token is made of them.
        members: more members of each answer.
    """

    def __init__(self, server: AuthorizationServer, *, heartbeat_s: float = 0.3) -> None:
        self.server = server
        self.heartbeat_s = heartbeat_s
        self.pair = KeyPair()
        self.polls: list[dict[str, Any]] = []
        self.instead: Reply | None = None
        self.unknown = False
        self.change: Change = lambda claims: None
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: self.pair.sign(claims, TYPE)
        self.members: dict[str, object] = {}
        self._revoked: list[str] = []
        self._numbers = itertools.count()
        server.replies[REVOCATIONS] = self._reply
        server.replies[JWKS] = answer_json(self.pair.jwks)

    def announce(self, grant_id: str) -> None:
        """Tell of the end of a grant."""
        self._revoked.append(grant_id)

    def revoke(self, token: str) -> None:
        """End the grant of a token: announced, then written, as the authorization server does it."""
        grant_id = self.server.tokens[token]["grant_id"]
        self.announce(grant_id)
        for other, answer in list(self.server.tokens.items()):
            if grant_id in (answer.get("grant_id"), *answer.get("ancestors", ())):
                del self.server.tokens[other]

    @property
    def fresh_polls(self) -> int:
        """How often the stream was begun again."""
        return sum("ack" not in poll for poll in self.polls)

    async def _reply(self, question: Question, writer: asyncio.StreamWriter) -> None:
        self.polls.append(json.loads(question.body))
        reply = self.instead or await self._answer(self.polls[-1])
        await reply(question, writer)

    async def _answer(self, poll: dict[str, Any]) -> Reply:
        if "ack" in poll and self.unknown:
            return answer_json({"err": "unknown_position"}, 409)
        acknowledged = [int(jti.partition(".")[0]) for jti in poll.get("ack", [])]
        position = max(acknowledged) if acknowledged else len(self._revoked)
        deadline = time.monotonic() + self.heartbeat_s
        while len(self._revoked) == position and time.monotonic() < deadline and not self.instead:  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # announced from another thread
        if self.instead:
            return self.instead
        events = [
            SecurityEvent(
                jti=f"{number}.{next(self._numbers)}", occurred_at=int(time.time()), grant_id=grant_id
            )
            for number, grant_id in enumerate(self._revoked[position:], position + 1)
        ][: poll["maxEvents"]]
        if not events:
            events = [SecurityEvent(jti=f"{position}.{next(self._numbers)}", occurred_at=int(time.time()))]
        more = position + len(events) < len(self._revoked)
        sets = {event.jti: self._set(event) for event in events}
        return answer_json({"sets": sets, "moreAvailable": more, **self.members})

    def _set(self, event: SecurityEvent) -> str:
        claims = set_claims(event, issuer=self.server.url, audience=AUDIENCE)
        self.change(claims)
        return self.sign(claims)
