"""POST /introspect (RFC 7662): resource servers look up tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.clients.repository import ClientRepository
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.endpoints.calling_requests import adopt_request_id
from auth_service.endpoints.descriptions.introspect import OPERATION
from auth_service.endpoints.introspect_at_once import IntrospectAtOnce, Usual
from auth_service.grants.token_reader import ReadToken, TokenReader
from auth_service.protocol.introspection import (
    Explanation,
    introspection_response,
    may_learn_groups,
    signed_answer_claims,
    why_inactive,
    with_groups,
    with_pairwise_subject,
    with_software,
)
from auth_service.protocol.narrowed_grants import NOT_GRANTED
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.software import software_names
from auth_service.users.client_subjects import ClientSubjects
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of, json_response
from auth_service.web.route import Endpoint
from shared.asgi import first_header, header_values
from shared.clock import Clock
from shared.introspection import INACTIVE, SIGNED_TYPE, WITH_GROUPS, WITH_SOFTWARE
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class IntrospectEndpoint:
    """Returns the information about a token that the caller may have."""

    callers: IntrospectionCallers
    tokens: TokenReader
    subjects: ClientSubjects
    clients: ClientRepository
    signing_keys: SigningKeys
    clock: Clock
    issuer: str
    grace_s: int
    networks: ClientNetworks

    async def handle(self, request: Request) -> Response:
        parameters = await form_of(request)
        authorization = header_values(request.scope, "authorization")
        caller = self.callers.resource_server(authorization, parameters) or await self.callers.authenticate(
            authorization, parameters, self.networks.network_of(request)
        )
        adopt_request_id(request.scope, caller, parameters)
        answer = await self._answer(parameters, caller)
        if f"application/{SIGNED_TYPE}" in first_header(request.scope, "accept"):
            return await self._signed(answer, caller)
        return json_response(answer)

    async def _answer(self, parameters: Parameters, caller: IntrospectionCaller) -> dict[str, Any]:
        token = parameters.require("token")
        read = await self.tokens.read_with_rules(token)
        if read is None:
            return self._not_found(caller, token)
        return await self._answer_about(parameters, caller, read)

    def _not_found(self, caller: IntrospectionCaller, token: str) -> dict[str, Any]:
        return self._inactive(caller, self.tokens.why_not_found(token))

    async def _answer_about(
        self, parameters: Parameters, caller: IntrospectionCaller, read: ReadToken
    ) -> dict[str, Any]:
        handle, grant, rules, _ = read
        limited = await self.tokens.grants.within_parents(grant)
        permitted = await self.tokens.permitted(limited or grant, rules)
        if permitted is None:
            why = Reason.ACCESS_NOT_GRANTED, NOT_GRANTED
            return self._inactive(caller, why, client_id=grant.client_id)
        grant = permitted
        answer = introspection_response(
            grant,
            handle=handle,
            caller=caller,
            issuer=self.issuer,
            now=int(self.clock()),
            grace_s=self.grace_s,
        )
        if limited is None or not answer["active"]:
            return self._inactive(caller, why_inactive(grant, handle, caller), client_id=grant.client_id)
        self.tokens.confirmations.note(grant, handle.generation)
        if may_learn_groups(grant, caller) and WITH_GROUPS.items() <= parameters.values.items():
            answer = with_groups(answer, await self.tokens.groups_for(grant))
        if grant.resource in caller.resources and WITH_SOFTWARE.items() <= parameters.values.items():
            client = await self.clients.get(grant.client_id)
            answer = with_software(answer, software_names(grant.client_id, client))
        if caller.sector is None or grant.subject is None:
            return answer
        return with_pairwise_subject(answer, await self.subjects.client_subject(caller.sector, grant.subject))

    @staticmethod
    def _inactive(caller: IntrospectionCaller, why: Explanation, **more: str) -> dict[str, Any]:
        reason, sentence = why
        _log.info(
            "introspected as inactive", reason=sentence, reason_code=reason.code, caller=caller.name, **more
        )
        return INACTIVE

    async def _signed(self, answer: dict[str, Any], caller: IntrospectionCaller) -> Response:
        claims = signed_answer_claims(answer, caller, self.issuer, int(self.clock()))
        text = await self.signing_keys.sign(claims, typ=SIGNED_TYPE)
        return Response(text, 200, {"Cache-Control": "no-store"}, f"application/{SIGNED_TYPE}")

    def _at_once(self) -> IntrospectAtOnce:
        return IntrospectAtOnce(
            callers=self.callers,
            tokens=self.tokens,
            issuer=self.issuer,
            otherwise=self._respond_about,
            not_found=lambda caller, token: json_response(self._not_found(caller, token)),
        )

    async def _respond_about(self, usual: Usual, read: ReadToken) -> Response:
        async def respond(_: Request) -> Response:
            return json_response(await self._answer_about(usual.parameters, usual.caller, read))

        return await answers_errors(respond)(Request(usual.scope))

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/introspect",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
            direct=True,
            immediate=self._at_once().respond,
        )
