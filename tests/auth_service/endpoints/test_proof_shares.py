"""Spent proofs count for a network, whose flood stops at its share and stops no other, on both stores."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.flow import REDIRECT_URI, Pkce

pytestmark = pytest.mark.requirement("BOUND-2", "BOUND-3")

HERE, ELSEWHERE = "198.51.100.1", "203.0.113.1"
SHARE = 3
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
IDP = "https://idp.example"
NO_SUCH_TOKEN = {"grant_type": "refresh_token", "refresh_token": "dw_rt_none"}


@pytest.fixture(scope="module")
def idp() -> KeyPair:
    return KeyPair()


@pytest.fixture
def server(new_store: Callable[[], str], idp: KeyPair) -> Iterator[AuthorizationServer]:
    """One that remembers three proofs of each network, and thirty of a client that is counted by itself."""
    trusted = [{"issuer": IDP, "profile": "id-jag", "jwks": idp.jwks}]
    with running(
        new_store(), trusted_proxies=["127.0.0.0/8"], signed_proofs=SHARE, trusted_issuers=trusted
    ) as server:
        yield server
        assert server.failures == []


@contextmanager
def at(server: AuthorizationServer, address: str) -> Iterator[None]:
    """Send what follows through a trusted proxy as if from `address`."""
    server.http.headers["X-Forwarded-For"] = address
    yield
    del server.http.headers["X-Forwarded-For"]


def flood(request: Callable[[], httpx2.Response], most: int) -> int:
    """Ask until it is too much; how often it was not."""
    for count in range(most + 1):
        response = request()
        if response.status_code == 429:
            assert response.json()["error"] == "temporarily_unavailable"
            assert response.json()["reason_code"] == "rate_limited"
            assert int(response.headers["retry-after"]) > 0
            return count
    raise AssertionError(f"{most} requests, and none was too many")


class Prover:
    """A public client that proves possession of a key with each request."""

    def __init__(self, server: AuthorizationServer) -> None:
        self.server, self.client, self.pair = server, server.register(), KeyPair()
        self.nonce: str | None = None
        self.nonce = self.token(**NO_SUCH_TOKEN).headers["dpop-nonce"]

    def token(self, **form: str) -> httpx2.Response:
        return self.present(self.proof(), **form)

    def proof(self) -> str:
        url = f"{self.server.issuer}/token"
        return self.pair.proof("POST", url, now=self.server.clock(), nonce=self.nonce)

    def present(self, proof: str, **form: str) -> httpx2.Response:
        data = {"client_id": self.client.client_id, **form}
        return self.server.http.post(f"{self.server.origin}/token", data=data, headers={"DPoP": proof})

    def connect(self) -> httpx2.Response:
        pkce = Pkce()
        answer = self.server.person.authorize(self.client.authorization_url(pkce))
        return self.token(
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=REDIRECT_URI,
            code_verifier=pkce.verifier,
        )


def test_a_flood_of_dpop_proofs_stops_at_the_share_of_its_network(server: AuthorizationServer) -> None:
    flooding, other = Prover(server), Prover(server)
    with at(server, ELSEWHERE):
        tokens = flooding.connect().json()
    with at(server, HERE):
        assert flood(lambda: flooding.token(**NO_SUCH_TOKEN), SHARE) == SHARE
        assert flood(lambda: other.token(**NO_SUCH_TOKEN), 0) == 0, "another client is of the same network"
        assert flooding.client.revoke(tokens["refresh_token"]).status_code == 200
    assert not server.is_active(tokens["access_token"])
    with at(server, ELSEWHERE):
        response = other.connect()
    assert response.json()["token_type"] == "DPoP", response.text


def test_a_proof_that_is_used_again_takes_no_room(server: AuthorizationServer) -> None:
    prover = Prover(server)
    with at(server, HERE):
        proof = prover.proof()
        reasons = [prover.present(proof, **NO_SUCH_TOKEN).json()["reason_code"] for _ in range(2 * SHARE)]
        assert reasons[1:] == ["dpop_proof_replayed"] * (2 * SHARE - 1)
        assert flood(lambda: prover.token(**NO_SUCH_TOKEN), SHARE) == SHARE - 1


def test_a_flood_of_client_assertions_stops_at_the_share_of_its_network(
    server: AuthorizationServer,
) -> None:
    flooding, other = AssertingClient.registered(server), AssertingClient.registered(server)
    with at(server, HERE):
        assert flood(lambda: flooding.token(**NO_SUCH_TOKEN), SHARE) == SHARE
        assert flood(lambda: other.token(**NO_SUCH_TOKEN), 0) == 0, "another client is of the same network"
        assert flood(lambda: other.introspect("dw_at_none"), 0) == 0
    with at(server, ELSEWHERE):
        assert other.connect(server.person)["access_token"]
    with at(server, HERE):
        assert other.token(**NO_SUCH_TOKEN).status_code == 400, "it was granted something"


def test_an_assertion_is_never_one_too_many_for_a_revocation(server: AuthorizationServer) -> None:
    client = AssertingClient.registered(server)
    with at(server, HERE):
        tokens = client.connect(server.person)
        redemption = 1
        assert flood(lambda: client.token(**NO_SUCH_TOKEN), 10 * SHARE) == 10 * SHARE - redemption
        assertion = client.assertion()
        assert client.present("revoke", assertion, token=tokens["refresh_token"]).status_code == 200
        assert not server.is_active(tokens["access_token"])
        again = client.present("revoke", assertion, token=tokens["refresh_token"])
    assert again.json()["reason_code"] == "client_assertion_replayed"


def test_a_flood_of_identity_assertions_stops_at_the_share_of_its_client(
    server: AuthorizationServer, idp: KeyPair
) -> None:
    client = server.register(
        grant_types=[JWT_BEARER], redirect_uris=[], token_endpoint_auth_method="client_secret_post"
    )

    def ask() -> httpx2.Response:
        now = int(server.clock())
        claims = {
            "iss": IDP,
            "sub": "alice",
            "aud": server.issuer,
            "client_id": client.client_id,
            "resource": RESOURCE,
            "scope": "notes:read",
            "jti": secrets.token_urlsafe(8),
            "exp": now + 300,
            "iat": now,
        }
        return client.token(grant_type=JWT_BEARER, assertion=idp.sign(claims, "oauth-id-jag+jwt"))

    # The first counts for the network: the client was granted nothing yet.
    assert flood(ask, 1 + 10 * SHARE) == 1 + 10 * SHARE
