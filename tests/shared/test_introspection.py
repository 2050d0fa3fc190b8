"""The wire model of introspection: what is written is read, and malformed answers are rejected."""

from __future__ import annotations

import pytest

from shared.introspection import ActiveToken, MalformedAnswerError

pytestmark = pytest.mark.requirement("AS-15")

TOKEN = ActiveToken(
    client_id="client",
    scopes=("a",),
    audience=("https://mcp.example",),
    issuer="https://auth.example",
    expires_at=1_800_000_000,
)
DERIVED = ActiveToken(
    client_id="client",
    scopes=("a",),
    audience=("https://mcp.example",),
    issuer="https://auth.example",
    expires_at=1,
    parent_grants=("parent", "grandparent"),
)


@pytest.mark.parametrize("token", [TOKEN, DERIVED])
def test_what_is_written_is_read(token: ActiveToken) -> None:
    assert ActiveToken.from_wire(token.to_wire()) == token


def test_a_token_that_was_not_derived_names_no_ancestors() -> None:
    assert "ancestors" not in TOKEN.to_wire()
    assert DERIVED.to_wire()["ancestors"] == ["parent", "grandparent"]


@pytest.mark.parametrize("ancestors", [None, "parent", {}, 1, [1], [""], [None], ["parent", ["x"]]])
def test_ancestors_that_cannot_be_read_make_no_answer(ancestors: object) -> None:
    with pytest.raises(MalformedAnswerError):
        ActiveToken.from_wire({**DERIVED.to_wire(), "ancestors": ancestors})
