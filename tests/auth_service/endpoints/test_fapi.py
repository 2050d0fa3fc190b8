"""A client that follows the FAPI 2.0 Security Profile, with private_key_jwt and DPoP, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt
import pytest

from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import ASSERTION_TYPE, KeyPair
from tests.auth_service.service import AuthorizationServer, running
from tests.flow import REDIRECT_URI, Pkce

pytestmark = pytest.mark.requirement("AS-11", "AS-18", "EXT-3")

FAPI: dict[str, Any] = {
    "dpop_bound_access_tokens": True,
    "require_pushed_authorization_requests": True,
    "id_token_signed_response_alg": "ES256",
}


class FapiClient:
    """Pushes every request, and proves possession of a key with each."""

    def __init__(self, server: AuthorizationServer, pair: KeyPair | None = None, **metadata: Any) -> None:
        self.server = server
        self.client = AssertingClient.registered(server, pair, **{**FAPI, **metadata})
        self.key = KeyPair()
        self.nonce: str | None = None

    def post(self, path: str, form: dict[str, str | None], key: KeyPair | None = None) -> httpx2.Response:
        """With a proof, and again with the nonce where one is asked for."""
        # The assertion is made once: it is not lost with the proof (RFC 9449 §8).
        form = {"client_assertion": self.client.assertion(), **form}
        response = self._post(path, key or self.key, form)
        if response.status_code == 400 and response.json()["error"] == "use_dpop_nonce":
            self.nonce = response.headers["dpop-nonce"]
            response = self._post(path, key or self.key, form)
        return response

    def _post(self, path: str, key: KeyPair, form: dict[str, str | None]) -> httpx2.Response:
        now = self.server.clock()
        proof = key.proof("POST", f"{self.server.issuer}/{path}", now=now, nonce=self.nonce)
        form = {"client_assertion_type": ASSERTION_TYPE, **form}
        fields = {name: value for name, value in form.items() if value is not None}
        return self.server.http.post(f"{self.server.origin}/{path}", data=fields, headers={"DPoP": proof})

    def push(self, pkce: Pkce, **changes: str | None) -> httpx2.Response:
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": "openid",
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
        }
        return self.post("par", {**parameters, **changes})

    def url(self, **parameters: str) -> str:
        return (
            f"{self.server.origin}/authorize?{urlencode({'client_id': self.client.client_id, **parameters})}"
        )

    def code(self, pkce: Pkce, **changes: str | None) -> dict[str, str]:
        pushed = self.push(pkce, **changes)
        assert pushed.status_code == 201, pushed.text
        return self.server.person.authorize(self.url(request_uri=pushed.json()["request_uri"]))

    def redeem(self, code: str, pkce: Pkce, key: KeyPair | None = None) -> httpx2.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": pkce.verifier,
        }
        return self.post("token", form, key)

    def refresh(self, refresh_token: str) -> httpx2.Response:
        return self.post("token", {"grant_type": "refresh_token", "refresh_token": refresh_token})

    def connect(self) -> dict[str, Any]:
        pkce = Pkce()
        response = self.redeem(self.code(pkce)["code"], pkce)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


@pytest.fixture
def fapi(server: AuthorizationServer) -> FapiClient:
    return FapiClient(server)


def error_of(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_the_whole_flow_gives_bound_tokens(fapi: FapiClient) -> None:
    pkce = Pkce()
    answer = fapi.code(pkce, state="s", nonce="n" * 64)
    assert (answer["iss"], answer["state"]) == (fapi.server.issuer, "s")
    response = fapi.redeem(answer["code"], pkce)
    tokens = response.json()
    assert tokens["token_type"] == "DPoP"
    assert response.headers["cache-control"] == "no-store"
    assert jwt.get_unverified_header(tokens["id_token"])["alg"] == "ES256"
    headers = {
        "Authorization": f"dPOP {tokens['access_token']}",
        "DPoP": fapi.key.proof(
            "GET",
            f"{fapi.server.issuer}/userinfo?a=b#c",
            now=fapi.server.clock() - 10,
            nonce=fapi.nonce,
            access_token=tokens["access_token"],
        ),
    }
    userinfo = fapi.server.get("/userinfo", **headers)
    assert userinfo.status_code == 200, userinfo.text
    assert userinfo.json()["sub"]


@pytest.mark.parametrize("path", ["", "token", "par"])
def test_an_assertion_names_the_issuer_and_nothing_else(fapi: FapiClient, path: str) -> None:
    issuer = fapi.server.issuer
    wrong = f"{issuer}/{path}" if path else [issuer]
    for audience in (wrong, [issuer, f"{issuer}/{path}"]):
        form = {"client_assertion": fapi.client.assertion(audience=audience)}
        response = fapi.push(Pkce(), **form)
        assert error_of(response) == (401, "invalid_client")
    assert fapi.push(Pkce()).status_code == 201


@pytest.mark.parametrize("path", ["par", "token"])
def test_an_assertion_is_not_used_up_by_a_request_that_only_lacks_a_nonce(
    fapi: FapiClient, path: str
) -> None:
    form: dict[str, str | None] = {"client_assertion": fapi.client.assertion(), "grant_type": "refresh_token"}
    assert error_of(fapi._post(path, fapi.key, form)) == (400, "use_dpop_nonce")  # noqa: SLF001
    assert error_of(fapi.post(path, form)) == (400, "invalid_request"), (
        "it is whole now, and asks for nothing"
    )
    assert error_of(fapi.post(path, form)) == (401, "invalid_client")


def test_an_assertion_is_not_signed_with_rs256(server: AuthorizationServer) -> None:
    for alg, status in (("RS256", 401), ("PS256", 201), ("ES256", 201)):
        assert FapiClient(server, KeyPair(alg)).push(Pkce()).status_code == status
    named = FapiClient(server, KeyPair("RS256"), token_endpoint_auth_signing_alg="RS256")
    assert named.push(Pkce()).status_code == 401


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"iat": 8, "nbf": 8}, 201), ({"iat": 65, "nbf": 65}, 401), ({"nbf": 65}, 401), ({"exp": -300}, 401)],
)
def test_clocks_may_differ_a_little(fapi: FapiClient, claims: dict[str, int], status: int) -> None:
    at = {name: int(fapi.server.clock()) + ahead for name, ahead in claims.items()}
    assert fapi.push(Pkce(), client_assertion=fapi.client.assertion(**at)).status_code == status


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": None},
        {"redirect_uri": None, "scope": "notes:read"},
        {"redirect_uri": f"{REDIRECT_URI}/other"},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
    ],
)
def test_what_is_pushed_is_whole(fapi: FapiClient, changes: dict[str, str | None]) -> None:
    assert error_of(fapi.push(Pkce(), **changes)) == (400, "invalid_request")


def test_what_is_not_pushed_is_not_answered(fapi: FapiClient) -> None:
    page = fapi.server.person.open(fapi.client.authorization_url(Pkce(), scope="openid"))
    assert page.status_code == 400
    assert "location" not in page.headers


def test_a_push_is_a_post(fapi: FapiClient) -> None:
    assert fapi.server.http.put(f"{fapi.server.origin}/par").status_code == 405


def test_a_token_request_without_a_proof_is_refused(fapi: FapiClient) -> None:
    pkce = Pkce()
    response = fapi.client.redeem(fapi.code(pkce)["code"], pkce)
    assert error_of(response) == (400, "invalid_request")
    tokens = fapi.connect()
    assert error_of(fapi.client.refresh(tokens["refresh_token"])) == (400, "invalid_request")


def test_a_code_is_for_the_key_and_the_client_that_pushed(fapi: FapiClient) -> None:
    pkce, other = Pkce(), FapiClient(fapi.server)
    code = fapi.code(pkce)["code"]
    assert error_of(fapi.redeem(code, pkce, key=KeyPair())) == (400, "invalid_grant")
    assert error_of(other.redeem(code, pkce)) == (400, "invalid_grant")
    assert error_of(fapi.redeem(code, Pkce())) == (400, "invalid_grant")
    assert fapi.redeem(code, pkce).status_code == 200


def test_a_refresh_whose_answer_was_lost_works_again_for_the_same_client(fapi: FapiClient) -> None:
    """FAPI 2.0 Security Profile §5.3.2.1: a server that rotates lets a client try again."""
    refresh_token = fapi.connect()["refresh_token"]
    first = fapi.refresh(refresh_token)
    assert first.status_code == 200, first.text
    fapi.server.clock.advance(30)
    again = fapi.refresh(refresh_token)
    assert again.json()["access_token"] == first.json()["access_token"]
    thief = FapiClient(fapi.server)
    stolen = thief.refresh(first.json()["refresh_token"])
    assert error_of(stolen) == (400, "invalid_grant")


def test_it_works_again_with_another_key_too(fapi: FapiClient) -> None:
    """Retry a lost refresh with a new key, as some clients do."""
    refresh_token = fapi.connect()["refresh_token"]
    form: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    first, second = KeyPair(), KeyPair()
    lost = fapi.post("token", form, first)
    assert lost.status_code == 200, lost.text
    fapi.server.clock.advance(30)
    again = fapi.post("token", form, second)
    assert again.status_code == 200, again.text
    token = again.json()["access_token"]
    assert fapi.client.introspect(token).json()["cnf"]["jkt"] == second.thumbprint
    assert error_of(fapi.client.refresh(refresh_token)) == (400, "invalid_request"), "never without a key"
    renewed = fapi.post("token", {**form, "refresh_token": again.json()["refresh_token"]}, second)
    assert renewed.status_code == 200, renewed.text


def test_others_may_still_name_what_they_post_to(server: AuthorizationServer) -> None:
    for left_out in FAPI:
        if left_out == "id_token_signed_response_alg":
            continue
        metadata = {name: value for name, value in FAPI.items() if name != left_out}
        client = AssertingClient.registered(server, **metadata)
        assertion = client.assertion(audience=f"{server.issuer}/token")
        response = client.present("token", assertion, grant_type="authorization_code", code="x")
        assert response.json()["error"] != "invalid_client"


class TestPkceFree:
    """Where the deployment lets confidential OpenID clients go without PKCE."""

    @pytest.fixture
    def server(self, store_url: str) -> Iterator[AuthorizationServer]:
        with running(store_url, require_pkce="openid", code_ttl_s=600) as server:
            yield server

    @pytest.mark.requirement("AS-1")
    def test_a_client_that_follows_fapi_needs_it_all_the_same(self, server: AuthorizationServer) -> None:
        without = {"code_challenge": None, "code_challenge_method": None}
        refused = FapiClient(server).push(Pkce(), nonce="n", **without)
        assert error_of(refused) == (400, "invalid_request")
        lax = FapiClient(server, require_pushed_authorization_requests=False)
        assert lax.push(Pkce(), nonce="n", **without).status_code == 201

    def test_a_code_of_a_client_that_follows_fapi_lives_a_minute_at_most(
        self, server: AuthorizationServer
    ) -> None:
        fapi, lax = FapiClient(server), FapiClient(server, require_pushed_authorization_requests=False)
        pkce = Pkce()
        code, other = fapi.code(pkce)["code"], lax.code(pkce)["code"]
        server.clock.advance(61)
        assert error_of(fapi.redeem(code, pkce)) == (400, "invalid_grant")
        assert lax.redeem(other, pkce).status_code == 200
