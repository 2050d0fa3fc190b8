"""Tokens bound to a key (RFC 9449), at the token, pushed request and userinfo endpoints, on both stores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import ASSERTION_TYPE, KeyPair
from tests.auth_service.service import AuthorizationServer
from tests.flow import REDIRECT_URI, Client, Pkce

pytestmark = pytest.mark.requirement("AS-18", "EXT-3")


class Prover:
    """A client that proves possession of a key with each request."""

    def __init__(self, server: AuthorizationServer, client: Client, pair: KeyPair | None = None) -> None:
        self.server, self.client, self.pair = server, client, pair or KeyPair()
        self.nonce: str | None = None

    def proof(self, method: str, path: str, **changes: Any) -> str:
        changes = {"now": self.server.clock(), "nonce": self.nonce, **changes}
        return self.pair.proof(method, f"{self.server.issuer}/{path}", **changes)

    def post(self, path: str, form: dict[str, str], *proofs: str) -> httpx2.Response:
        credentials = {"client_id": self.client.client_id}
        if isinstance(self.client, AssertingClient):
            credentials = {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.client.assertion(),
            }
        elif secret := self.client.information.get("client_secret"):
            credentials["client_secret"] = secret
        headers = [("DPoP", proof) for proof in proofs or (self.proof("POST", path),)]
        response = self.server.http.post(
            f"{self.server.origin}/{path}", data={**credentials, **form}, headers=headers
        )
        self.nonce = response.headers.get("dpop-nonce", self.nonce)
        return response

    def ready(self) -> Prover:
        """With a nonce in hand, as a client has after its first request."""
        if self.nonce is None:
            self.post("token", {"grant_type": self.client.information["grant_types"][0]})
        return self

    def code_form(self, pkce: Pkce, **parameters: str) -> dict[str, str]:
        answer = self.server.person.authorize(self.client.authorization_url(pkce, **parameters))
        return {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": pkce.verifier,
        }

    def connect(self, **parameters: str) -> dict[str, Any]:
        response = self.ready().post("token", self.code_form(Pkce(), **parameters))
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    def refresh(self, token: str) -> httpx2.Response:
        return self.post("token", {"grant_type": "refresh_token", "refresh_token": token})


@pytest.fixture
def prover(server: AuthorizationServer) -> Prover:
    return Prover(server, server.register(scope="openid offline_access notes:read"))


def refused(response: httpx2.Response, error: str, status: int = 400) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error), response.text


def test_a_bound_token_says_so_and_to_which_key(prover: Prover) -> None:
    tokens = prover.connect()
    assert tokens["token_type"] == "DPoP"
    answer = prover.server.introspect(tokens["access_token"])
    assert (answer["token_type"], answer["cnf"]) == ("DPoP", {"jkt": prover.pair.thumbprint})


def test_without_a_proof_tokens_are_bearer_tokens(server: AuthorizationServer) -> None:
    tokens = server.connect()
    assert tokens["token_type"] == "Bearer"
    assert "cnf" not in server.introspect(tokens["access_token"])


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256"])
def test_each_algorithm_proves(server: AuthorizationServer, alg: str) -> None:
    tokens = Prover(server, server.register(), KeyPair(alg)).connect()
    assert tokens["token_type"] == "DPoP"


class TestNonce:
    def test_the_first_answer_says_which_nonce_to_use(self, prover: Prover) -> None:
        form = prover.code_form(Pkce())
        response = prover.post("token", form)
        refused(response, "use_dpop_nonce")
        assert response.headers["dpop-nonce"]
        assert "DPoP-Nonce" in response.headers.get("access-control-expose-headers", "DPoP-Nonce")
        assert prover.post("token", form).status_code == 200, "a proof without a nonce uses up no code"

    @pytest.mark.parametrize("nonce", ["", "x", "0.", "0.x", "99999999999.x", "1" * 5_000, "²."])
    def test_a_nonce_that_was_not_given_is_refused(self, prover: Prover, nonce: str) -> None:
        proof = prover.proof("POST", "token", nonce=nonce)
        refused(prover.post("token", {"grant_type": "refresh_token"}, proof), "use_dpop_nonce")

    def test_a_nonce_gets_old(self, prover: Prover) -> None:
        prover.ready()
        prover.server.clock.advance(250)
        assert prover.connect()
        prover.server.clock.advance(120)
        refused(prover.refresh("x"), "use_dpop_nonce")


class TestProofs:
    def test_a_proof_is_good_once(self, prover: Prover) -> None:
        proof = prover.ready().proof("POST", "token")
        assert prover.post("token", prover.code_form(Pkce()), proof).status_code == 200
        refused(prover.post("token", prover.code_form(Pkce()), proof), "invalid_dpop_proof")

    def test_of_many_uses_at_once_one_counts(self, prover: Prover) -> None:
        proof = prover.ready().proof("POST", "token")
        forms = [prover.code_form(Pkce()) for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda form: prover.post("token", form, proof).status_code, forms))
        assert sorted(answers) == [200, *[400] * 5]

    @pytest.mark.parametrize(
        "changes",
        [
            {"htm": "GET"},
            {"htu": "https://other.example/token"},
            {"iat": 1},
            {"iat": None},
            {"jti": None},
            {"typ": "JWT"},
        ],
    )
    def test_a_proof_for_another_request_is_refused(self, prover: Prover, changes: dict[str, Any]) -> None:
        proof = prover.ready().proof("POST", "token", **changes)
        refused(prover.post("token", prover.code_form(Pkce()), proof), "invalid_dpop_proof")

    def test_a_proof_shows_the_key_it_was_signed_with(self, prover: Prover) -> None:
        proof = prover.ready().proof("POST", "token", jwk=KeyPair().public)
        refused(prover.post("token", {"grant_type": "refresh_token"}, proof), "invalid_dpop_proof")

    @pytest.mark.parametrize("jwk", [{}, {"kty": "oct", "k": "AAAA"}, {"kty": "EC"}])
    def test_a_proof_shows_a_public_key(self, prover: Prover, jwk: dict[str, str]) -> None:
        proof = prover.ready().proof("POST", "token", jwk=jwk)
        refused(prover.post("token", {"grant_type": "refresh_token"}, proof), "invalid_dpop_proof")

    def test_a_proof_never_shows_a_private_key(self, prover: Prover) -> None:
        proof = prover.ready().proof("POST", "token", jwk={**prover.pair.public, "d": "AAAA"})
        refused(prover.post("token", {"grant_type": "refresh_token"}, proof), "invalid_dpop_proof")

    @pytest.mark.parametrize("proof", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_what_is_not_a_proof_is_refused(self, prover: Prover, proof: str) -> None:
        refused(prover.post("token", {"grant_type": "refresh_token"}, proof), "invalid_dpop_proof")

    def test_two_proofs_are_refused(self, prover: Prover) -> None:
        proofs = (prover.ready().proof("POST", "token"), prover.proof("POST", "token"))
        refused(prover.post("token", {"grant_type": "refresh_token"}, *proofs), "invalid_dpop_proof")


class TestBinding:
    def test_the_refresh_token_of_a_public_client_is_bound(self, prover: Prover) -> None:
        refresh_token = prover.connect()["refresh_token"]
        refused(prover.client.refresh(refresh_token), "invalid_grant")
        thief = Prover(prover.server, prover.client)
        thief.nonce = prover.nonce
        refused(thief.refresh(refresh_token), "invalid_grant")
        again = prover.refresh(refresh_token)
        assert (again.status_code, again.json()["token_type"]) == (200, "DPoP")

    def test_a_confidential_client_may_take_another_key(self, server: AuthorizationServer) -> None:
        client = AssertingClient.registered(server)
        tokens = Prover(server, client).connect()
        moved = Prover(server, client).ready()
        assert moved.refresh(tokens["refresh_token"]).status_code == 200

    def test_a_replay_in_the_grace_window_is_the_same_key_or_nothing(self, prover: Prover) -> None:
        refresh_token = prover.connect()["refresh_token"]
        first, second = prover.refresh(refresh_token), prover.refresh(refresh_token)
        assert first.json() == second.json()
        refused(prover.client.refresh(refresh_token), "invalid_grant")

    def test_a_code_can_be_bound_ahead(self, prover: Prover) -> None:
        prover.ready()
        form = prover.code_form(Pkce(), dpop_jkt=prover.pair.thumbprint)
        thief = Prover(prover.server, prover.client)
        thief.nonce = prover.nonce
        refused(thief.post("token", form), "invalid_grant")
        refused(prover.client.token(**form), "invalid_grant")
        assert prover.post("token", form).status_code == 200

    def test_an_invalid_thumbprint_is_refused(self, prover: Prover) -> None:
        answer = prover.server.person.authorize(prover.client.authorization_url(Pkce(), dpop_jkt="x"))
        assert answer["error"] == "invalid_request"

    def test_a_client_can_bind_itself_to_proofs(self, server: AuthorizationServer) -> None:
        prover = Prover(server, server.register(dpop_bound_access_tokens=True))
        assert prover.client.information["dpop_bound_access_tokens"] is True
        refused(prover.client.token(**prover.code_form(Pkce())), "invalid_request")
        assert prover.connect()["token_type"] == "DPoP"

    def test_client_credentials_are_bound_too(self, server: AuthorizationServer) -> None:
        client = AssertingClient.registered(server, grant_types=["client_credentials"])
        prover = Prover(server, client).ready()
        response = prover.post("token", {"grant_type": "client_credentials"})
        assert response.json()["token_type"] == "DPoP"


class TestPushed:
    """RFC 9449 §10.1: the proof at the pushed request endpoint binds the code."""

    def pushed(self, prover: Prover, pkce: Pkce, **parameters: str) -> httpx2.Response:
        form = {
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
            **parameters,
        }
        return prover.post("par", form)

    def test_the_key_of_the_push_is_the_key_of_the_code(self, prover: Prover) -> None:
        pkce = Pkce()
        refused(self.pushed(prover, pkce), "use_dpop_nonce")
        response = self.pushed(prover, pkce)
        assert response.status_code == 201, response.text
        url = f"{prover.server.origin}/authorize?client_id={prover.client.client_id}"
        answer = prover.server.person.authorize(f"{url}&request_uri={response.json()['request_uri']}")
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": pkce.verifier,
        }
        thief = Prover(prover.server, prover.client)
        thief.nonce = prover.nonce
        refused(thief.post("token", form), "invalid_grant")
        assert prover.post("token", form).status_code == 200

    def test_a_thumbprint_of_another_key_is_refused(self, prover: Prover) -> None:
        prover.ready()
        refused(self.pushed(prover, Pkce(), dpop_jkt=KeyPair().thumbprint), "invalid_dpop_proof")
        assert self.pushed(prover, Pkce(), dpop_jkt=prover.pair.thumbprint).status_code == 201


class TestUserinfo:
    def ask(self, prover: Prover, token: str, scheme: str = "DPoP", **changes: Any) -> httpx2.Response:
        headers = {"Authorization": f"{scheme} {token}"}
        if changes.pop("prove", True):
            headers["DPoP"] = prover.proof("GET", "userinfo", access_token=token, **changes)
        return prover.server.get("/userinfo", **headers)

    def test_a_bound_token_works_with_its_key(self, prover: Prover) -> None:
        token = prover.connect(scope="openid")["access_token"]
        assert self.ask(prover, token).json()["sub"]

    def test_it_works_in_no_other_way(self, prover: Prover) -> None:
        token = prover.connect(scope="openid")["access_token"]
        refused(self.ask(prover, token, "Bearer", prove=False), "invalid_token", 401)
        refused(self.ask(prover, token, "Bearer"), "invalid_token", 401)
        refused(self.ask(prover, token, "DPoP", prove=False), "invalid_token", 401)
        refused(self.ask(prover, token, ath="x"), "invalid_dpop_proof", 401)
        refused(self.ask(prover, token, htm="POST"), "invalid_dpop_proof", 401)
        thief = Prover(prover.server, prover.client)
        thief.nonce = prover.nonce
        refused(self.ask(thief, token), "invalid_token", 401)

    def test_a_bearer_token_is_not_bound_by_showing_a_key(self, prover: Prover) -> None:
        token = prover.server.connect(scope="openid")["access_token"]
        refused(self.ask(prover.ready(), token), "invalid_token", 401)

    def test_a_missing_nonce_is_requested_by_challenge(self, prover: Prover) -> None:
        token = prover.connect(scope="openid")["access_token"]
        response = self.ask(prover, token, nonce=None)
        refused(response, "use_dpop_nonce", 401)
        assert response.headers["dpop-nonce"]
        challenge = response.headers["www-authenticate"]
        assert challenge.startswith("DPoP ")
        assert 'error="use_dpop_nonce"' in challenge
        assert 'algs="ES256 RS256 PS256"' in challenge
