"""ID tokens shown again as hints of who is meant (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.crypto.keys import SigningKeys
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.errors import InvalidRequestError
from shared import jwt_claims
from shared.jose import InvalidJwsError, parse
from shared.jwt_claims import ClaimError


@dataclass(frozen=True, slots=True)
class Hint:
    """What an ID token of ours says, expired or not."""

    subject: str
    client_id: str
    session_id: str | None


class IdTokenHints:
    """Reads hints: signed here, for whatever client; an expired one is a hint still."""

    def __init__(self, signing_keys: SigningKeys, issuer: str) -> None:
        self._signing_keys = signing_keys
        self._issuer = issuer

    async def read(self, id_token: str) -> Hint:
        """Who is meant.

        Raises:
            InvalidRequestError: it is not an ID token of this server.
        """
        try:
            claims = await self._signing_keys.verify(parse(id_token), "jwt")
            if claims.get("iss") != self._issuer:
                raise ClaimError("iss is another issuer")
            session_id = claims.get("sid")
            return Hint(
                jwt_claims.text(claims, "sub"),
                jwt_claims.text(claims, "aud"),
                session_id if isinstance(session_id, str) else None,
            )
        except (InvalidJwsError, ClaimError) as error:
            raise InvalidRequestError(f"id_token_hint is not valid: {error}") from error

    async def applied(self, asked: AuthorizationRequest, id_token: str | None) -> AuthorizationRequest:
        """The request, for the user that the hint names.

        Raises:
            InvalidRequestError: the hint is not valid, or contradicts the claims that are asked for.
        """
        if id_token is None:
            return asked
        hint = await self.read(id_token)
        if asked.subject not in (None, hint.subject):
            raise InvalidRequestError("id_token_hint and claims name different users")
        return replace(asked, subject=hint.subject)
