"""GET and POST /userinfo (OpenID Connect Core §5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.dpop import DpopProofs
from auth_service.clients.repository import ClientRepository
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.endpoints.descriptions.userinfo import operation
from auth_service.grants.person_claims import PersonClaims
from auth_service.grants.token_reader import TokenReader
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InsufficientScopeError, InvalidRequestError, InvalidTokenError
from auth_service.protocol.id_token import userinfo_claims
from auth_service.protocol.reasons import Reason
from auth_service.users.client_subjects import ClientSubjects
from auth_service.web.http import (
    answers_errors,
    bearer_of,
    form_of,
    json_response,
)
from auth_service.web.route import Endpoint
from shared.asgi import CorsPolicy, header_values
from shared.clock import Clock


@dataclass(frozen=True, kw_only=True)
class UserinfoEndpoint:
    """Returns the claims of the user behind an access token, as far as its scopes allow."""

    people: PersonClaims
    tokens: TokenReader
    dpop: DpopProofs
    clients: ClientRepository
    subjects: ClientSubjects
    signing_keys: SigningKeys
    issuer: str
    clock: Clock
    url: str

    async def handle(self, request: Request) -> Response:
        proofs = header_values(request.scope, "dpop")
        token = bearer_of(request, scheme="DPoP") if proofs else await self._token(request)
        token_and_grant = await self.tokens.live_access(token)
        if token_and_grant is None:
            raise InvalidTokenError(
                Reason.ACCESS_TOKEN_INVALID, "the access token is not valid, or has expired"
            )
        handle, grant = token_and_grant
        jkt = await self.dpop.check(
            proofs, request.method, self.url, source=grant.grant_id, access_token=token
        )
        if grant.jkt != jkt:
            raise InvalidTokenError(Reason.DPOP_KEY_MISMATCH, "the access token is bound to another key")
        scopes = grant.scopes_of(handle.generation)
        person = await self.people.of(grant.subject, scopes) if grant.subject else None
        if grant.subject is None or person is None or "openid" not in scopes:
            raise InsufficientScopeError(Reason.OPENID_SCOPE_MISSING, "the scope openid was not granted")
        client = await self.clients.get(grant.client_id)
        if client is None:
            raise InvalidTokenError(
                Reason.ACCESS_TOKEN_INVALID, "the client of the access token no longer exists"
            )
        client_subject = await self.subjects.client_subject(client.sector, grant.subject)
        claims = userinfo_claims(client_subject.subject, person, scopes, grant.userinfo_claims)
        if client.userinfo_alg is None:
            return json_response(claims)
        return await self._signed(claims, client, client.userinfo_alg)

    async def _signed(self, claims: dict[str, Any], client: Client, alg: str) -> Response:
        # OpenID Connect Core §5.3.2: a signed response names its issuer and audience.
        issued = {"iss": self.issuer, "aud": client.client_id, "iat": int(self.clock())}
        token = await self.signing_keys.sign({**claims, **issued}, alg=alg)
        return Response(token, headers={"Cache-Control": "no-store"}, media_type="application/jwt")

    @staticmethod
    async def _token(request: Request) -> str:
        if request.method == "POST" and request.headers.get("content-type"):
            token = (await form_of(request)).get("access_token")  # RFC 6750 §2.2
            if token and header_values(request.scope, "authorization"):
                raise InvalidRequestError(
                    Reason.ACCESS_TOKEN_REPEATED, "the access token was sent in two ways; send it only once"
                )
            if token:
                return token
        return bearer_of(request)

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        methods = ("GET", "POST")
        return Endpoint(
            path="/userinfo",
            handler=answers_errors(self.handle, protected=True),
            methods=methods,
            operations={"GET": operation("get"), "POST": operation("post")},
            cors=CorsPolicy(methods, exposed=("WWW-Authenticate", "X-Request-Id", "DPoP-Nonce")),
            direct=True,
        )
