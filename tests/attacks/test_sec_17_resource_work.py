"""SEC-17 at the resource service: requests made to be expensive never keep the event loop from the others."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from resource_service.main import create_app
from resource_service.settings import ResourceSettings
from shared.jose import thumbprint
from shared.public_keys import MAX_EXPONENT_BITS, MODULUS_BITS
from tests.attacks.cost import Cost, cost_of, forged, seconds_to_verify
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import SECRET
from tests.shared.rsa_keys import WIDE, rsa_key

pytestmark = [pytest.mark.long, pytest.mark.requirement("SEC-17", "BOUND-1"), pytest.mark.anyio]

RESOURCE = "http://127.0.0.1:8000/mcp"
POLICY = """
scopes: {read: Read, admin: Do everything}
default: admin
resources: {"notes://secret": admin, "notes://*": read}
"""
SLOWEST = rsa_key(MODULUS_BITS.stop - 1, (1 << MAX_EXPONENT_BITS) - 1)
SHOWN = {
    "a long exponent": rsa_key(3_072, WIDE),
    "a long modulus": rsa_key(16_384, (1 << MAX_EXPONENT_BITS) - 1),
    "the slowest key": SLOWEST,
}
MANY = 100_000


@pytest.fixture
def issuer() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer().start()
    yield server
    server.stop()


@asynccontextmanager
async def service(issuer: AuthorizationServer, directory: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The service in this process, in front of an upstream that nothing here reaches."""
    (directory / "policy.yaml").write_text(POLICY)
    settings = ResourceSettings(
        resource=RESOURCE,
        issuer=issuer.url,
        resource_secret=SecretStr(SECRET),
        upstream="http://127.0.0.1:9/mcp",
        policy=directory / "policy.yaml",
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=RESOURCE, timeout=60) as http:
            yield http


def token_for(issuer: AuthorizationServer, **members: object) -> str:
    """A token that `issuer` says is good, and has no scope."""
    token = secrets.token_hex()
    issuer.tokens[token] = {
        "active": True,
        "scope": "",
        "client_id": "client-1",
        "sub": "user-1",
        "iss": issuer.url,
        "aud": RESOURCE,
        "exp": int(time.time()) + 600,
        **members,
    }
    return token


def proven(http: httpx2.AsyncClient, token: str, key: Mapping[str, Any]) -> httpx2.Request:
    """A request whose proof is right in all but its signature."""
    ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    claims = {"htm": "POST", "htu": RESOURCE, "iat": int(time.time()), "jti": secrets.token_hex(), "ath": ath}
    proof = forged(claims, key, typ="dpop+jwt", jwk=dict(key))
    return http.build_request("POST", RESOURCE, headers={"Authorization": f"DPoP {token}", "DPoP": proof})


@pytest.mark.parametrize("header", SHOWN)
async def test_nothing_is_verified_for_a_junk_token(
    header: str, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    async with service(issuer, tmp_path) as http:
        ordinary = await cost_of(http.send, lambda: proven(http, "junk", rsa_key()), {401})
        attack = await cost_of(http.send, lambda: proven(http, "junk", SHOWN[header]), {401})
    # The issuer, which is in this process too, has as much to do both times.
    assert attack.total_s < ordinary.total_s + seconds_to_verify(SHOWN[header]) / 2


async def test_the_proof_of_a_good_token_is_verified_off_the_event_loop(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    async def cost(key: Mapping[str, Any]) -> Cost:
        token = token_for(issuer, token_type="DPoP", cnf={"jkt": thumbprint(key)})
        async with service(issuer, tmp_path) as http:
            refusal = await http.send(proven(http, token, key))
            assert "cannot be verified" in refusal.text
            return await cost_of(http.send, lambda: proven(http, token, key), {401})

    ordinary, attack = await cost(rsa_key()), await cost(SLOWEST)
    assert attack.blocked_s < ordinary.blocked_s + seconds_to_verify(SLOWEST) / 2


def reading(path: str, more: str = "") -> bytes:
    params = f'{{"uri":"notes://{path}","more":"{more}"}}'
    return f'{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{params}}}'.encode()


UP, ALONG = "a/" * MANY + "../" * MANY, "a/" * MANY + "bb/" * MANY
CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":%s}}'

# What is expensive, and what is as long and is not.
BODIES = {
    "segments that go up again": (reading(UP), reading("a", ALONG)),
    "the same, encoded": (reading(UP.replace("..", "%2e%2E")), reading("a", ALONG.replace("bb", "%62%62"))),
    "arrays in arrays": (b"[" * MANY + b"]" * MANY, CALL % (b"[" + b"[]," * (MANY // 2) + b"1]")),
    "objects in objects": (b'{"a":' * MANY + b"1" + b"}" * MANY, CALL % (b"[" + b"[1,1]," * MANY + b"1]")),
    "arrays in an argument": (CALL % (b"[" * MANY + b"]" * MANY), CALL % (b"[" + b"[]," * MANY + b"1]")),
}


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_made_to_be_expensive_blocks_no_longer_than_one_as_long(
    body: str, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    hostile, harmless = BODIES[body]
    token = token_for(issuer)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with service(issuer, tmp_path) as http:

        def posting(content: bytes) -> httpx2.Request:
            return http.build_request("POST", RESOURCE, content=content, headers=headers)

        ordinary = await cost_of(http.send, lambda: posting(harmless), {400, 403})
        attack = await cost_of(http.send, lambda: posting(hostile), {400, 403})
    assert attack.blocked_s < 2 * ordinary.blocked_s
