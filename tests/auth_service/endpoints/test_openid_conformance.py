"""The requirements of the OpenID Foundation's test plans that no other test covers, on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import jwt
import pytest

from tests.auth_service.service import AuthorizationServer, running
from tests.flow import Client, Pkce
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("AS-17")

CALLBACK = "https://client.example/cb"
QUERY = "https://client.example/cb?foo=bar"


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """As the plans expect an OpenID provider: PKCE is not required of confidential clients."""
    with running(new_store(), require_pkce="openid") as server:
        yield server


@pytest.fixture
def client(server: AuthorizationServer) -> Client:
    return server.register(redirect_uris=[CALLBACK], token_endpoint_auth_method="client_secret_basic")


def answer_to(server: AuthorizationServer, client: Client, **parameters: str | None) -> dict[str, str]:
    request_parameters: dict[str, str | None] = {
        "scope": "openid",
        "code_challenge": None,
        "code_challenge_method": None,
    }
    return server.person.authorize(client.authorization_url(Pkce(), **{**request_parameters, **parameters}))


def redeemed(client: Client, code: str) -> dict[str, Any]:
    response = client.token(
        grant_type="authorization_code", code=code, redirect_uri=client.information["redirect_uris"][0]
    )
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


@pytest.mark.requirement("AS-1")
@pytest.mark.parametrize("nonce", ["a nonce", None])
def test_a_confidential_client_needs_neither_nonce_nor_pkce_where_that_is_set(
    server: AuthorizationServer, client: Client, nonce: str | None
) -> None:
    tokens = redeemed(client, answer_to(server, client, nonce=nonce)["code"])
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert claims.get("nonce") == nonce


@pytest.mark.requirement("AS-1")
@pytest.mark.parametrize("scope", ["openid", "notes:read"])
def test_a_public_client_needs_pkce_still(server: AuthorizationServer, scope: str) -> None:
    public = server.register(redirect_uris=[CALLBACK])
    assert answer_to(server, public, scope=scope, nonce="n")["error"] == "invalid_request"


@pytest.mark.requirement("AS-1")
def test_a_request_that_is_not_openid_connect_needs_pkce_still(
    server: AuthorizationServer, client: Client
) -> None:
    assert answer_to(server, client, scope="notes:read")["error"] == "invalid_request"


def test_a_request_without_redirect_uri_is_not_granted(server: AuthorizationServer, client: Client) -> None:
    answer = answer_to(server, client, redirect_uri=None)
    assert (answer["error"], answer["state"]) == ("invalid_request", "a state")


def test_a_request_by_reference_is_told_that_there_is_no_such_thing(
    server: AuthorizationServer, client: Client
) -> None:
    answer = answer_to(server, client, request_uri="https://client.example/request.jwt")
    assert (answer["error"], answer["state"]) == ("request_uri_not_supported", "a state")


@pytest.mark.parametrize(
    "more",
    [
        {"scope": "profile openid"},
        {"display": "page"},
        {"display": "popup"},
        {"ui_locales": "se"},
        {"claims_locales": "se"},
        {"acr_values": "password 1 2"},
        {"extra": "foobar"},
        {"login_hint": "wesen"},
        {"claims": '{"userinfo":{"name":{"essential":true}}}'},
        {"nonce": "n" * 384},
    ],
)
@ON_ONE_STORE
def test_optional_or_unknown_parameters_are_not_refused(
    server: AuthorizationServer, client: Client, more: dict[str, str]
) -> None:
    assert redeemed(client, answer_to(server, client, **more)["code"])["id_token"]


def test_a_query_in_the_redirect_uri_is_kept_and_compared(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[QUERY], token_endpoint_auth_method="client_secret_post")
    answer = answer_to(server, client)
    assert answer["foo"] == "bar"
    assert redeemed(client, answer["code"])["id_token"]
    for wrong in (CALLBACK, f"{CALLBACK}?foo=other", f"{QUERY}&more=1"):
        page = server.person.open(client.authorization_url(Pkce(), redirect_uri=wrong, scope="openid"))
        assert page.status_code == 400


def test_a_fragment_in_a_redirect_uri_is_not_registered(server: AuthorizationServer) -> None:
    response = server.http.post(f"{server.origin}/register", json={"redirect_uris": [f"{CALLBACK}#x"]})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_redirect_uri")


def userinfo_of(server: AuthorizationServer, client: Client) -> httpx2.Response:
    tokens = redeemed(client, answer_to(server, client, scope="openid profile")["code"])
    return server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}")


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_userinfo_is_signed_for_who_registered_for_that(server: AuthorizationServer, alg: str) -> None:
    client = server.register(
        redirect_uris=[CALLBACK],
        token_endpoint_auth_method="client_secret_basic",
        userinfo_signed_response_alg=alg,
    )
    assert client.information["userinfo_signed_response_alg"] == alg
    response = userinfo_of(server, client)
    assert response.headers["content-type"].partition(";")[0] == "application/jwt"
    assert response.headers["cache-control"] == "no-store"
    key = jwt.PyJWKClient(f"{server.origin}/jwks").get_signing_key_from_jwt(response.text)
    claims = jwt.decode(
        response.text, key.key, algorithms=[alg], audience=client.client_id, issuer=server.issuer
    )
    assert claims["sub"]
    assert claims["preferred_username"] == "wesen"
    assert "nonce" not in claims


def test_userinfo_is_json_for_everybody_else(server: AuthorizationServer, client: Client) -> None:
    assert userinfo_of(server, client).headers["content-type"] == "application/json"


@pytest.mark.parametrize("alg", ["none", "HS256", "x"])
def test_userinfo_is_signed_with_nothing_weaker(server: AuthorizationServer, alg: str) -> None:
    body = {"redirect_uris": [CALLBACK], "userinfo_signed_response_alg": alg}
    response = server.http.post(f"{server.origin}/register", json=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


def test_a_missing_or_unknown_response_type_is_reported_to_the_client(
    server: AuthorizationServer, client: Client
) -> None:
    assert answer_to(server, client, response_type=None)["error"] == "invalid_request"
    assert answer_to(server, client, response_type="id_token")["error"] == "unsupported_response_type"


def test_the_metadata_says_what_there_is(server: AuthorizationServer) -> None:
    metadata = server.get("/.well-known/openid-configuration").json()
    assert metadata["userinfo_signing_alg_values_supported"] == ["RS256", "ES256"]
    assert metadata["subject_types_supported"] == ["public", "pairwise"]
    assert "none" not in metadata["request_object_signing_alg_values_supported"]
    assert not {"email", "address", "phone"} & set(metadata["scopes_supported"])


def test_a_person_who_is_logged_in_is_not_asked_again_with_prompt_none(
    server: AuthorizationServer, client: Client
) -> None:
    first = redeemed(client, answer_to(server, client)["code"])
    answer = answer_to(server, client, prompt="none", max_age="10000", id_token_hint=first["id_token"])
    second = redeemed(client, answer["code"])
    claims = [jwt.decode(t["id_token"], options={"verify_signature": False}) for t in (first, second)]
    assert claims[0]["sub"] == claims[1]["sub"]
    assert claims[0]["auth_time"] == claims[1]["auth_time"]
