"""SEC-6: a code is good once, for the one it was issued to, as it was asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer, machine
from tests.flow import Client, Pkce

pytestmark = pytest.mark.requirement("SEC-6")

AT_ONCE = 50


def code_for(server: AuthorizationServer, client: Client, pkce: Pkce) -> str:
    return server.person.authorize(client.authorization_url(pkce))["code"]


def redeem_at_once(
    server: AuthorizationServer, client: Client, code: str, pkce: Pkce
) -> list[httpx2.Response]:
    """One code, redeemed by many requests at the same time."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": pkce.verifier,
        "client_id": client.client_id,
    }

    def redeem(_: int) -> httpx2.Response:
        with machine() as http:
            return http.post(f"{server.origin}/token", data=form)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(redeem, range(AT_ONCE)))


def test_of_many_redemptions_at_once_one_succeeds_and_one_after_that_ends_it(
    server: AuthorizationServer,
) -> None:
    client, pkce = server.register(), Pkce()
    responses = redeem_at_once(server, client, code_for(server, client, pkce), pkce)
    (winner,) = (response.json() for response in responses if response.status_code == 200)
    refused = [response for response in responses if response.status_code != 200]
    assert {(response.status_code, response.json()["error"]) for response in refused} == {
        (400, "invalid_grant")
    }
    # A browser may bring a code twice (ID-10): who has the verifier is spared for ten seconds, and no longer.
    assert server.is_active(winner["access_token"])
    later = server.person.authorize(client.authorization_url(pkce))["code"]
    tokens = client.redeem(later, pkce).json()
    server.clock.advance(12)
    assert client.redeem(later, pkce).json()["error"] == "invalid_grant"
    assert not server.is_active(tokens["access_token"])
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_used_code_without_its_verifier_ends_the_grant_at_once(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce)
    tokens = client.redeem(code, pkce).json()
    assert client.redeem(code, Pkce()).json()["error"] == "invalid_grant"
    assert not server.is_active(tokens["access_token"])


def test_another_client_can_neither_redeem_nor_spoil_a_code(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce)
    thieves = [
        server.register(),
        server.register(token_endpoint_auth_method="client_secret_basic"),
        server.register(redirect_uris=client.information["redirect_uris"]),
    ]
    for thief in thieves:
        for changes in ({}, {"redirect_uri": ""}, {"code_verifier": ""}):
            assert thief.redeem(code, pkce, **changes).json()["error"] == "invalid_grant"
    tokens = client.redeem(code, pkce).json()
    for thief in thieves:
        assert thief.redeem(code, pkce).json()["error"] == "invalid_grant"
    assert server.is_active(tokens["access_token"])


def test_a_guess_neither_redeems_nor_revokes(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce)
    tokens = client.redeem(code, pkce).json()
    # The grant is named in the code; who only knows the name cannot make one.
    for guess in (code[:-1] + ("A" if code[-1] != "A" else "B"), code[:40] + "A" * 30, "dw_ac_" + "A" * 64):
        assert client.redeem(guess, pkce).json()["error"] == "invalid_grant"
    assert server.is_active(tokens["access_token"])
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_a_wrong_verifier_can_be_tried_as_often_as_one_likes_in_vain(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce)
    for guess in ("A" * 43, "A" * 128, pkce.verifier.swapcase(), pkce.verifier[:-1], pkce.challenge):
        assert client.redeem(code, pkce, code_verifier=guess).json()["error"] == "invalid_grant"


@pytest.mark.requirement("AS-1")
def test_pkce_cannot_be_talked_down(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    for changes in (
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": pkce.verifier, "code_challenge_method": "plain"},
        {"code_challenge": pkce.verifier, "code_challenge_method": None},
        {"code_challenge": "", "code_challenge_method": "S256"},
    ):
        url = client.authorization_url(pkce, **changes)
        assert server.person.authorize(url)["error"] == "invalid_request"
    code = code_for(server, client, pkce)
    for verifier in ("", pkce.challenge):
        assert client.redeem(code, pkce, code_verifier=verifier).json()["error"] == "invalid_grant"


def test_a_code_injected_into_another_session_of_the_same_client_is_worthless(
    server: AuthorizationServer,
) -> None:
    client, mine, theirs = server.register(), Pkce(), Pkce()
    stolen = code_for(server, client, theirs)
    assert client.redeem(stolen, mine).json()["error"] == "invalid_grant"


def test_a_code_is_good_at_the_token_endpoint_only(server: AuthorizationServer) -> None:
    client, pkce = server.register(token_endpoint_auth_method="client_secret_basic"), Pkce()
    code = code_for(server, client, pkce)
    assert client.introspect(code).json() == {"active": False}
    assert not server.is_active(code)
    assert client.refresh(code).json()["error"] == "invalid_grant"
    assert client.revoke(code).status_code == 200
    assert server.get("/userinfo", Authorization=f"Bearer {code}").status_code == 401
    assert client.redeem(code, pkce).status_code == 200


@pytest.mark.requirement("SEC-9")
def test_a_grant_ended_before_its_code_is_redeemed_gives_no_tokens(server: AuthorizationServer) -> None:
    person, client, pkce = server.add_user("hasty", "password"), server.register(), Pkce()
    code = person.authorize(client.authorization_url(pkce))["code"]
    server.disable_user("hasty")
    assert client.redeem(code, pkce).json()["error"] == "invalid_grant"
    person.close()
