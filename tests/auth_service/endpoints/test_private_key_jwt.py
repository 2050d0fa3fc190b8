"""Clients that prove who they are with a signature, at every endpoint, on both stores (RFC 7523, AS-11)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from auth_service.fetching import Fetcher
from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import ASSERTION_TYPE, KeyPair
from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.sites import Site, document, site
from tests.stores import ON_ONE_STORE

GRANT = {"grant_type": "client_credentials", "scope": "notes:read"}

pytestmark = pytest.mark.requirement("AS-11", "EXT-1")


@pytest.fixture
def client(server: AuthorizationServer) -> AssertingClient:
    return AssertingClient.registered(server, grant_types=["client_credentials"])


def refused(response: httpx2.Response, reason: str = "") -> None:
    assert response.status_code == 401, response.text
    assert response.json()["error"] == "invalid_client"
    assert reason in response.json()["error_description"]


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256"])
def test_each_algorithm_gets_a_token(server: AuthorizationServer, alg: str) -> None:
    client = AssertingClient.registered(server, KeyPair(alg), grant_types=["client_credentials"])
    response = client.token(**GRANT)
    assert response.status_code == 200, response.text
    assert server.introspect(response.json()["access_token"])["client_id"] == client.client_id


@pytest.mark.parametrize("path", ["", "/token"])
def test_the_audience_is_the_issuer_or_the_token_endpoint(client: AssertingClient, path: str) -> None:
    audience = client.server.issuer + path
    assert client.present("token", client.assertion(audience=audience), **GRANT).status_code == 200
    assert client.present("token", client.assertion(audience=[audience]), **GRANT).status_code == 200


def test_the_client_id_may_be_repeated_beside_the_assertion(client: AssertingClient) -> None:
    assert client.token(**GRANT, client_id=client.client_id).status_code == 200


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt", None])
def test_an_assertion_may_say_its_type(client: AssertingClient, typ: str | None) -> None:
    assert client.present("token", client.assertion(typ=typ), **GRANT).status_code == 200


def test_the_code_flow_refresh_introspection_and_revocation_take_it(server: AuthorizationServer) -> None:
    client = AssertingClient.registered(server)
    tokens = client.connect(server.person)
    refreshed = client.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    access_token = refreshed.json()["access_token"]
    assert client.introspect(access_token).json()["active"] is True
    assert client.revoke(access_token).status_code == 200
    assert not server.is_active(access_token)


@pytest.mark.requirement("SEC-8")
def test_an_assertion_is_good_once(client: AssertingClient) -> None:
    assertion = client.assertion()
    assert client.present("token", assertion, **GRANT).status_code == 200
    refused(client.present("token", assertion, **GRANT), "used before")


@pytest.mark.requirement("SEC-8")
def test_an_assertion_is_good_once_also_at_another_endpoint(client: AssertingClient) -> None:
    assertion = client.assertion()
    assert client.present("token", assertion, **GRANT).status_code == 200
    refused(client.present("introspect", assertion, token="x"), "used before")


@pytest.mark.requirement("SEC-8")
def test_of_many_uses_at_once_one_counts(client: AssertingClient) -> None:
    assertion = client.assertion()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.present("token", assertion, **GRANT), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 15]


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"audience": "https://other.example"}, "aud"),
        ({"audience": ""}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": 1}, "expired"),
        ({"exp": 2**39}, "too long"),
        ({"nbf": 2**39}, "not valid yet"),
        ({"iat": 2**39}, "in the future"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"sub": None}, "sub"),
        ({"iss": None}, "iss"),
        ({"sub": "another"}, "differ"),
        ({"typ": "at+jwt"}, "typ"),
    ],
)
@ON_ONE_STORE
def test_a_wrong_claim_is_refused(client: AssertingClient, changes: dict[str, Any], reason: str) -> None:
    refused(client.present("token", client.assertion(**changes), **GRANT), reason)


@pytest.mark.requirement("SEC-8")
def test_another_key_is_refused(client: AssertingClient) -> None:
    thief = KeyPair()
    thief.kid = client.pair.kid
    forged = thief.assertion(client.client_id, client.server.issuer, now=client.server.clock())
    refused(client.present("token", forged, **GRANT), "signature")


@pytest.mark.requirement("SEC-8")
def test_a_key_inside_the_assertion_is_refused(client: AssertingClient) -> None:
    thief = KeyPair()
    now = int(client.server.clock())
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": client.server.issuer,
        "exp": now + 60,
        "jti": "1",
    }
    refused(client.present("token", thief.sign(claims, kid=None, jwk=thief.public), **GRANT), "signature")


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_no_signature_and_a_keyed_hash_are_refused(client: AssertingClient, alg: str) -> None:
    import base64
    import hmac

    def encoded(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    body = client.assertion().split(".")[1]
    signed = f"{encoded(json.dumps({'alg': alg, 'typ': 'JWT'}).encode())}.{body}"
    key = json.dumps(client.pair.public).encode()
    tag = encoded(hmac.digest(key, signed.encode(), "sha256"))
    refused(client.present("token", f"{signed}.{tag}", **GRANT))
    refused(client.present("token", f"{signed}.", **GRANT))


@pytest.mark.requirement("SEC-8")
def test_an_unknown_critical_header_is_refused(client: AssertingClient) -> None:
    now = int(client.server.clock())
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": client.server.issuer,
        "exp": now + 60,
        "jti": "1",
    }
    refused(client.present("token", client.pair.sign(claims, crit=["x"], x=1), **GRANT), "crit")


@pytest.mark.requirement("SEC-8")
def test_an_algorithm_other_than_the_registered_one_is_refused(server: AuthorizationServer) -> None:
    pair = KeyPair("RS256")
    client = AssertingClient.registered(
        server, pair, grant_types=["client_credentials"], token_endpoint_auth_signing_alg="PS256"
    )
    refused(client.token(**GRANT), "alg")
    pair.alg = "PS256"
    assert client.token(**GRANT).status_code == 200


@pytest.mark.requirement("SEC-8")
def test_without_its_assertion_the_client_gets_nothing(client: AssertingClient) -> None:
    server = client.server
    refused(server.post("/token", client_id=client.client_id, **GRANT), "private_key_jwt")
    secret = {"client_id": client.client_id, "client_secret": "x"}
    refused(server.post("/token", **secret, **GRANT), "private_key_jwt")
    assert "client_secret" not in client.information


@pytest.mark.requirement("SEC-8")
def test_a_client_with_a_secret_cannot_assert_instead(server: AuthorizationServer) -> None:
    pair = KeyPair()
    information = server.register(
        grant_types=["client_credentials"],
        token_endpoint_auth_method="client_secret_post",
        jwks=pair.jwks,
    ).information
    refused(AssertingClient.known(server, pair, information).token(**GRANT), "did not register")


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("extra", [{"client_secret": "x"}, {"client_id": "another"}])
def test_a_second_way_or_another_name_is_refused(client: AssertingClient, extra: dict[str, str]) -> None:
    response = client.token(**GRANT, **extra)
    assert response.status_code in (400, 401)
    assert response.json()["error"] in ("invalid_request", "invalid_client")


@pytest.mark.requirement("SEC-8")
def test_an_assertion_beside_a_header_is_refused(client: AssertingClient) -> None:
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client.assertion(), **GRANT}
    response = client.http.post(f"{client.issuer}/token", data=form, auth=(client.client_id, "x"))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion": "x"},
        {"client_assertion_type": ASSERTION_TYPE},
        {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
            "client_assertion": "x",
        },
    ],
)
def test_half_an_assertion_is_a_malformed_request(server: AuthorizationServer, form: dict[str, str]) -> None:
    response = server.post("/token", **GRANT, **form)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_an_unknown_client_is_invalid_client(server: AuthorizationServer) -> None:
    assertion = KeyPair().assertion("nobody", server.issuer, now=server.clock())
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    refused(server.post("/token", **GRANT, **form), "not registered")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"jwks": {"keys": []}, "jwks_uri": "https://client.example/jwks"},
        {"jwks": {}},
        {"jwks": {"keys": [{"kty": "EC", "d": "x"}]}},
        {"jwks": {"keys": [{"kty": "oct", "k": "x"}]}},
        {"jwks_uri": "javascript:alert(1)"},
    ],
)
def test_a_registration_without_usable_public_keys_is_refused(
    server: AuthorizationServer, metadata: dict[str, Any]
) -> None:
    body = {
        "redirect_uris": ["https://c.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        **metadata,
    }
    response = server.http.post(f"{server.origin}/register", json=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


class TestPublishedKeys:
    """Keys that the client publishes at `jwks_uri`."""

    @pytest.fixture
    def publisher(self) -> Iterator[Site]:
        with site() as running_site:
            yield running_site

    @pytest.fixture
    def server(self, store_url: str) -> Iterator[AuthorizationServer]:
        with running(store_url, fetcher=Fetcher(loopback=True), fetch_loopback=True) as server:
            yield server
            assert server.failures == []

    @pytest.fixture
    def client(self, server: AuthorizationServer, publisher: Site) -> AssertingClient:
        pair = KeyPair()
        publisher.answers["/jwks"] = document(pair.jwks)
        where = f"http://127.0.0.1:{publisher.port}/jwks"
        return AssertingClient.registered(
            server, pair, grant_types=["client_credentials"], jwks=None, jwks_uri=where
        )

    def test_they_are_fetched_once_for_many_requests(self, client: AssertingClient, publisher: Site) -> None:
        assert [client.token(**GRANT).status_code for _ in range(3)] == [200] * 3
        assert len(publisher.contacts()) == 1

    def test_a_key_that_is_not_known_yet_is_looked_for(
        self, client: AssertingClient, publisher: Site
    ) -> None:
        assert client.token(**GRANT).status_code == 200
        client.pair = KeyPair()
        publisher.answers["/jwks"] = document(client.pair.jwks)
        client.server.clock.advance(11)
        assert client.token(**GRANT).status_code == 200

    def test_a_flood_of_unknown_keys_is_not_a_flood_of_fetches(
        self, client: AssertingClient, publisher: Site
    ) -> None:
        assert client.token(**GRANT).status_code == 200
        client.pair = KeyPair()
        for _ in range(5):
            refused(client.token(**GRANT))
        assert len(publisher.contacts()) == 1

    def test_a_key_that_was_taken_back_stops_working(self, client: AssertingClient, publisher: Site) -> None:
        assert client.token(**GRANT).status_code == 200
        publisher.answers["/jwks"] = document({"keys": []})
        client.server.clock.advance(301)
        refused(client.token(**GRANT))

    def test_an_empty_key_set_admits_nobody(self, client: AssertingClient, publisher: Site) -> None:
        publisher.answers["/jwks"] = document({"keys": ["x"]})
        refused(client.token(**GRANT), "no keys are published")

    @pytest.mark.requirement("BOUND-5")
    @pytest.mark.parametrize("published", [[], {"keys": 1}, "x", None])
    def test_a_client_whose_keys_cannot_be_fetched_gets_503_not_invalid_client(
        self, client: AssertingClient, publisher: Site, published: object
    ) -> None:
        publisher.answers["/jwks"] = document(published)
        if published is None:
            del publisher.answers["/jwks"]
        for path in ("token", "par", "introspect", "revoke"):
            response = client.present(path, client.assertion(), **GRANT, token="x")
            assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
            assert response.headers["retry-after"]
        assert len(publisher.contacts()) == 1
        client.server.failures.clear()


def test_the_token_of_a_client_is_about_nobody(client: AssertingClient) -> None:
    answer = client.server.introspect(client.token(**GRANT).json()["access_token"])
    assert (answer["aud"], answer.get("username")) == (RESOURCE, None)
    assert answer["exp"] > time.time()
