"""Authorization requests that are pushed (RFC 9126) and signed (RFC 9101), on both stores."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from auth_service.authorize import requests
from auth_service.crypto.secrets import digest
from auth_service.storage import keys
from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import AuthorizationServer
from tests.flow import REDIRECT_URI, Client, Person, Pkce, forms_of
from tests.servers import wait_until
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("AS-18")

REQUEST = {
    "response_type": "code",
    "redirect_uri": REDIRECT_URI,
    "state": "s",
    "code_challenge_method": "S256",
}


def request_form(pkce: Pkce, **changes: str) -> dict[str, str]:
    return {**REQUEST, "code_challenge": pkce.challenge, "scope": "notes:read", **changes}


def push(client: Client, **form: str) -> httpx2.Response:
    return client._post("par", form)  # noqa: SLF001


def pushed(client: Client, pkce: Pkce, **changes: str) -> str:
    response = push(client, **request_form(pkce, **changes))
    assert response.status_code == 201, response.text
    return str(response.json()["request_uri"])


def url(client: Client, **parameters: str) -> str:
    return f"{client.issuer}/authorize?{urlencode({'client_id': client.client_id, **parameters})}"


@pytest.fixture
def client(server: AuthorizationServer) -> AssertingClient:
    return AssertingClient.registered(server)


@pytest.fixture
def person(server: AuthorizationServer) -> Person:
    return server.person


class TestPushed:
    def test_a_pushed_request_is_answered(self, client: AssertingClient, person: Person) -> None:
        pkce = Pkce()
        response = push(client, **request_form(pkce))
        assert response.status_code == 201
        assert response.headers["cache-control"] == "no-store"
        body = response.json()
        assert set(body) == {"request_uri", "expires_in"}
        assert body["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
        answer = person.authorize(url(client, request_uri=body["request_uri"]))
        assert (answer["state"], answer["iss"]) == ("s", client.server.issuer)
        tokens = client.redeem(answer["code"], pkce)
        assert tokens.json()["scope"] == "notes:read"

    @pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
    def test_every_kind_of_client_can_push(
        self, server: AuthorizationServer, person: Person, method: str
    ) -> None:
        client, pkce = server.register(token_endpoint_auth_method=method), Pkce()
        answer = person.authorize(url(client, request_uri=pushed(client, pkce)))
        assert client.redeem(answer["code"], pkce).status_code == 200

    def test_what_stands_beside_it_does_not_count(self, client: AssertingClient, person: Person) -> None:
        pkce = Pkce()
        request_uri = pushed(client, pkce)
        answer = person.authorize(
            url(client, request_uri=request_uri, scope="notes:write", state="other", prompt="none")
        )
        assert answer["state"] == "s"
        assert client.redeem(answer["code"], pkce).json()["scope"] == "notes:read"

    def test_it_is_answered_once(self, client: AssertingClient, person: Person) -> None:
        request_uri = pushed(client, Pkce())
        assert "code" in person.authorize(url(client, request_uri=request_uri))
        again = person.open(url(client, request_uri=request_uri))
        assert again.status_code == 400
        assert "location" not in again.headers

    def test_it_can_be_opened_twice_before_it_is_answered(
        self, client: AssertingClient, person: Person
    ) -> None:
        request_uri = pushed(client, Pkce())
        assert person.open(url(client, request_uri=request_uri)).status_code == 200
        assert "code" in person.authorize(url(client, request_uri=request_uri))

    @pytest.mark.requirement("AS-18", "ID-10")
    def test_once_opened_it_waits_for_the_person_as_long_as_any_request(
        self, client: AssertingClient, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(requests, "PUSHED_TTL_S", 4)
        opened, unopened = pushed(client, Pkce()), pushed(client, Pkce())
        page = person.open(url(client, request_uri=opened))
        wait_until(lambda: not client.server.with_store(lambda store: _is_kept(store, unopened)))
        if "password" in forms_of(page.text)[0].fields:
            page = person.log_in(page)
        answer = person.submit(page, {"decision": "allow"})
        assert "code=" in answer.headers["location"]
        assert person.open(url(client, request_uri=unopened)).status_code == 400

    def test_it_cannot_be_opened_again_after_its_time(self, client: AssertingClient, person: Person) -> None:
        request_uri = pushed(client, Pkce())
        assert person.open(url(client, request_uri=request_uri)).status_code == 200
        client.server.clock.advance(91)
        assert person.open(url(client, request_uri=request_uri)).status_code == 400

    def test_a_name_that_is_gone_is_refused(self, client: AssertingClient, person: Person) -> None:
        request_uri = pushed(client, Pkce())
        client.server.with_store(lambda store: _forget(store, request_uri))
        assert person.open(url(client, request_uri=request_uri)).status_code == 400

    def test_another_client_cannot_use_it(self, client: AssertingClient, person: Person) -> None:
        request_uri = pushed(client, Pkce())
        other = client.server.register()
        assert person.open(url(other, request_uri=request_uri)).status_code == 400

    @pytest.mark.parametrize(
        "request_uri", ["urn:ietf:params:oauth:request_uri:guessed", "urn:ietf:params:oauth:request_uri:"]
    )
    def test_a_name_that_was_not_given_is_refused(
        self, client: AssertingClient, person: Person, request_uri: str
    ) -> None:
        page = person.open(url(client, request_uri=request_uri))
        assert page.status_code == 400
        assert "location" not in page.headers

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"code_challenge": ""}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"prompt": "none login"}, "invalid_request"),
            ({"resource": "https://elsewhere.example/"}, "invalid_target"),
            ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
            ({"claims": "x"}, "invalid_request"),
            ({"max_age": "-1"}, "invalid_request"),
        ],
    )
    @ON_ONE_STORE
    def test_a_bad_request_is_refused_when_it_is_pushed(
        self, client: AssertingClient, changes: dict[str, str], error: str
    ) -> None:
        response = push(client, **request_form(Pkce(), **changes))
        assert (response.status_code, response.json()["error"]) == (400, error)

    def test_a_confidential_client_must_authenticate(self, client: AssertingClient) -> None:
        response = client.server.post("/par", client_id=client.client_id, **request_form(Pkce()))
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")

    def test_a_client_can_bind_itself_to_pushing(self, server: AuthorizationServer) -> None:
        client = AssertingClient.registered(server, require_pushed_authorization_requests=True)
        assert client.information["require_pushed_authorization_requests"] is True
        page = server.person.open(client.authorization_url(Pkce()))
        assert page.status_code == 400
        assert "location" not in page.headers
        answer = server.person.authorize(url(client, request_uri=pushed(client, Pkce())))
        assert "code" in answer

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_it_is_posted(self, server: AuthorizationServer, method: str) -> None:
        assert server.http.request(method, f"{server.origin}/par").status_code == 405


async def _forget(store: Any, request_uri: str) -> None:
    assert await store.delete(keys.pushed(digest(request_uri.rpartition(":")[2])))


async def _is_kept(store: Any, request_uri: str) -> bool:
    return await store.get(keys.pushed(digest(request_uri.rpartition(":")[2]))) is not None


class TestSigned:
    """Requests as signed objects, by value and pushed."""

    def signed(self, client: AssertingClient, pkce: Pkce, typ: str | None = "JWT", **changes: Any) -> str:
        now = int(client.server.clock())
        claims = {
            "iss": client.client_id,
            "aud": client.server.issuer,
            "exp": now + 60,
            "client_id": client.client_id,
            **request_form(pkce),
            **changes,
        }
        return client.pair.sign({n: v for n, v in claims.items() if v is not None}, typ)

    @pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256"])
    def test_a_signed_request_is_answered(self, server: AuthorizationServer, alg: str) -> None:
        client, pkce = AssertingClient.registered(server, KeyPair(alg)), Pkce()
        answer = server.person.authorize(url(client, request=self.signed(client, pkce)))
        assert answer["state"] == "s"
        assert client.redeem(answer["code"], pkce).json()["scope"] == "notes:read"

    def test_a_signed_request_can_be_pushed(self, client: AssertingClient, person: Person) -> None:
        pkce = Pkce()
        response = push(client, request=self.signed(client, pkce, "oauth-authz-req+jwt"))
        assert response.status_code == 201, response.text
        answer = person.authorize(url(client, request_uri=response.json()["request_uri"]))
        assert client.redeem(answer["code"], pkce).status_code == 200

    def test_a_public_client_can_sign_too(self, server: AuthorizationServer) -> None:
        pair, pkce = KeyPair(), Pkce()
        information = server.register(jwks=pair.jwks).information
        client = AssertingClient.known(server, pair, information)
        answer = server.person.authorize(url(client, request=self.signed(client, pkce)))
        assert Client.redeem(server_client(client), answer["code"], pkce).status_code == 200

    def test_only_what_is_signed_counts(self, client: AssertingClient, person: Person) -> None:
        pkce = Pkce()
        answer = person.authorize(
            url(client, request=self.signed(client, pkce), scope="notes:write", state="other")
        )
        assert answer["state"] == "s"
        assert client.redeem(answer["code"], pkce).json()["scope"] == "notes:read"

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "another"},
            {"client_id": "another"},
            {"aud": "https://other.example"},
            {"exp": 1},
            {"nbf": 2**39},
            {"request": "x"},
            {"request_uri": "urn:x"},
            {"scope": True},
        ],
    )
    @ON_ONE_STORE
    def test_a_bad_claim_is_refused(self, client: AssertingClient, changes: dict[str, Any]) -> None:
        response = push(client, request=self.signed(client, Pkce(), **changes))
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request_object")

    def test_another_key_is_refused(self, client: AssertingClient) -> None:
        forged = AssertingClient.known(client.server, KeyPair(), client.information)
        response = push(client, request=self.signed(forged, Pkce()))
        assert response.json()["error"] == "invalid_request_object"

    @pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "logout+jwt"])
    def test_a_token_of_another_kind_is_refused(self, client: AssertingClient, typ: str) -> None:
        response = push(client, request=self.signed(client, Pkce(), typ))
        assert response.json()["error"] == "invalid_request_object"

    def test_a_client_without_keys_cannot_sign(self, server: AuthorizationServer) -> None:
        client = AssertingClient.known(server, KeyPair(), server.register().information)
        page = server.person.open(url(client, request=self.signed(client, Pkce())))
        assert page.status_code == 400

    def test_both_ways_at_once_are_refused(self, client: AssertingClient, person: Person) -> None:
        pkce = Pkce()
        both = {"request": self.signed(client, pkce), "request_uri": pushed(client, pkce)}
        assert person.open(url(client, **both)).status_code == 400

    def test_a_client_can_bind_itself_to_signing(self, server: AuthorizationServer) -> None:
        client = AssertingClient.registered(server, require_signed_request_object=True)
        response = push(client, **request_form(Pkce()))
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
        assert server.person.open(client.authorization_url(Pkce())).status_code == 400
        dates: dict[str, Any] = {"nbf": int(server.clock()), "exp": int(server.clock()) + 60}
        assert push(client, request=self.signed(client, Pkce(), **dates)).status_code == 201
        undated = push(client, request=self.signed(client, Pkce()))
        assert (undated.status_code, undated.json()["error"]) == (400, "invalid_request_object")

    def test_a_client_can_bind_itself_to_an_algorithm(self, server: AuthorizationServer) -> None:
        pair = KeyPair("RS256")
        client = AssertingClient.registered(server, pair, request_object_signing_alg="PS256")
        assert push(client, request=self.signed(client, Pkce())).json()["error"] == "invalid_request_object"
        pair.alg = "PS256"
        assert push(client, request=self.signed(client, Pkce())).status_code == 201

    def test_a_request_elsewhere_is_not_fetched(self, client: AssertingClient, person: Person) -> None:
        answer = person.authorize(client.authorization_url(Pkce(), request_uri="https://client.example/r"))
        assert answer["error"] == "request_uri_not_supported"


def server_client(client: AssertingClient) -> Client:
    """The same client, without its assertions."""
    return Client(client.issuer, client.http, client.information)
