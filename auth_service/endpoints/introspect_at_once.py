"""The usual introspection: a resource server, known by its header, looks up an opaque token.

It needs one read of the store, or none for a token that is not genuine. Everything else is answered by
`IntrospectEndpoint`, with the same rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.crypto.handles import Handle
from auth_service.endpoints.calling_requests import adopt_request_id
from auth_service.grants.token_reader import ReadToken, TokenReader, is_jwt
from auth_service.protocol.client_authentication import CREDENTIALS
from auth_service.protocol.errors import OAuthError
from auth_service.protocol.grant import Grant
from auth_service.protocol.introspection import introspection_response
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.web.http import encoded_json, encoded_response, is_form, refusal, unavailable
from shared.asgi import HEAD_FACTS, Waiting, first_header, header_values
from shared.introspection import SIGNED_TYPE, WITH_SOFTWARE
from shared.storage.interface import StoreUnavailableError

ANSWERS = 2_048
"""The number of answers that a process keeps, by everything that they follow from: about 2 MB."""

_FACT = "introspection"

_UNUSUAL = CREDENTIALS | WITH_SOFTWARE.keys()
"""Parameters of requests that need more than one read."""

AnswerKey = tuple[object, ...]
"""Everything that an answer follows from, except the access rules."""


class Usual(NamedTuple):
    """A usual request about a genuine token."""

    scope: Scope
    parameters: Parameters
    caller: IntrospectionCaller
    handle: Handle


class KeptAnswer(NamedTuple):
    """The answer about an active token, and the grant that it was read from."""

    grant: Grant
    body: bytes


class KeptAnswers:
    """The latest `ANSWERS` answers by the access rules in force.

    The rules may be large, and each read of the store returns a copy, so they are not part of the keys.
    """

    def __init__(self) -> None:
        self._rules: bytes | None = None
        self._answers: dict[AnswerKey, KeptAnswer] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def follow(self, rules: bytes | None) -> None:
        """Drop all answers if the access rules in the store have changed."""
        if rules != self._rules:
            self._answers.clear()
            self._rules = rules

    def get(self, key: AnswerKey) -> KeptAnswer | None:
        """Return the answer that follows from `key`, if it is kept."""
        return self._answers.get(key)

    def keep(self, key: AnswerKey, answer: KeptAnswer) -> None:
        """Keep an answer, in place of the oldest one."""
        if len(self._answers) >= ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = answer


@dataclass(frozen=True, kw_only=True)
class IntrospectAtOnce:
    """Answers what is usual.

    Attributes:
        otherwise: answers about a token that was read, whatever its grant and the access rules are.
        kept: the answers about active tokens.
        not_found: answers about a token that is not genuine, has expired, or lost its grant.
    """

    callers: IntrospectionCallers
    tokens: TokenReader
    issuer: str
    otherwise: Callable[[Usual, ReadToken], Awaitable[Response]]
    not_found: Callable[[IntrospectionCaller, str], Response]
    kept: KeptAnswers = field(default_factory=KeptAnswers)

    def respond(self, scope: Scope, body: bytes) -> Response | Waiting | None:
        """Return the response, or what it waits for; None if the request is not usual."""
        caller = self._caller_of(scope)
        if caller is None:
            return None
        try:
            parameters = parse_parameters(body)
        except OAuthError:
            return None
        adopt_request_id(scope, caller, parameters)
        token = parameters.get("token")
        if token is None or is_jwt(token) or not _UNUSUAL.isdisjoint(parameters.values):
            return None
        handle = self.tokens.read_opaque(token)
        if handle is None:
            return self.not_found(caller, token)
        usual = Usual(scope, parameters, caller, handle)
        reading = asyncio.ensure_future(self.tokens.begin_reading(handle))
        return Waiting(reading, partial(self._respond, usual))

    def _caller_of(self, scope: Scope) -> IntrospectionCaller | None:
        """Return the caller, which follows from the head alone."""
        facts = scope.get(HEAD_FACTS)
        if facts is None:
            return self._identified(scope)
        if _FACT not in facts:
            facts[_FACT] = self._identified(scope)
        caller: IntrospectionCaller | None = facts[_FACT]
        return caller

    def _identified(self, scope: Scope) -> IntrospectionCaller | None:
        if not is_form(scope) or SIGNED_TYPE in first_header(scope, "accept"):
            return None
        return self.callers.by_header(header_values(scope, "authorization"))

    def _respond(
        self, usual: Usual, reading: asyncio.Future[list[bytes | None]]
    ) -> Response | Awaitable[Response]:
        try:
            values = reading.result()
        except StoreUnavailableError as error:
            return refusal(Request(usual.scope), unavailable(error))
        caller, handle = usual.caller, usual.handle
        if self.tokens.grants.is_known_revoked(handle.grant_id):
            return self._respond_carefully(usual)
        token = handle.is_access_token, handle.generation, handle.expires_at, handle.narrowed, handle.bound
        value, rules = values
        self.kept.follow(rules)
        key = value, caller.name, *token
        kept = self.kept.get(key)
        if kept is None:
            read = self.tokens.token_in(handle, values)
            if read is None:
                return self.not_found(caller, usual.parameters.require("token"))
            kept = self._answer(caller, read)
            if kept is None:
                return self.otherwise(usual, read)
            self.kept.keep(key, kept)
        self.tokens.confirmations.note(kept.grant, handle.generation)
        return encoded_response(kept.body)

    async def _respond_carefully(self, usual: Usual) -> Response:
        token = usual.parameters.require("token")
        try:
            read = await self.tokens.read_with_rules(token)
        except StoreUnavailableError as error:
            return refusal(Request(usual.scope), unavailable(error))
        return self.not_found(usual.caller, token) if read is None else await self.otherwise(usual, read)

    def _answer(self, caller: IntrospectionCaller, read: ReadToken) -> KeptAnswer | None:
        """Return the answer about an active token; None if it follows from more than what was read."""
        handle, grant = read.handle, read.grant
        # The answer about a token that is newer than the stored grant depends on the time.
        is_usual = handle.is_access_token and not grant.parent_grants and not read.is_newer
        if not is_usual or not self.tokens.is_unrestricted(grant, read.rules):
            return None
        answer = introspection_response(
            grant, handle=handle, caller=caller, issuer=self.issuer, now=0, grace_s=0
        )
        return KeptAnswer(grant, encoded_json(answer)) if answer["active"] else None
