"""The accounts of people at a scripted authorization server, and an upstream that accepts only theirs."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from shared.disconnections import MEMBER
from tests.resource_service.authorization_server import (
    AuthorizationServer,
    Question,
    Reply,
    answer,
    answer_json,
)
from tests.resource_service.feed import Feed

PATH = "/connected-account"
FIRST = "Bearer secret-of-the-provider-1"
SECOND = "Bearer secret-of-the-provider-2"
_SESSIONS = itertools.count()
INVALID = {"error": "invalid_token"}


class Accounts:
    """Answers questions about accounts.

    Attributes:
        feed: tells of disconnections.
        names_resources: whether answers say of which resource the account is, as of this release.
        by_token: the answer for an access token, and what follows once its version is rejected; for one
            resource only, if the URL of it is added to the token.
    """

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server
        self.names_resources = True
        self.feed = Feed(server, heartbeat_s=0.1)
        self.feed.members[MEMBER] = []
        self.by_token: dict[str, list[dict[str, Any]]] = {}
        server.replies[PATH] = self._reply

    def connect(self, token: str, *authorizations: str, expires_in: int = 3_000, at: str = "") -> None:
        """Connect an account, whose credential is replaced by the next one when it is rejected.

        Args:
            at: the only resource of the account.
        """
        self.by_token[f"{token}{at}"] = [
            {"status": "connected", "authorization": text, "version": str(number), "expires_in": expires_in}
            for number, text in enumerate(authorizations, 1)
        ]

    def connect_key(self, token: str, api_key: str) -> None:
        """Let the person have entered an API key."""
        self.by_token[token] = [{"status": "connected", "api_key": api_key, "version": "1"}]

    def offer_link(self, token: str, link_id: str = "link-1", *, at: str = "") -> None:
        """Let no account be connected."""
        self.by_token[f"{token}{at}"] = [self.link(link_id)]

    def link(self, link_id: str = "link-1") -> dict[str, Any]:
        """The answer with a link."""
        return {
            "status": "not_connected",
            "provider": "GitHub",
            "connect_url": f"{self.server.url}/connect/{link_id}",
            "elicitation_id": link_id,
            "expires_in": 600,
        }

    def disconnect(self, subject: str, resource: str, version: str) -> None:
        """Tell of the end of an account."""
        ended = {"sub": subject, "resource": resource, "version": version}
        self.feed.members[MEMBER] = [*self.feed.members[MEMBER], ended]  # type: ignore[misc]

    @property
    def questions(self) -> list[Question]:
        """The questions about accounts."""
        return self.server.requests_to(PATH)

    async def _reply(self, question: Question, writer: asyncio.StreamWriter) -> None:
        token, resource = question.form["token"], question.form["resource"]
        answers = self.by_token.get(f"{token}{resource}") or self.by_token.get(token, [])
        if (
            "rejected" in question.form
            and len(answers) > 1
            and answers[0]["version"] == question.form["rejected"]
        ):
            answers.pop(0)
        named = {"resource": resource} if self.names_resources else {}
        reply = answer_json({**named, **answers[0]}) if answers else answer_json(INVALID, 400)
        await reply(question, writer)


def accepting(*authorizations: str) -> Reply:
    """An upstream that opens sessions, and accepts only these credentials."""

    async def reply(question: Question, writer: asyncio.StreamWriter) -> None:
        if question.headers.get("authorization") not in authorizations:
            await answer(401, b"", 'WWW-Authenticate: Bearer realm="upstream"')(question, writer)
            return
        message = json.loads(question.body or b"{}")
        if "id" not in message:
            await answer(202, b"")(question, writer)
            return
        result: dict[str, Any] = {"content": [{"type": "text", "text": "done"}]}
        headers = ["Content-Type: application/json"]
        if message["method"] == "initialize":
            version = message["params"]["protocolVersion"]
            result = {
                "protocolVersion": version,
                "capabilities": {"tools": {}, "logging": {}},
                "serverInfo": {"name": "u", "version": "1"},
            }
            headers.append(f"Mcp-Session-Id: of-the-upstream-{next(_SESSIONS)}")
        if message["method"] == "tools/list":
            result = {"tools": [{"name": "t", "inputSchema": {"type": "object"}}]}
        if "_meta" in message.get("params", {}):
            result |= {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        await answer(200, body, *headers)(question, writer)

    return reply


def sent_authorizations(upstream: AuthorizationServer) -> list[str]:
    """The authorizations that an upstream has got."""
    return [value for question in upstream.questions for value in question.header_values("authorization")]
