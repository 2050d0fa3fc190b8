"""Introspection answers that the authorization server has signed (RFC 9701)."""

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
"""How far `iat` may be from our clock: an answer from before must not be given again."""


@dataclass(frozen=True, slots=True)
class SignedAnswers:
    """Takes what the issuer signed, for this resource server, just now; nothing else is an answer.

    Attributes:
        audience: who this resource server is at the introspection endpoint.
    """

    keys: IssuerKeys
    issuer: str
    audience: str
    clock: Clock

    async def verify_answer(self, text: str) -> object:
        """The answer inside, as RFC 7662 §2.2 has it; not looked at yet.

        Raises:
            MalformedAnswerError: it is no such answer.
            KeysUnavailableError: whether it is one cannot be known.
        """
        try:
            claims = await self.keys.verify_jws(text, typ=SIGNED_TYPE, algorithms=ALGORITHMS)
            self._check(claims)
        except (InvalidJwsError, ClaimError) as error:
            raise MalformedAnswerError(f"not a signed answer for us: {error}") from error
        return claims.get("token_introspection")

    def _check(self, claims: Claims) -> None:
        if jwt_claims.text(claims, "iss") != self.issuer:
            raise ClaimError("iss is not the issuer")
        jwt_claims.check_audience(claims, (self.audience,))
        if abs(self.clock() - jwt_claims.number(claims, "iat")) > FRESH_S:
            raise ClaimError("iat is too far from now")
