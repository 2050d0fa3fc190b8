"""The principal of a cached answer is kept; whether its token may be used is decided for each request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resource_service.auth.authentication import Authenticate
from resource_service.auth.dpop.check import DpopValidator
from resource_service.errors import Refusal
from resource_service.reasons import Reason
from shared.introspection import ActiveToken

RESOURCE, ISSUER = "https://mcp.example/mcp", "https://as.example"
ANSWER = ActiveToken(
    client_id="client-1",
    scopes=("notes:read",),
    audience=(RESOURCE,),
    issuer=ISSUER,
    expires_at=100,
    subject="user-1",
    auth_time=10,
)

pytestmark = pytest.mark.anyio


class Installation:
    """An authorization server with one token, at a time that the test sets."""

    def __init__(self) -> None:
        self.answer: ActiveToken | None = ANSWER
        self.now = 50.0
        self.authenticate = Authenticate(
            introspect=self.introspect,
            dpop_validator=DpopValidator(base_url="https://mcp.example", clock=lambda: self.now),
            resource=RESOURCE,
            issuer=ISSUER,
            clock=lambda: self.now,
        )

    async def introspect(self, _token: str) -> ActiveToken | None:
        return self.answer

    async def refusal(self, *, jkt: str | None = None) -> Reason:
        with pytest.raises(Refusal) as refused:
            await self.authenticate.holder_of("token", jkt=jkt)
        assert isinstance(refused.value.reason, Reason)
        return refused.value.reason


async def test_requests_with_one_answer_have_one_principal() -> None:
    service = Installation()
    first = await service.authenticate.holder_of("token")
    assert await service.authenticate.holder_of("token") is first
    service.answer = replace(ANSWER, scopes=())
    assert (await service.authenticate.holder_of("token")).scopes == ()
    assert (first.login_age_s(service.now), first.person) == (40, (ISSUER, "subject:user-1"))


@pytest.mark.requirement("RS-2")
async def test_a_kept_principal_ends_with_its_token_and_needs_the_right_sender() -> None:
    service = Installation()
    await service.authenticate.holder_of("token")
    assert await service.refusal(jkt="a-key") is Reason.TOKEN_NOT_BOUND
    service.answer = None
    assert await service.refusal() is Reason.TOKEN_INACTIVE
    service.answer = replace(ANSWER, issuer="https://other.example")
    assert await service.refusal() is Reason.TOKEN_OF_OTHER_ISSUER
    service.answer, service.now = ANSWER, 100
    assert await service.refusal() is Reason.TOKEN_EXPIRED


async def test_a_token_is_admitted_where_it_is_valid_from_any_sender() -> None:
    service = Installation()
    scope = {"headers": [(b"authorization", b"Bearer token")]}
    admits = service.authenticate.admits
    assert await admits(scope)
    assert not await admits({"headers": []})
    assert not await admits({"headers": [(b"authorization", b"Bearer two tokens")]})
    service.answer = replace(ANSWER, jkt="the key of the sender")
    assert await admits(scope)
    for answer in (
        None,
        replace(ANSWER, audience=("https://other.example",)),
        replace(ANSWER, expires_at=50),
    ):
        service.answer = answer
        assert not await admits(scope)
