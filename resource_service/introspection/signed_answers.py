"""Introspection responses signed by the authorization server (RFC 9701)."""

from __future__ import annotations

from dataclasses import dataclass

from resource_service.introspection.issuer_keys import IssuerKeys
from shared import jwt_claims
from shared.clock import Clock
from shared.introspection import SIGNED_TYPE, MalformedAnswerError
from shared.jose import Claims, InvalidJwsError
from shared.jwt_claims import ClaimError

MEDIA_TYPE = f"application/{SIGNED_TYPE}"
ALGORITHMS = ("RS256", "ES256")
FRESH_S = 60
"""How far `iat` may differ from our clock, so that an old response cannot be replayed."""


@dataclass(frozen=True, slots=True)
class SignedAnswers:
    """Accepts only recent responses that the issuer signed for this resource server.

    Attributes:
        audience: the id of this resource server at the introspection endpoint.
    """

    keys: IssuerKeys
    issuer: str
    audience: str
    clock: Clock

    async def verify_answer(self, text: str) -> object:
        """Return the contained RFC 7662 §2.2 response, not yet validated.

        Raises:
            MalformedAnswerError: it is not such a response.
            KeysUnavailableError: the keys for the verification cannot be fetched.
        """
        try:
            claims = await self.keys.verify_jws(text, typ=SIGNED_TYPE, algorithms=ALGORITHMS)
            self._check(claims)
        except (InvalidJwsError, ClaimError) as error:
            raise MalformedAnswerError(
                f"not a signed introspection response for this resource server: {error}"
            ) from error
        return claims.get("token_introspection")

    def _check(self, claims: Claims) -> None:
        if jwt_claims.text(claims, "iss") != self.issuer:
            raise ClaimError("iss is not the issuer")
        jwt_claims.check_audience(claims, (self.audience,))
        if abs(self.clock() - jwt_claims.number(claims, "iat")) > FRESH_S:
            raise ClaimError("iat is too far from now")
