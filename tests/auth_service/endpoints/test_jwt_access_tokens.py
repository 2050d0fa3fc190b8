"""Access tokens as JWTs, signed introspection and the signing keys, checked with PyJWT, on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.protocol.key_rotation import Schedule
from auth_service.settings import MasterKey
from tests.auth_service.asserting import AssertingClient
from tests.auth_service.keypair import sha256
from tests.auth_service.service import (
    MASTER_KEY,
    OTHER_RESOURCE,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SECRET,
    SCOPES,
    AuthorizationServer,
    running,
)

JWT_SERVER: dict[str, Any] = {
    "id": "resource",
    "secret": RESOURCE_SECRET,
    "resources": [
        {"resource": RESOURCE, "name": "Notes", "scopes": SCOPES, "access_token_format": "jwt"},
    ],
}
SIGNED = "application/token-introspection+jwt"


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), resource_servers=[JWT_SERVER, OTHER_RESOURCE_SERVER]) as server:
        yield server


def published(server: AuthorizationServer) -> jwt.PyJWKSet:
    return jwt.PyJWKSet.from_dict(server.get("/jwks").json())


def verified(server: AuthorizationServer, token: str, audience: str, alg: str = "RS256") -> dict[str, Any]:
    """As any resource server or client would check it, with nothing but the published keys."""
    key = published(server)[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[alg],
        audience=audience,
        issuer=server.issuer,
        options={"verify_iat": False, "verify_exp": False, "verify_nbf": False},
    )
    return claims


@pytest.mark.requirement("AS-19")
class TestAccessTokens:
    def test_any_library_verifies_it_from_the_jwks(self, server: AuthorizationServer) -> None:
        token = server.connect(resource=RESOURCE, scope="notes:read")["access_token"]
        assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
        claims = verified(server, token, RESOURCE)
        answer = server.introspect(token)
        shared = ("sub", "scope", "client_id", "iss", "exp", "iat")
        assert {n: claims[n] for n in shared} == {n: answer[n] for n in shared}
        assert claims["exp"] - claims["iat"] == 600

    def test_other_resources_get_opaque_ones(self, server: AuthorizationServer) -> None:
        token = server.connect(resource=OTHER_RESOURCE)["access_token"]
        assert token.startswith("dw_at_")

    def test_it_is_introspected_and_revoked_like_any_other(self, server: AuthorizationServer) -> None:
        client = server.register()
        tokens = server.connect(client, resource=RESOURCE)
        assert server.is_active(tokens["access_token"])
        assert client.revoke(tokens["access_token"]).status_code == 200
        assert not server.is_active(tokens["access_token"])
        assert client.refresh(tokens["refresh_token"]).status_code == 400

    def test_it_expires_at_introspection(self, server: AuthorizationServer) -> None:
        token = server.connect(resource=RESOURCE)["access_token"]
        server.clock.advance(601)
        assert not server.is_active(token)

    def test_a_changed_one_is_nothing(self, server: AuthorizationServer) -> None:
        head, body, signature = server.connect(resource=RESOURCE)["access_token"].split(".")
        assert not server.is_active(f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}")

    def test_an_id_token_is_not_an_access_token(self, server: AuthorizationServer) -> None:
        tokens = server.connect(resource=RESOURCE, scope="openid notes:read")
        assert not server.is_active(tokens["id_token"])
        response = server.get("/userinfo", Authorization=f"Bearer {tokens['id_token']}")
        assert response.status_code == 401

    def test_userinfo_takes_it(self, server: AuthorizationServer) -> None:
        token = server.connect(resource=RESOURCE, scope="openid")["access_token"]
        assert server.get("/userinfo", Authorization=f"Bearer {token}").json()["sub"]

    def test_a_refresh_in_the_grace_window_gives_the_same_bytes(self, server: AuthorizationServer) -> None:
        client = server.register()
        tokens = server.connect(client, resource=RESOURCE)
        first = client.refresh(tokens["refresh_token"])
        assert first.json() == client.refresh(tokens["refresh_token"]).json()

    def test_a_client_for_itself_is_its_subject(self, server: AuthorizationServer) -> None:
        client = AssertingClient.registered(server, grant_types=["client_credentials"])
        token = client.token(grant_type="client_credentials", resource=RESOURCE).json()["access_token"]
        assert verified(server, token, RESOURCE)["sub"] == client.client_id


@pytest.mark.requirement("AS-15")
class TestSignedIntrospection:
    def ask(self, server: AuthorizationServer, token: str) -> Any:
        return server.http.post(
            f"{server.origin}/introspect",
            data={"token": token},
            auth=("resource", RESOURCE_SECRET),
            headers={"Accept": SIGNED},
        )

    def test_a_signed_answer_says_the_same_as_a_plain_one(self, server: AuthorizationServer) -> None:
        token = server.connect(resource=RESOURCE)["access_token"]
        response = self.ask(server, token)
        assert response.headers["content-type"] == SIGNED
        assert jwt.get_unverified_header(response.text)["typ"] == "token-introspection+jwt"
        claims = verified(server, response.text, "resource")
        assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
        assert claims["token_introspection"] == server.introspect(token)

    def test_about_anything_else_it_is_signed_that_nothing_is_known(
        self, server: AuthorizationServer
    ) -> None:
        claims = verified(server, self.ask(server, "x").text, "resource")
        assert claims["token_introspection"] == {"active": False}

    def test_a_signed_answer_is_not_a_token(self, server: AuthorizationServer) -> None:
        token = server.connect(resource=RESOURCE)["access_token"]
        assert not server.is_active(self.ask(server, token).text)

    def test_it_needs_the_same_authentication(self, server: AuthorizationServer) -> None:
        response = server.http.post(
            f"{server.origin}/introspect", data={"token": "x"}, headers={"Accept": SIGNED}
        )
        assert response.status_code == 401


@pytest.mark.requirement("AS-17")
class TestIdTokens:
    @pytest.mark.parametrize("alg", ["RS256", "ES256"])
    def test_a_client_gets_the_algorithm_it_registered(self, server: AuthorizationServer, alg: str) -> None:
        client = server.register(id_token_signed_response_alg=alg)
        tokens = server.connect(client, resource=RESOURCE, scope="openid", nonce="n")
        claims = verified(server, tokens["id_token"], client.client_id, alg)
        assert (claims["nonce"], claims["acr"]) == ("n", "password")
        assert claims["at_hash"] == _left_half(tokens["access_token"])
        assert claims["auth_time"] <= claims["iat"]

    def test_rs256_is_the_default(self, server: AuthorizationServer) -> None:
        tokens = server.connect(resource=RESOURCE, scope="openid")
        assert jwt.get_unverified_header(tokens["id_token"])["alg"] == "RS256"

    @pytest.mark.parametrize("alg", ["none", "HS256", "RS512"])
    def test_no_other_algorithm_is_registered(self, server: AuthorizationServer, alg: str) -> None:
        body = {"redirect_uris": ["https://c.example/cb"], "id_token_signed_response_alg": alg}
        response = server.http.post(f"{server.origin}/register", json=body)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


def _left_half(access_token: str) -> str:
    import base64

    digest = base64.urlsafe_b64decode(sha256(access_token) + "=")
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


@pytest.mark.requirement("AS-17")
class TestRotation:
    @pytest.fixture
    def server(self, store_url: str) -> Iterator[AuthorizationServer]:
        times: dict[str, Any] = {"key_period_s": 10_000, "key_ahead_s": 400, "session_ttl_s": 1_000}
        with running(store_url, resource_servers=[JWT_SERVER], **times) as server:
            yield server
            assert server.failures == []

    def kids(self, server: AuthorizationServer) -> set[str]:
        return {key["kid"] for key in server.get("/jwks").json()["keys"]}

    def test_the_next_key_is_published_ahead_and_old_tokens_still_verify(
        self, server: AuthorizationServer
    ) -> None:
        client = server.register()
        old = server.connect(client, scope="openid notes:read")
        before = self.kids(server)
        server.clock.advance(9_700)
        ahead = self.kids(server)
        assert before < ahead
        assert len(ahead) == 4
        server.clock.advance(401)
        new = server.connect(client, scope="openid notes:read")
        assert jwt.get_unverified_header(new["access_token"])["kid"] in ahead - before
        for tokens in (old, new):
            verified(server, tokens["access_token"], RESOURCE)
            verified(server, tokens["id_token"], client.client_id)

    def test_a_retired_key_is_taken_out_in_the_end(self, server: AuthorizationServer) -> None:
        before = self.kids(server)
        for seconds in (9_700, 401, 1_000):
            server.clock.advance(seconds)
            assert len(self.kids(server)) >= 2
        assert not before & self.kids(server)

    def test_the_operator_rotates_and_every_replica_follows(self, server: AuthorizationServer) -> None:
        before = self.kids(server)
        schedule = Schedule(10_000, 200, lasting_s=10_000)
        ring = KeyRing((MasterKey(key_id=1, key=MASTER_KEY),))  # type: ignore[arg-type]
        server.with_store(lambda store: SigningKeys(store, ring, schedule, server.clock).rotate())
        server.clock.advance(61)
        after = self.kids(server)
        assert before < after
        assert len(after) == 4

    def test_two_replicas_sign_with_the_same_keys(self, server: AuthorizationServer) -> None:
        with running(server.store_url, resource_servers=[JWT_SERVER], issuer=server.issuer) as replica:
            assert self.kids(replica) == self.kids(server)

    def test_what_is_kept_is_sealed(self, server: AuthorizationServer) -> None:
        async def sealed(store: Any) -> bytes:
            from auth_service.storage import keys

            return bytes(await store.get(keys.signing_keys()))

        assert b"PRIVATE KEY" not in server.with_store(sealed)
