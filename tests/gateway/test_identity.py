"""The information about the caller that the upstream receives, and what it never receives (RS-5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwt
from jose.exceptions import JWTError

from resource_service.identity_token import LIFETIME_S
from tests.gateway.exchange import LISTEN, MESSAGE, PING, results
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.proving import Prover
from tests.resource_service.service import Service, bearer, token_for

pytestmark = pytest.mark.requirement("RS-5", "SEC-11")
JWKS = "/.well-known/jwks.json"


@pytest.fixture(autouse=True)
def answering(upstream: AuthorizationServer) -> None:
    upstream.replies["/mcp"] = results()


def identity_headers(
    client: httpx2.Client, upstream: AuthorizationServer, headers: dict[str, str]
) -> dict[str, str]:
    """The headers that the upstream gets with a request of `headers`."""
    upstream.questions.clear()
    assert client.post("/mcp", headers=MESSAGE | headers, json=PING).status_code == 200
    return upstream.questions[0].headers


def claims_of(token: str, keys: dict[str, Any], audience: str) -> dict[str, Any]:
    """The claims of an identity token, verified as an upstream would."""
    claims: dict[str, Any] = jwt.decode(token, keys, algorithms=["ES256"], audience=audience)
    return claims


def test_the_upstream_is_told_who_calls(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    headers = identity_headers(client, upstream, bearer(token_for(scripted, issuer)))
    assert headers["x-doorward-subject"] == "user-1"
    assert headers["x-doorward-username"] == "wesen"
    assert headers["x-doorward-client"] == "client-1"
    assert headers["x-doorward-scopes"] == "notes:read notes:write"


def test_the_identity_token_is_verified_with_the_published_keys_and_short(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    before = int(time.time())
    token = identity_headers(client, upstream, bearer(token_for(scripted, issuer)))["x-doorward-identity"]
    published = client.get(JWKS)
    assert published.headers["access-control-allow-origin"] == "*"
    claims = claims_of(token, published.json(), audience=f"{upstream.url}/mcp")
    assert (claims["iss"], claims["sub"], claims["client_id"]) == (scripted.resource, "user-1", "client-1")
    assert claims["preferred_username"] == "wesen"
    assert claims["scope"] == "notes:read notes:write"
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == LIFETIME_S <= 60
    assert jwt.get_unverified_header(token)["kid"] == published.json()["keys"][0]["kid"]
    assert {"d", "k", "p"}.isdisjoint(published.json()["keys"][0])
    with pytest.raises(JWTError):
        claims_of(token, published.json(), audience="https://another.example/mcp")
    again = identity_headers(client, upstream, bearer(token_for(scripted, issuer)))["x-doorward-identity"]
    assert claims_of(again, published.json(), audience=f"{upstream.url}/mcp")["jti"] != claims["jti"]


def test_the_identity_token_ends_with_the_access_token(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    ends = int(time.time()) + 20
    token = identity_headers(client, upstream, bearer(token_for(scripted, issuer, exp=ends)))[
        "x-doorward-identity"
    ]
    assert jwt.get_unverified_claims(token)["exp"] == ends


def test_the_client_s_token_is_in_nothing_that_the_upstream_gets(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    token = token_for(scripted, issuer)
    copies = {"X-Auth-Token": token, "X-Copy": f"Bearer {token}", "Cookie": f"t={token}", "DPoP": "proof"}
    headers = identity_headers(client, upstream, bearer(token) | copies)
    assert token not in str(headers)
    assert {"authorization", "cookie", "dpop", "x-auth-token", "x-copy"}.isdisjoint(headers)
    client.get("/mcp", headers=bearer(token) | LISTEN)
    assert token not in str(upstream.questions[-1])


@pytest.mark.requirement("EXT-3")
def test_a_proof_of_possession_is_in_nothing_that_the_upstream_gets(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    prover = Prover.known(scripted, issuer, client)
    proof = prover.proof("POST", "/mcp")
    copies = {"X-Copy": proof, "X-Proof": f"DPoP {proof}", "DPoP-Nonce": "n"}
    response = prover.send("POST", "/mcp", proof, headers=MESSAGE | copies, json=PING)
    assert response.status_code == 200
    assert proof not in str(upstream.questions)
    assert prover.token not in str(upstream.questions)
    assert "dpop" not in upstream.questions[0].headers


@pytest.mark.requirement("EXT-3")
def test_an_upstream_s_nonce_does_not_reach_the_client(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    upstream.replies["/mcp"] = results("DPoP-Nonce: of the upstream", "X-Other: of the upstream")
    response = Prover.known(scripted, issuer, client).send("POST", "/mcp", headers=MESSAGE, json=PING)
    assert response.headers["x-other"] == "of the upstream"
    assert "dpop-nonce" not in response.headers


@pytest.mark.parametrize(
    "name",
    [
        "X-Doorward-Subject",
        "X-Doorward-Username",
        "X_Doorward_Username",
        "x-doorward-subject",
        "X-DOORWARD-CLIENT",
        "X_Doorward_Subject",
        "X-Doorward_Scopes",
        "x_doorward-identity",
        "X-Doorward-Admin",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded-Host",
        "X-Forwarded-User",
        "Forwarded",
        "X-Real-IP",
        "Proxy-Authorization",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "Mcp_Session_Id",
        "X-Request-Id",
        "Origin",
        "Sec-Fetch-Site",
    ],
)
def test_what_only_the_gateway_says_is_stripped_from_what_came_in(
    name: str,
    client: httpx2.Client,
    scripted: Service,
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    forged = "http://localhost:1" if name == "Origin" else "forged"
    headers = identity_headers(client, upstream, bearer(token_for(scripted, issuer)) | {name: forged})
    assert forged not in headers.values()
    assert headers["x-doorward-subject"] == "user-1"


@pytest.mark.parametrize("username", [None, "client-1"])
def test_a_client_that_acts_for_itself_has_no_subject_and_no_name(
    username: str | None,
    client: httpx2.Client,
    scripted: Service,
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    token = token_for(scripted, issuer, sub=None, username=username, scope=None)
    forged = {"X-Doorward-Subject": "somebody", "X-Doorward-Username": "somebody"}
    headers = identity_headers(client, upstream, bearer(token) | forged)
    assert {"x-doorward-subject", "x-doorward-username"}.isdisjoint(headers)
    assert (headers["x-doorward-client"], headers["x-doorward-scopes"]) == ("client-1", "")
    assert {"sub", "preferred_username"}.isdisjoint(jwt.get_unverified_claims(headers["x-doorward-identity"]))


@pytest.mark.parametrize(
    "subject",
    ["jürgen ☃", "a\r\nX-Doorward-Client: other", " spaced ", "100%25", "\x00\x7f", "tab\there"],
)
def test_whatever_a_subject_holds_it_is_one_safe_header_that_decodes_to_it(
    subject: str,
    client: httpx2.Client,
    scripted: Service,
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    headers = identity_headers(client, upstream, bearer(token_for(scripted, issuer, sub=subject)))
    sent = headers["x-doorward-subject"]
    assert sent.isascii()
    assert sent.isprintable()
    assert unquote(sent, errors="surrogatepass") == subject
    assert headers["x-doorward-client"] == "client-1"
    assert jwt.get_unverified_claims(headers["x-doorward-identity"])["sub"] == subject


@pytest.mark.parametrize("username", ["jürgen ☃", "a\r\nX-Doorward-Client: other", "100%25", "\x00\x7f"])
def test_whatever_a_username_holds_it_is_one_safe_header_that_decodes_to_it(
    username: str,
    client: httpx2.Client,
    scripted: Service,
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    headers = identity_headers(client, upstream, bearer(token_for(scripted, issuer, username=username)))
    sent = headers["x-doorward-username"]
    assert sent.isascii()
    assert sent.isprintable()
    assert unquote(sent) == username
    assert headers["x-doorward-client"] == "client-1"
    claims = jwt.get_unverified_claims(headers["x-doorward-identity"])
    assert claims["preferred_username"] == username


def test_the_client_is_told_no_name(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    token = token_for(scripted, issuer, username="the-name-of-the-user")
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert upstream.questions[0].headers["x-doorward-username"] == "the-name-of-the-user"
    assert "the-name-of-the-user" not in response.text + str(response.headers)


def test_an_introspection_response_with_a_lone_surrogate_is_refused(
    client: httpx2.Client, scripted: Service, issuer: AuthorizationServer
) -> None:
    response = client.get("/mcp", headers=bearer(token_for(scripted, issuer, sub="\ud800")))
    assert response.status_code == 503


@pytest.fixture
def configured(
    issuer: AuthorizationServer, upstream: AuthorizationServer, tmp_path: Path
) -> Iterator[tuple[Service, ec.EllipticCurvePrivateKey]]:
    """A gateway that was given a key, and a credential for the upstream."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings = {
        "upstream_authorization": "Basic dXBzdHJlYW06c2VjcmV0",
        "identity_key": pem.replace("\n", "\\n"),
    }
    with gateway(issuer, tmp_path, f"{upstream.url}/mcp?key=1", **settings) as service:
        yield service, key


def test_a_key_and_a_credential_for_the_upstream_can_be_given(
    configured: tuple[Service, ec.EllipticCurvePrivateKey],
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    service, key = configured
    with httpx2.Client(base_url=service.origin, timeout=30, trust_env=False) as client:
        headers = identity_headers(client, upstream, bearer(token_for(service, issuer)))
        assert headers["authorization"] == "Basic dXBzdHJlYW06c2VjcmV0"
        assert upstream.questions[0].target == "/mcp?key=1"
        client.post("/mcp?key=2", headers=bearer(token_for(service, issuer)) | MESSAGE, json=PING)
        assert upstream.questions[1].target == "/mcp?key=1"  # what is configured stands
    own_key = key.public_key().public_numbers()
    claims = claims_of(headers["x-doorward-identity"], _jwk(own_key), f"{upstream.url}/mcp?key=1")
    assert claims["sub"] == "user-1"
    assert "dXBzdHJlYW06c2VjcmV0" not in service.log_file.read_text()


def _jwk(numbers: ec.EllipticCurvePublicNumbers) -> dict[str, Any]:
    from jose.utils import base64url_encode

    x, y = (base64url_encode(number.to_bytes(32, "big")).decode() for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256"}
