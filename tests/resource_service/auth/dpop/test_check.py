"""Tokens bound to a key (RFC 9449 §7): with the key they get in, and without it nobody does."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import jwt
import pytest

from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import AuthorizationServer, answer_json
from tests.resource_service.proving import Prover, refused
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for

pytestmark = pytest.mark.requirement("EXT-3")
WHOAMI = modern_headers("whoami")


@pytest.fixture
def prover(service: Service, issuer: AuthorizationServer, client: httpx2.Client) -> Prover:
    return Prover.known(service, issuer, client)


class TestGoodProofs:
    @pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256"])
    def test_a_token_gets_in_with_its_key(
        self, alg: str, service: Service, issuer: AuthorizationServer, client: httpx2.Client
    ) -> None:
        assert Prover.known(service, issuer, client, KeyPair(alg)).greeted().status_code == 200

    @pytest.mark.parametrize("path", ["/hello", "/v1/contexts"])
    def test_each_plain_route_has_a_url_of_its_own(self, path: str, prover: Prover) -> None:
        assert prover.send("GET", path).status_code == 200
        other = {"/hello": "/v1/contexts", "/v1/contexts": "/hello"}[path]
        assert refused(prover.send("GET", path, prover.proof("GET", other)), "invalid_dpop_proof")

    @pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
    @pytest.mark.parametrize("htu", ["/mcp", "/mcp/", "/mcp?a=b", "/mcp#c"])
    def test_mcp_is_called_with_a_proof_for_either_spelling(
        self, path: str, htu: str, prover: Prover
    ) -> None:
        proof = prover.proof("POST", htu)
        response = prover.send("POST", path, proof, headers=WHOAMI, json=call("whoami"))
        assert response.status_code == 200
        assert "wesen" in response.text

    def test_the_query_of_a_request_is_not_compared_with_the_proof(self, prover: Prover) -> None:
        assert prover.send("GET", "/hello?a=b").status_code == 200

    @pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
    def test_the_case_of_the_scheme_does_not_matter(self, scheme: str, prover: Prover) -> None:
        assert prover.greeted(scheme=scheme).status_code == 200

    def test_a_bearer_token_needs_no_proof_and_is_not_harmed_by_one(
        self, service: Service, issuer: AuthorizationServer, client: httpx2.Client
    ) -> None:
        headers = bearer(token_for(service, issuer))
        assert client.get("/hello", headers=headers | {"DPoP": "whatever"}).status_code == 200


class TestChallenges:
    def test_a_bad_proof_is_explained_and_says_what_would_do(self, prover: Prover, service: Service) -> None:
        response = prover.greeted(prover.proof("POST", "/hello"))
        description = "The DPoP proof is not for this request: htm does not match the method."
        metadata = f"{service.origin}/.well-known/oauth-protected-resource/mcp"
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == (
            f'DPoP error="invalid_dpop_proof", error_description="{description}", '
            f'algs="ES256 RS256 PS256", resource_metadata="{metadata}", scope="notes:read notes:write"'
        )
        assert response.json() == {
            "error": "invalid_dpop_proof",
            "error_description": description,
            "reason_code": "dpop_proof_invalid",
            "request_id": response.headers["x-request-id"],
        }
        assert "invalid_dpop_proof" in str(service.log(response.headers["x-request-id"]))

    def test_without_a_token_the_challenge_is_for_a_bearer_token_alone(self, client: httpx2.Client) -> None:
        # Clients look at the first scheme; some take the whole header for one. The metadata speaks of DPoP.
        response = client.get("/hello", headers={"DPoP": KeyPair().proof("GET", "https://a.example")})
        assert response.headers["www-authenticate"].startswith("Bearer resource_metadata=")
        assert "DPoP" not in response.headers["www-authenticate"]

    def test_a_missing_scope_is_requested_in_the_scheme_of_the_request(
        self, service: Service, issuer: AuthorizationServer, client: httpx2.Client
    ) -> None:
        prover = Prover.known(service, issuer, client, scope="notes:read")
        headers, message = modern_headers("add_note"), call("add_note", text="x")
        response = prover.send("POST", "/mcp", headers=headers, json=message)
        assert response.status_code == 403
        assert response.headers["www-authenticate"].startswith('DPoP error="insufficient_scope"')
        assert 'scope="notes:write"' in response.headers["www-authenticate"]

    def test_malformed_credentials_are_a_bad_request(self, prover: Prover) -> None:
        assert prover.greeted(scheme="DPoP two").status_code == 400
        twice = [("Authorization", f"DPoP {prover.token}"), ("Authorization", f"Bearer {prover.token}")]
        assert prover.http.get("/hello", headers=twice).status_code == 400
        assert prover.send("GET", f"/hello?access_token={prover.token}").status_code == 400


@pytest.mark.requirement("SEC-11")
class TestStolenTokens:
    def test_a_bound_token_is_not_accepted_as_a_bearer_token(self, prover: Prover) -> None:
        assert refused(
            prover.http.get("/hello", headers=bearer(prover.token)), "invalid_token", scheme="Bearer"
        )
        assert refused(prover.greeted(scheme="Bearer"), "invalid_token", scheme="Bearer")

    def test_a_bearer_token_is_not_bound_by_showing_a_key(
        self, service: Service, issuer: AuthorizationServer, client: httpx2.Client
    ) -> None:
        prover = Prover(service, client, token_for(service, issuer))
        assert refused(prover.greeted(), "invalid_token")

    def test_the_key_must_be_the_token_s(self, prover: Prover) -> None:
        thief = Prover(prover.service, prover.http, prover.token)
        assert refused(thief.greeted(), "invalid_token")
        assert prover.greeted().status_code == 200

    def test_a_proof_for_another_token_is_refused(self, prover: Prover, issuer: AuthorizationServer) -> None:
        other = Prover.known(prover.service, issuer, prover.http, prover.pair)
        assert refused(prover.greeted(other.proof("GET", "/hello")), "invalid_dpop_proof")

    @pytest.mark.parametrize("ath", [None, "", "x", 1])
    def test_a_proof_for_no_token_is_refused(self, ath: object, prover: Prover) -> None:
        assert refused(prover.greeted(prover.proof("GET", "/hello", ath=ath)), "invalid_dpop_proof")

    @pytest.mark.parametrize(
        "members", [{"aud": "https://other.example/mcp"}, {"iss": "https://evil.example"}, {"exp": 1}]
    )
    def test_a_proof_makes_no_token_good_that_is_not(
        self,
        members: dict[str, Any],
        service: Service,
        issuer: AuthorizationServer,
        client: httpx2.Client,
    ) -> None:
        assert refused(Prover.known(service, issuer, client, **members).greeted(), "invalid_token")

    def test_a_token_that_nobody_knows_is_refused_whatever_comes_with_it(
        self, service: Service, client: httpx2.Client, issuer: AuthorizationServer
    ) -> None:
        assert refused(Prover(service, client, "unknown").greeted(), "invalid_token")

    @pytest.mark.parametrize("cnf", [{}, {"jkt": 1}, {"x5t#S256": "x"}, "x", None])
    def test_a_confirmation_that_is_not_understood_admits_nobody(
        self, cnf: object, service: Service, issuer: AuthorizationServer, client: httpx2.Client
    ) -> None:
        token = token_for(service, issuer)
        issuer.tokens[token]["cnf"] = cnf
        assert client.get("/hello", headers=bearer(token)).status_code == 503
        assert Prover(service, client, token).greeted().status_code == 503


@pytest.mark.requirement("SEC-11")
class TestReplay:
    def test_a_proof_counts_once(self, prover: Prover) -> None:
        proof = prover.proof("GET", "/hello")
        assert prover.greeted(proof).status_code == 200
        assert refused(prover.greeted(proof), "invalid_dpop_proof")
        assert prover.greeted().status_code == 200

    def test_of_many_uses_at_once_one_counts(self, prover: Prover) -> None:
        proof = prover.proof("GET", "/hello")
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: prover.greeted(proof).status_code, range(8)))
        assert sorted(statuses) == [200, *[401] * 7]

    def test_the_same_jti_of_somebody_else_s_key_is_another_proof(
        self, prover: Prover, issuer: AuthorizationServer
    ) -> None:
        other = Prover.known(prover.service, issuer, prover.http)
        answers = [one.greeted(one.proof("GET", "/hello", jti="the same")) for one in (prover, other)]
        assert [response.status_code for response in answers] == [200, 200]

    def test_a_proof_that_led_to_no_answer_is_not_used_up(
        self, prover: Prover, issuer: AuthorizationServer
    ) -> None:
        proof = prover.proof("GET", "/hello")
        issuer.replies["/introspect"] = answer_json({"error": "server_error"}, 500)
        assert prover.greeted(proof).status_code == 503
        issuer.replies.clear()
        assert prover.greeted(proof).status_code == 200


Forge = Callable[[Prover], tuple[str, ...]]


def _unsigned(prover: Prover) -> tuple[str, ...]:
    header = {"alg": "none", "typ": "dpop+jwt", "jwk": prover.pair.public}
    claims = jwt.decode(prover.proof("GET", "/hello"), options={"verify_signature": False})
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)
    ]
    return (f"{'.'.join(parts)}.AA",)


def _with_hmac(prover: Prover) -> tuple[str, ...]:
    claims = jwt.decode(prover.proof("GET", "/hello"), options={"verify_signature": False})
    secret = "a secret of at least thirty-two bytes"
    key = {"kty": "oct", "k": base64.urlsafe_b64encode(secret.encode()).decode()}
    headers = [{"typ": "dpop+jwt", "jwk": jwk} for jwk in (key, prover.pair.public)]
    return tuple(jwt.encode(claims, secret, "HS256", headers=one) for one in headers)


FORGERIES: dict[str, Forge] = {
    "no proof": lambda _: ("",),
    "garbage": lambda _: ("x", "a.b.c", "...", "e30.e30.e30", "\xe4", "a" * 8_000),
    "unsigned": _unsigned,
    "signed with a secret": _with_hmac,
    "does not match the method": lambda p: tuple(p.proof(m, "/hello") for m in ("POST", "get", "HEAD", "")),
    "another path": lambda p: tuple(p.proof("GET", path) for path in ("", "/", "/mcp", "/hello//", "/HELLO")),
    "another place": lambda p: tuple(
        p.pair.proof("GET", url, access_token=p.token)
        for url in ("https://evil.example/hello", "http://127.0.0.1:1/hello", "/hello", 'http://[":"x/hello')
    ),
    "not a time": lambda p: tuple(p.proof("GET", "/hello", iat=iat) for iat in (None, "now", True, -1)),
    "too old": lambda p: (p.proof("GET", "/hello", now=time.time() - 90),),
    "too early": lambda p: (p.proof("GET", "/hello", now=time.time() + 90),),
    "no jti": lambda p: tuple(p.proof("GET", "/hello", jti=jti) for jti in (None, "", 1)),
    "another type": lambda p: tuple(p.proof("GET", "/hello", typ=typ) for typ in ("JWT", "at+jwt", "")),
    "its private key": lambda p: (p.proof("GET", "/hello", jwk={**p.pair.public, "d": "AAAA"}),),
    "no key": lambda p: tuple(p.proof("GET", "/hello", jwk=jwk) for jwk in ({}, {"kty": "EC"}, {"kty": "x"})),
}


@pytest.mark.requirement("SEC-11", "SEC-17")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_proof_is_refused_without_asking_about_the_token(
    forgery: str, prover: Prover, issuer: AuthorizationServer
) -> None:
    for proof in FORGERIES[forgery](prover):
        response = prover.greeted(proof.encode("latin-1"))  # type: ignore[arg-type]
        assert refused(response, "invalid_dpop_proof"), (proof, response.text)
    assert issuer.questions == []


@pytest.mark.requirement("SEC-11", "BOUND-1")
def test_a_signature_by_another_key_than_the_one_shown_is_refused(prover: Prover) -> None:
    thief = KeyPair()
    proof = thief.proof(
        "GET", f"{prover.service.origin}/hello", access_token=prover.token, jwk=prover.pair.public
    )
    assert refused(prover.greeted(proof), "invalid_dpop_proof")
    assert refused(prover.greeted(prover.proof("GET", "/hello", jwk=thief.public)), "invalid_token")


@pytest.mark.requirement("BOUND-1")
def test_no_signature_is_verified_for_a_token_that_is_not_good(prover: Prover, client: httpx2.Client) -> None:
    forged = Prover(prover.service, client, "junk")
    proof = KeyPair().proof(
        "GET", f"{prover.service.origin}/hello", access_token="junk", jwk=prover.pair.public
    )
    assert refused(forged.greeted(proof), "invalid_token")


@pytest.mark.requirement("SEC-11")
def test_there_must_be_exactly_one_proof(prover: Prover, issuer: AuthorizationServer) -> None:
    proofs = [prover.proof("GET", "/hello") for _ in range(2)]
    assert refused(prover.greeted(*proofs), "invalid_dpop_proof")
    assert refused(prover.greeted(", ".join(proofs)), "invalid_dpop_proof")
    none = prover.http.get("/hello", headers={"Authorization": f"DPoP {prover.token}"})
    assert refused(none, "invalid_dpop_proof")
    assert issuer.questions == []


@pytest.mark.requirement("SEC-11", "SEC-14")
def test_the_host_header_does_not_say_what_a_proof_is_for(prover: Prover) -> None:
    spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    elsewhere = prover.pair.proof("GET", "https://evil.example/hello", access_token=prover.token)
    assert refused(prover.greeted(elsewhere, headers=spoofed), "invalid_dpop_proof")
    assert prover.greeted(headers=spoofed).status_code == 200


@pytest.mark.requirement("RS-6")
def test_a_page_may_send_proofs_and_read_nonces(client: httpx2.Client) -> None:
    page = {"Origin": "http://localhost:6274"}
    preflight = page | {"Access-Control-Request-Headers": "authorization, dpop"}
    for path in ("/hello", "/mcp"):
        granted = client.options(path, headers=preflight).headers["access-control-allow-headers"]
        assert "dpop" in granted.split(", ")
        exposed = client.get(path, headers=page).headers["access-control-expose-headers"].split(", ")
        assert {"DPoP-Nonce", "WWW-Authenticate"} <= set(exposed)
