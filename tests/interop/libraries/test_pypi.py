"""Authlib and requests-oauthlib as clients, joserfc as the one who checks signatures."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc import jwt
from joserfc.jwk import KeySet
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as PlainSession

from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, AuthorizationServer
from tests.flow import REDIRECT_URI
from tests.interop.libraries.conftest import JWT_RESOURCE

SCOPE = "openid profile offline_access notes:read"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def redirected(server: AuthorizationServer, url: str) -> str:
    """Where the person ends up after agreeing."""
    return f"{REDIRECT_URI}?{urlencode(server.person.authorize(url))}"


def verified(server: AuthorizationServer, text: str) -> Any:
    """By joserfc, from the published keys."""
    keys = KeySet.import_key_set(server.get("/jwks").json())
    return jwt.decode(text, keys, algorithms=["RS256", "ES256"])


@pytest.fixture
def metadata(server: AuthorizationServer) -> Any:
    return server.get("/.well-known/openid-configuration").json()


@pytest.mark.requirement("AS-11", "AS-13", "AS-16")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_walks_the_code_flow(
    server: AuthorizationServer, metadata: dict[str, Any], method: str
) -> None:
    client = server.register(token_endpoint_auth_method=method).information
    with OAuth2Session(
        client["client_id"],
        client["client_secret"],
        token_endpoint_auth_method=method,
        scope=SCOPE,
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        trust_env=False,
    ) as session:
        verifier = "v" * 43
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, nonce="n", resource=RESOURCE
        )
        back = redirected(server, url)
        tokens = session.fetch_token(
            metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state
        )
        assert session.get(metadata["userinfo_endpoint"]).json()["preferred_username"] == "wesen"
        claims = verified(server, tokens["id_token"]).claims
        assert (claims["nonce"], claims["aud"]) == ("n", client["client_id"])
        again = session.refresh_token(metadata["token_endpoint"])
        introspection = session.introspect_token(metadata["introspection_endpoint"], again["access_token"])
        assert introspection.json()["active"] is True
        assert session.revoke_token(metadata["revocation_endpoint"], again["refresh_token"]).ok
        assert not server.is_active(again["access_token"])


@pytest.mark.requirement("AS-11", "EXT-1")
def test_authlib_signs_for_itself(server: AuthorizationServer, metadata: dict[str, Any]) -> None:
    pair = KeyPair("RS256")
    client = server.register(
        grant_types=["client_credentials"], token_endpoint_auth_method="private_key_jwt", jwks=pair.jwks
    ).information
    key = {**json.loads(json.dumps(_private_jwk(pair))), "kid": pair.kid}
    with OAuth2Session(
        client["client_id"], key, token_endpoint_auth_method="private_key_jwt", trust_env=False
    ) as session:
        session.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"]))
        tokens = session.fetch_token(
            metadata["token_endpoint"], grant_type="client_credentials", resource=RESOURCE
        )
    assert server.is_active(tokens["access_token"])


def _private_jwk(pair: KeyPair) -> dict[str, Any]:
    from jwt.algorithms import RSAAlgorithm

    assert isinstance(pair.key, RSAPrivateKey)
    text = RSAAlgorithm.to_jwk(pair.key, as_dict=True)
    return {name: value for name, value in text.items() if name != "key_ops"}


@pytest.mark.requirement("AS-11", "AS-13")
@pytest.mark.parametrize("in_body", [False, True])
def test_requests_oauthlib_walks_the_code_flow(
    server: AuthorizationServer, metadata: dict[str, Any], in_body: bool
) -> None:
    method = "client_secret_post" if in_body else "client_secret_basic"
    client = server.register(token_endpoint_auth_method=method).information
    client_id, secret = client["client_id"], client["client_secret"]
    with PlainSession(client_id, redirect_uri=REDIRECT_URI, scope=SCOPE.split(), pkce="S256") as session:
        session.trust_env = False
        url, _ = session.authorization_url(metadata["authorization_endpoint"], resource=RESOURCE)
        way: dict[str, Any] = {"auth": HTTPBasicAuth(client_id, secret)}
        if in_body:
            way = {"client_secret": secret, "include_client_id": True}
        tokens = session.fetch_token(
            metadata["token_endpoint"], authorization_response=redirected(server, url), **way
        )
        assert session.get(metadata["userinfo_endpoint"]).json()["preferred_username"] == "wesen"
        extra = {"client_id": client_id, "client_secret": secret} if in_body else {}
        again = session.refresh_token(
            metadata["token_endpoint"], tokens["refresh_token"], auth=way.get("auth"), **extra
        )
    assert server.is_active(again["access_token"])


@pytest.mark.requirement("AS-19")
def test_joserfc_verifies_a_jwt_access_token(server: AuthorizationServer) -> None:
    token = verified(server, server.connect(resource=JWT_RESOURCE, scope="notes:read")["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert (token.claims["aud"], token.claims["iss"]) == (JWT_RESOURCE, server.issuer)
    jwt.JWTClaimsRegistry(exp={"essential": True}, sub={"essential": True}).validate(token.claims)


@pytest.mark.requirement("AS-15")
def test_joserfc_verifies_a_signed_introspection_answer(server: AuthorizationServer) -> None:
    token = server.connect(resource=RESOURCE)["access_token"]
    response = server.http.post(
        f"{server.origin}/introspect",
        data={"token": token},
        auth=("resource", RESOURCE_SECRET),
        headers={"Accept": "application/token-introspection+jwt"},
    )
    answer = verified(server, response.text)
    assert answer.header["typ"] == "token-introspection+jwt"
    assert answer.claims["token_introspection"]["active"] is True
