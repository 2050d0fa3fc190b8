"""Where a person goes after logout, and what clients are told (RP-Initiated §3, Back-Channel §2.4)."""

from __future__ import annotations

import pytest

from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.logout import destination, logout_token_claims
from auth_service.protocol.subjects import ClientSubject
from tests.auth_service.protocol.builders import client

pytestmark = pytest.mark.requirement("AS-17")

AFTER = "https://client.example/after?a=b"
CLIENT = client(post_logout_redirect_uris=[AFTER])


def test_state_goes_along_beside_what_is_there() -> None:
    goal = destination(CLIENT, AFTER, "s t")
    assert goal is not None
    assert goal.location == f"{AFTER}&state=s+t"


def test_without_state_the_place_is_as_it_was_registered() -> None:
    goal = destination(CLIENT, AFTER, None)
    assert goal is not None
    assert goal.location == AFTER


def test_without_a_place_the_person_stays() -> None:
    assert destination(CLIENT, None, "s") is None
    assert destination(None, None, None) is None


@pytest.mark.parametrize(
    "uri", ["https://evil.example/", AFTER + "/", AFTER.upper(), "", "https://client.example/callback"]
)
def test_only_registered_logout_redirects_are_accepted(uri: str) -> None:
    with pytest.raises(InvalidRequestError):
        destination(CLIENT, uri, None)


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "http://client.example/after", AFTER + "#x"])
def test_a_place_that_was_registered_under_older_rules_will_not_do(uri: str) -> None:
    with pytest.raises(InvalidRequestError, match="does not redirect to this kind"):
        destination(client(post_logout_redirect_uris=[uri]), uri, None)


def test_a_place_needs_a_client() -> None:
    with pytest.raises(InvalidRequestError):
        destination(None, AFTER, None)


def test_a_logout_token_is_not_an_id_token() -> None:
    claims = logout_token_claims(
        "https://auth.example", "client-1", ClientSubject("u1", "s1"), now=1_000, jti="j1"
    )
    assert claims == {
        "iss": "https://auth.example",
        "aud": "client-1",
        "sub": "u1",
        "sid": "s1",
        "iat": 1_000,
        "exp": 1_120,
        "jti": "j1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
