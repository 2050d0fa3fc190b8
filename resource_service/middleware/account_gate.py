"""An upstream that gets the credential of the person's connected account (GW-1).

Without a connected account, nothing reaches the upstream: this service introduces itself to the client, and
answers every call with the link to connect one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.auth.authentication import token_in
from resource_service.connected_accounts import stream_messages
from resource_service.connected_accounts.accounts import ConnectedAccounts
from resource_service.connected_accounts.answers import Account, ConnectLink, Credential
from resource_service.connected_accounts.client import Question
from resource_service.connected_accounts.client_sessions import ClientSessions
from resource_service.connected_accounts.elicitation import KIND
from resource_service.connected_accounts.errors import (
    account_unknown,
    credential_refused,
    no_person,
    not_connected,
    token_ended,
)
from resource_service.connected_accounts.introduction import (
    TOOL,
    Placeholder,
    connected_result,
    introduction,
    names_tool,
)
from resource_service.connected_accounts.request_account import RequestAccount, note_account, note_use
from resource_service.connected_accounts.stream_messages import StreamMessages
from resource_service.errors import Refusal
from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.gateway.errors import malformed_request, no_such_session
from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.messages.exact_json import dumps
from resource_service.messages.media_type import described_as_json
from resource_service.messages.request_ids import request_ids
from resource_service.middleware.account_stream import AccountStream
from resource_service.middleware.upstream_session import (
    HEADER,
    in_session,
    initialize_params,
    keeping_id,
    noting_session,
    open_session,
)
from resource_service.person_links import is_accepted, is_answered, message_opens_links, without_answer
from resource_service.principal import Principal, principal_in
from resource_service.reasons import Reason
from shared.asgi import replay

WAIT_S = 30.0
"""How long a repeated request waits for the person to connect the account. Clients of 2026-07-28 repeat it as
soon as the person has agreed to open the link."""

ASK_EVERY_S = 1.0
MAX_INITIALIZE_BYTES = 16_384

Messages = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountGate:
    """The connected accounts of one resource.

    Attributes:
        app: the upstream.
        resource: the URL of the resource.
        name: shown to clients.
        waiting: limits the streams that wait for a connection.
        tool: the name by which clients call the tool of this service.
        is_joined: whether tokens are for a resource that joins this one.
    """

    accounts: ConnectedAccounts
    app: ASGIApp
    resource: str
    name: str
    waiting: ConcurrencyLimit
    sessions: ClientSessions = field(default_factory=ClientSessions)
    tool: str = TOOL
    is_joined: bool = False

    def protect(self, app: ASGIApp, messages: Messages, end: Callable[[], None]) -> ASGIApp:
        """Wrap `app`, the upstream as the caller may see it, for one request.

        Args:
            messages: of the request.
            end: ends the response, if the account is disconnected.
        """

        async def protected(scope: Scope, receive: Receive, send: Send) -> None:
            question = self._question(scope)
            with self.accounts.in_use(question, end):
                account = await self._account(question)
                if isinstance(account, ConnectLink) and any(map(_waits, messages)):
                    account = await self._awaited(question, account)
                note_use(scope, account)
                if isinstance(account, ConnectLink):
                    await self._introduce(account, messages, scope)(scope, receive, send)
                    return
                replacement = partial(self._replacement, question, messages, scope)
                note_account(
                    scope, RequestAccount(account, replacement, partial(self.accounts.in_use, question))
                )
                await self._forward(app, messages, scope)(scope, receive, send)

        return protected

    @staticmethod
    def answers_itself(messages: Messages) -> bool:
        """Whether a request never reaches the upstream: it calls only the tool of this service."""
        return len(messages) == 1 and isinstance(messages[0], dict) and names_tool(messages[0])

    def kept_version(self, scope: Scope) -> str | None:
        """Return the version of the credential that a request uses; None if it must be asked for first."""
        if principal_in(scope).subject is None:
            return None
        return self.accounts.kept_version(self._question(scope))

    def _question(self, scope: Scope) -> Question:
        principal, token = principal_in(scope), token_in(scope)
        if principal.subject is None:
            raise no_person()
        holder = principal.grant_id or hashlib.sha256(token.encode()).hexdigest()
        return Question(
            holder=holder,
            resource=self.resource,
            is_joined=self.is_joined,
            token=token,
            principal=principal,
        )

    async def _account(self, question: Question) -> Account:
        try:
            account = await self.accounts.get(question)
        except IntrospectionUnavailableError as error:
            raise account_unknown(error) from error
        if account is None:
            raise token_ended()
        return account

    async def _awaited(self, question: Question, link: ConnectLink) -> Account:
        """Return the account as soon as it is connected, or else the link after a while."""
        account: Account = link
        with self.waiting.slot(question.principal), anyio.move_on_after(WAIT_S):
            while isinstance(account, ConnectLink):
                await anyio.sleep(ASK_EVERY_S)
                account = await self._account(question)
        return account

    async def _replacement(
        self, question: Question, messages: Messages, scope: Scope, refused: Credential
    ) -> Credential:
        if refused.replaces_refused:
            raise credential_refused("it was renewed within the last minute")
        try:
            account = await self.accounts.replacement(question, refused)
        except IntrospectionUnavailableError as error:
            raise account_unknown(error) from error
        if account is None:
            raise token_ended()
        if isinstance(account, ConnectLink):
            raise self._not_connected(account, messages, scope)
        if account.version == refused.version:
            raise credential_refused("the authorization server has no other one")
        return account

    def _not_connected(self, link: ConnectLink, messages: Messages, scope: Scope) -> Refusal:
        session_id, principal = _session_id(scope), principal_in(scope)
        opens_links = self.sessions.opens_links(session_id, principal) or any(
            message_opens_links(message) for message in messages if isinstance(message, dict)
        )
        return not_connected(link, messages, server=self.name, opens_links=opens_links)

    def _introduce(self, link: ConnectLink, messages: Messages, scope: Scope) -> ASGIApp:
        """Return the answer of this service to a request of a client whose account is not connected."""
        session_id, principal = _session_id(scope), principal_in(scope)
        if session_id is not None and not self._has_session(session_id, principal):
            raise no_such_session("the session is unknown, and no account is connected")
        if scope["method"] == "GET":
            return self._stream(stream_messages.of_session(link), scope)
        if scope["method"] == "DELETE":
            self.sessions.forget(session_id or "")
            return Response(status_code=200)
        if not request_ids(messages):
            return Response(status_code=202)
        if (subscribed := stream_messages.of_subscription(messages)) is not None:
            return self._stream(subscribed, scope)
        placeholder = Placeholder(link, self.name, self.tool)
        results = [(message, introduction(message, placeholder)) for message in _requests(messages)]
        if any(result is None for _, result in results):
            raise self._not_connected(link, messages, scope)
        answers = [{"jsonrpc": "2.0", "id": message["id"], "result": result} for message, result in results]
        headers = self._opened(messages, answers, principal)
        return JSONResponse(answers[0] if len(answers) == 1 else answers, headers=headers)

    def _stream(self, messages: StreamMessages, scope: Scope) -> AccountStream:
        account = partial(self._account, self._question(scope))
        return AccountStream(account, messages, self.waiting, principal_in(scope))

    def _has_session(self, session_id: str, principal: Principal) -> bool:
        sessions = self.sessions
        return sessions.find(session_id, principal) is not None or sessions.is_of_upstream(
            session_id, principal
        )

    def _opened(self, messages: Messages, answers: Messages, principal: Principal) -> dict[str, str]:
        """Return the header with the session that `initialize` opens."""
        params = initialize_params(messages)
        if params is None:
            return {}
        if len(dumps(params)) > MAX_INITIALIZE_BYTES:
            says = f"The parameters of initialize are larger than {MAX_INITIALIZE_BYTES} bytes."
            raise malformed_request(Reason.MESSAGE_MALFORMED, 400, says)
        revision = answers[0]["result"]["protocolVersion"]
        return {"Mcp-Session-Id": self.sessions.create(principal, params, revision)}

    def _forward(self, app: ASGIApp, messages: Messages, scope: Scope) -> ASGIApp:
        """Return the upstream, for a request of a client whose account is connected."""
        message = messages[0] if len(messages) == 1 and isinstance(messages[0], dict) else {}
        if self.answers_itself(messages):
            return JSONResponse(
                {"jsonrpc": "2.0", "id": message.get("id"), "result": connected_result(message, self.name)}
            )
        if is_answered(message, KIND):
            app = _with_body(app, dumps(without_answer(message)))
        session_id, principal = _session_id(scope), principal_in(scope)
        session = self.sessions.find(session_id, principal)
        if session is None or session_id is None:
            params = initialize_params(messages)
            return app if params is None else noting_session(app, self.sessions, principal, params)

        async def in_its_session(scope: Scope, receive: Receive, send: Send) -> None:
            await open_session(session, self.app, scope)
            if scope["method"] == "DELETE":
                self.sessions.forget(session_id)
            await app(in_session(session, scope), receive, keeping_id(send))

        return in_its_session


def _waits(message: object) -> bool:
    return isinstance(message, dict) and is_answered(message, KIND) and is_accepted(message, KIND)


def _requests(messages: Messages) -> list[dict[str, Any]]:
    return [message for message in messages if request_ids([message])]


def _session_id(scope: Scope) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER), None)


def _with_body(app: ASGIApp, body: bytes) -> ASGIApp:
    async def replaced(scope: Scope, receive: Receive, send: Send) -> None:
        await app(described_as_json(scope, body), replay(body, receive), send)

    return replaced
