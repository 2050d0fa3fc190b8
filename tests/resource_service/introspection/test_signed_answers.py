"""Answers that the issuer must have signed (RFC 9701): any other answer says nothing about a token."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import (
    AuthorizationServer,
    Reply,
    answer,
    answer_json,
    hang,
)
from tests.resource_service.service import Service, bearer, running, token_for

pytestmark = pytest.mark.requirement("RS-7", "SEC-15")
TYPE = "token-introspection+jwt"
PAIRS = {alg: KeyPair(alg) for alg in ("RS256", "ES256")}
PUBLISHED = {"keys": [key for pair in PAIRS.values() for key in pair.jwks["keys"]]}


@pytest.fixture(scope="module")
def careful(
    issuer_running: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that takes signed answers only."""
    settings = {"signed_introspection": "true", "introspection_timeout_s": "1"}
    with running(issuer_running, tmp_path_factory.mktemp("careful"), **settings) as service:
        yield service


@pytest.fixture
def client(careful: Service, issuer: AuthorizationServer) -> Iterator[httpx2.Client]:
    issuer.replies["/jwks"] = answer_json(PUBLISHED)
    with httpx2.Client(base_url=careful.origin, timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def token(careful: Service, issuer: AuthorizationServer) -> str:
    return token_for(careful, issuer)


def claims(issuer: AuthorizationServer, token: str, **changes: Any) -> dict[str, Any]:
    """Those of a good answer about `token`; a claim of None is left out."""
    good = {
        "iss": issuer.url,
        "aud": "resource",
        "iat": int(time.time()),
        "token_introspection": issuer.tokens.get(token, {"active": False}),
        **changes,
    }
    return {name: value for name, value in good.items() if value is not None}


def as_jwt(text: str) -> Reply:
    return answer(200, text.encode(), f"Content-Type: application/{TYPE}")


@pytest.mark.parametrize("alg", PAIRS)
def test_a_signed_answer_lets_in_and_a_signed_no_is_a_no(
    alg: str, client: httpx2.Client, issuer: AuthorizationServer, token: str
) -> None:
    issuer.replies["/introspect"] = as_jwt(PAIRS[alg].sign(claims(issuer, token), TYPE))
    assert client.get("/hello", headers=bearer(token)).status_code == 200
    assert issuer.requests_to()[-1].headers["accept"] == f"application/{TYPE}"
    issuer.replies["/introspect"] = as_jwt(PAIRS[alg].sign(claims(issuer, "unknown"), TYPE))
    refused = client.get("/hello", headers=bearer("unknown"))
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_the_keys_are_fetched_once_and_not_for_each_answer(
    client: httpx2.Client, issuer: AuthorizationServer, token: str
) -> None:
    issuer.replies["/introspect"] = as_jwt(PAIRS["ES256"].sign(claims(issuer, token), TYPE))
    assert {client.get("/hello", headers=bearer(token)).status_code for _ in range(5)} == {200}
    assert len(issuer.requests_to("/jwks")) <= 1


def test_what_is_inside_a_signed_answer_is_looked_at_like_any_other(
    client: httpx2.Client, issuer: AuthorizationServer, token: str
) -> None:
    issuer.tokens[token]["aud"] = "https://other.example/mcp"
    issuer.replies["/introspect"] = as_jwt(PAIRS["ES256"].sign(claims(issuer, token), TYPE))
    assert client.get("/hello", headers=bearer(token)).status_code == 401


def _unsigned(signed: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": TYPE}).encode()).rstrip(b"=").decode()
    return f"{header}.{signed.split('.')[1]}.AA"


def _with_the_public_key_as_secret(signed: str) -> str:
    # As old libraries did, which took the algorithm from the header and the key from the published ones.
    public = PAIRS["RS256"].key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": TYPE, "kid": PAIRS["RS256"].kid}
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    signing_input = f"{encoded}.{signed.split('.')[1]}".encode()
    mac = jwt.get_algorithm_by_name("HS256").sign(signing_input, public)
    return f"{signing_input.decode()}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


Make = Callable[[AuthorizationServer, str], Reply]
GOOD = PAIRS["ES256"]
NO_ANSWERS: dict[str, Make] = {
    "plain": lambda issuer, token: answer_json(issuer.tokens[token]),
    "plain no": lambda _issuer, _token: answer_json({"active": False}),
    "empty": lambda _issuer, _token: answer(200, b""),
    "not a string": lambda _issuer, _token: answer(200, b"\xff\xfe"),
    "stranger's key": lambda i, t: as_jwt(KeyPair().sign(claims(i, t), TYPE)),
    "stranger's key under our key's id": lambda i, t: as_jwt(
        KeyPair().sign(claims(i, t), TYPE, kid=GOOD.kid)
    ),
    "not signed": lambda i, t: as_jwt(_unsigned(GOOD.sign(claims(i, t), TYPE))),
    "public key as secret": lambda i, t: as_jwt(
        _with_the_public_key_as_secret(GOOD.sign(claims(i, t), TYPE))
    ),
    "another type": lambda i, t: as_jwt(GOOD.sign(claims(i, t), "at+jwt")),
    "no type": lambda i, t: as_jwt(GOOD.sign(claims(i, t), None)),
    "another issuer": lambda i, t: as_jwt(GOOD.sign(claims(i, t, iss="https://evil.example"), TYPE)),
    "for another": lambda i, t: as_jwt(GOOD.sign(claims(i, t, aud="other"), TYPE)),
    "for nobody": lambda i, t: as_jwt(GOOD.sign(claims(i, t, aud=None), TYPE)),
    "from before": lambda i, t: as_jwt(GOOD.sign(claims(i, t, iat=int(time.time()) - 90), TYPE)),
    "from the future": lambda i, t: as_jwt(GOOD.sign(claims(i, t, iat=int(time.time()) + 90), TYPE)),
    "of no time": lambda i, t: as_jwt(GOOD.sign(claims(i, t, iat=None), TYPE)),
    "no answer inside": lambda i, t: as_jwt(GOOD.sign(claims(i, t, token_introspection=None), TYPE)),
    "nonsense inside": lambda i, t: as_jwt(GOOD.sign(claims(i, t, token_introspection={"active": 1}), TYPE)),
    "the answer beside": lambda i, t: as_jwt(
        GOOD.sign({**i.tokens[t], **claims(i, t, token_introspection=None)}, TYPE)
    ),
}


@pytest.mark.parametrize("trouble", NO_ANSWERS)
def test_anything_else_is_503_and_never_401_or_200(
    trouble: str, client: httpx2.Client, issuer: AuthorizationServer, token: str
) -> None:
    issuer.replies["/introspect"] = NO_ANSWERS[trouble](issuer, token)
    response = client.get("/hello", headers=bearer(token))
    assert response.status_code == 503
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("keys", [hang, answer(500, b""), answer_json({"keys": "none"})])
def test_without_the_keys_nothing_is_known(
    keys: Reply, client: httpx2.Client, issuer: AuthorizationServer, token: str
) -> None:
    issuer.replies["/jwks"] = keys
    new = KeyPair()
    issuer.replies["/introspect"] = as_jwt(new.sign(claims(issuer, token), TYPE))
    assert client.get("/hello", headers=bearer(token)).status_code == 503
