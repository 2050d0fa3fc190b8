"""The claims of a signed answer, without a server: for whom it is, and how old it may be (RFC 9701)."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from resource_service.introspection.issuer_keys import IssuerKeys
from resource_service.introspection.signed_answers import SignedAnswers
from shared.introspection import MalformedAnswerError
from shared.jose import InvalidJwsError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7")]

ISSUER, NOW = "https://auth.example", 1_800_000_000
GOOD = {"iss": ISSUER, "aud": "resource", "iat": NOW, "token_introspection": {"active": False}}


async def answer(*, error: Exception | None = None, **changes: Any) -> object:
    """The answer inside a JWS of the issuer, with changed claims."""
    keys = Mock(spec=IssuerKeys)
    keys.verify_jws = AsyncMock(return_value={**GOOD, **changes}, side_effect=error)
    return await SignedAnswers(keys, ISSUER, "resource", lambda: NOW).verify_answer("text")


@pytest.mark.parametrize("iat", [NOW - 60, NOW, NOW + 60])
async def test_an_answer_of_the_last_minute_is_accepted(iat: int) -> None:
    assert await answer(iat=iat) == {"active": False}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"iat": NOW - 61},
        {"iat": NOW + 61},
        {"iat": "now"},
        {"error": InvalidJwsError("forged")},
    ],
)
async def test_any_other_answer_says_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(
        MalformedAnswerError, match="not a signed introspection response for this resource server"
    ):
        await answer(**changes)
