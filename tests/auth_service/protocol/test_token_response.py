"""The members of a token response other than the tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.token_response import token_members
from tests.auth_service.protocol.builders import NOW, active_grant


@pytest.mark.parametrize(
    ("lifetime_s", "grace_s", "promised"),
    [(600, 60, 540), (605, 900, 545), (605, 5, 600), (5, 60, 4), (1, 60, 1)],
)
def test_a_whole_number_of_seconds_is_promised(lifetime_s: int, grace_s: int, promised: int) -> None:
    grant = replace(active_grant(), access_expires_at=NOW + lifetime_s)
    expires_in = token_members(grant, grace_s)["expires_in"]
    assert (expires_in, type(expires_in)) == (promised, int)


@pytest.mark.parametrize(("jkt", "token_type"), [(None, "Bearer"), ("thumbprint", "DPoP")])
def test_the_type_says_whether_the_token_is_bound(jkt: str | None, token_type: str) -> None:
    assert token_members(replace(active_grant(), jkt=jkt), 60)["token_type"] == token_type
