"""A resource server refuses tokens of a grant that it saw end, even if introspection says otherwise."""

from __future__ import annotations

import pytest

from resource_service.introspection.ended_grants import EndedGrants, RefusingEnded
from shared.introspection import ActiveToken

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7", "OP-3")]


def token(grant_id: str | None, *parents: str) -> ActiveToken:
    return ActiveToken(
        client_id="client-1",
        scopes=(),
        issuer="https://auth.example",
        audience=("https://mcp.example/mcp",),
        expires_at=100,
        grant_id=grant_id,
        parent_grants=parents,
    )


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (token("ended"), True),
        (token("child", "ended"), True),
        (token("other"), False),
        (token(None), False),
        (None, True),
    ],
)
async def test_tokens_of_ended_grants_are_inactive(answer: ActiveToken | None, refused: bool) -> None:
    async def ask(_: str) -> ActiveToken | None:
        return answer

    ended = EndedGrants(lambda: 0.0)
    ended.add("ended", 100)
    assert (await RefusingEnded(ask, ended)("dw_at_x") is None) is refused


def test_ended_grants_are_forgotten_after_their_tokens_and_beyond_the_bound() -> None:
    now = 0.0
    ended = EndedGrants(lambda: now, at_most=2)
    ended.add("brief", 10)
    now = 20.0
    ended.add("a", 100)
    assert not ended.has_ended(token("brief"))
    ended.add("b", 100)
    ended.add("c", 100)
    assert [ended.has_ended(token(name)) for name in "abc"] == [False, True, True]
    ended.add("late", 5)
