"""ID tokens as hints of the user (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.clients.repository import ClientRepository
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.id_token import is_id_token
from auth_service.protocol.reasons import Reason
from auth_service.users.client_subjects import ClientSubjects
from shared import jwt_claims
from shared.jose import InvalidJwsError, parse
from shared.jwt_claims import ClaimError


@dataclass(frozen=True, slots=True)
class Hint:
    """The content of an ID token of this server, expired or not.

    Attributes:
        subject: the user's subject on this server.
        client_id: the client to which it was issued.
    """

    subject: str
    client_id: str


class IdTokenHints:
    """Reads ID token hints signed here for any client; an expired ID token is still a valid hint."""

    def __init__(
        self, signing_keys: SigningKeys, clients: ClientRepository, subjects: ClientSubjects, issuer: str
    ) -> None:
        self._signing_keys = signing_keys
        self._clients = clients
        self._subjects = subjects
        self._issuer = issuer

    async def verify_hint(self, id_token: str) -> Hint:
        """Verify a hint and return its content.

        Raises:
            InvalidRequestError: the hint is not an ID token of this server.
        """
        try:
            token = parse(id_token)
            if token.unverified_claims.get("iss") != self._issuer:
                raise ClaimError("iss is not the expected issuer")
            claims = await self._signing_keys.verify_own_jws(token, "jwt")
            if not is_id_token(claims):
                raise ClaimError("it is not an ID token")
            return await self._hint(jwt_claims.text(claims, "sub"), jwt_claims.text(claims, "aud"))
        except (InvalidJwsError, ClaimError) as error:
            raise InvalidRequestError(
                Reason.ID_TOKEN_HINT_INVALID, f"id_token_hint is not valid: {error}"
            ) from error

    async def _hint(self, sub: str, client_id: str) -> Hint:
        client = await self._clients.get(client_id)
        subject = await self._subjects.local_subject(client.sector if client else None, sub)
        if subject is None:
            raise ClaimError("sub is not a subject of this client")
        return Hint(subject, client_id)

    async def applied(
        self, request: AuthorizationRequest, client: Client, id_token: str | None
    ) -> AuthorizationRequest:
        """Return the request, restricted to the user named by its claims or by the hint.

        Raises:
            InvalidRequestError: the hint is not valid, or contradicts the requested claims; or `client` names
                a user by a subject that it does not know.
        """
        subject = request.subject
        if subject is not None:
            subject = await self._subjects.local_subject(client.sector, subject)
            if subject is None:
                raise InvalidRequestError(
                    Reason.USER_HINTS_CONTRADICT, "claims requests a sub that was never issued to this client"
                )
        if id_token is None:
            return request if subject == request.subject else replace(request, subject=subject)
        hint = await self.verify_hint(id_token)
        # The client would learn that it shares the user with another client.
        if client.sector is not None and hint.client_id != client.client_id:
            raise InvalidRequestError(
                Reason.ID_TOKEN_HINT_INVALID, "id_token_hint was issued to another client"
            )
        if subject not in (None, hint.subject):
            raise InvalidRequestError(
                Reason.USER_HINTS_CONTRADICT, "id_token_hint and claims name different users"
            )
        return replace(request, subject=hint.subject)
