"""SEC-17: requests made to be expensive never keep the event loop from everybody else's."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth_service.clients.repository import ClientRepository
from auth_service.main import create_app
from auth_service.settings import AuthSettings
from shared.clock import system_clock
from shared.public_keys import MAX_CANDIDATES, MAX_EXPONENT_BITS, MODULUS_BITS
from shared.storage import open_store
from tests.attacks.cost import Cost, cost_of, forged, seconds_to_verify
from tests.auth_service.keypair import ASSERTION_TYPE, KeyPair
from tests.auth_service.service import USUAL
from tests.shared.rsa_keys import WIDE, rsa_key

pytestmark = [pytest.mark.long, pytest.mark.requirement("SEC-17", "BOUND-1"), pytest.mark.anyio]

ISSUER = "http://127.0.0.1:9000"
BLOCKED_S = 0.05
AT_ONCE = 8
IN_PARALLEL = 12
DEEP = '{"a":' * 941 + "1" + "}" * 941

Claims = Mapping[str, Any]
Keys = list[dict[str, Any]]


def keys(count: int, n_bits: int, e: int = 65_537) -> Keys:
    """Public keys that nobody has the private half of."""
    return [rsa_key(n_bits, e) for _ in range(count)]


SLOWEST = MODULUS_BITS.stop - 1, (1 << MAX_EXPONENT_BITS) - 1
"""The key that takes longest of those that are verified with."""

# Beyond these sizes OpenSSL refuses to compute. Within them it is up to us.
LONG_EXPONENT = 3_072, WIDE
LONG_MODULUS = 16_384, (1 << MAX_EXPONENT_BITS) - 1

# As many as are tried, as many as one may register, and as many as a fetched key set has room for.
REGISTERED: dict[str, Keys] = {
    "few keys with long exponents": keys(MAX_CANDIDATES, *LONG_EXPONENT),
    "few keys with long moduli": keys(MAX_CANDIDATES, *LONG_MODULUS),
    "few keys, each as slow as may be": keys(MAX_CANDIDATES, *SLOWEST),
    "20 keys with long exponents": keys(20, *LONG_EXPONENT),
    "20 keys, each as slow as may be": keys(20, *SLOWEST),
    "80 ordinary keys": keys(80, 4_096),
}
SHOWN = {
    "a long exponent": rsa_key(*LONG_EXPONENT),
    "a long modulus": rsa_key(*LONG_MODULUS),
    "the slowest key": rsa_key(*SLOWEST),
}


@asynccontextmanager
async def service(directory: Path, registered: Keys) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    """The service in this process, and a client of it that has those keys."""
    store = open_store(f"sqlite:///{directory}/store")
    settings = AuthSettings(**{"issuer": ISSUER, "store": "sqlite:///unused", **USUAL})
    metadata = {
        "redirect_uris": ["http://localhost/"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": registered},
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    # Past the endpoint, which would refuse some of it: keys also come from a jwks_uri.
    clients = ClientRepository(store, system_clock)
    client_id = (await clients.register(metadata, unused_ttl_s=None)).client.client_id
    app = create_app(settings, store)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=ISSUER, timeout=60) as http:
            yield http, client_id


def assertion(http: httpx2.AsyncClient, client_id: str, key: Mapping[str, Any]) -> httpx2.Request:
    """Credentials without a kid, which any key of that size may have signed."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": ISSUER, "exp": now + 60, "jti": secrets.token_hex()}
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_assertion_type": ASSERTION_TYPE}
    return http.build_request("POST", "/token", data={**form, "client_assertion": forged(claims, key)})


async def assertions_cost(directory: Path, registered: Keys, *, at_once: int = 1) -> Cost:
    async with service(directory, registered) as (http, client_id):
        return await cost_of(
            http.send, lambda: assertion(http, client_id, registered[0]), {401, 503}, at_once=at_once
        )


def proof(http: httpx2.AsyncClient, key: Mapping[str, Any], nonce: str | None) -> httpx2.Request:
    claims = {"htm": "POST", "htu": f"{ISSUER}/token", "iat": int(time.time()), "jti": secrets.token_hex()}
    header = forged({**claims, "nonce": nonce}, key, typ="dpop+jwt", jwk=dict(key))
    return http.build_request(
        "POST", "/token", data={"grant_type": "refresh_token"}, headers={"DPoP": header}
    )


async def proofs_cost(directory: Path, key: Mapping[str, Any], *, at_once: int = 1) -> Cost:
    async with service(directory, []) as (http, _):
        # A key is not computed with before the nonce is right, which anybody is given.
        nonce = (await http.send(proof(http, rsa_key(), None))).headers["dpop-nonce"]
        refused = await http.send(proof(http, rsa_key(), nonce))
        assert refused.json()["error"] == "invalid_dpop_proof"
        return await cost_of(http.send, lambda: proof(http, key, nonce), {400, 503}, at_once=at_once)


@pytest.mark.parametrize("registered", REGISTERED)
async def test_an_assertion_costs_little_whatever_keys_are_registered(
    registered: str, tmp_path: Path
) -> None:
    own = REGISTERED[registered]
    ordinary = await assertions_cost(tmp_path / "ordinary", keys(1, 2_048))
    attack = await assertions_cost(tmp_path / "attack", own)
    # The loop verifies with none of these keys, and with few of the slowest a thread does.
    assert attack.blocked_s < ordinary.blocked_s + seconds_to_verify(*own) / 2
    threads_s = seconds_to_verify(*own) if registered == "few keys, each as slow as may be" else 0
    assert attack.total_s < ordinary.total_s + 2 * threads_s + seconds_to_verify(*own) / 2


@pytest.mark.parametrize("proof", SHOWN)
async def test_a_junk_proof_costs_little_whatever_key_it_shows(proof: str, tmp_path: Path) -> None:
    key = SHOWN[proof]
    ordinary = await proofs_cost(tmp_path / "ordinary", rsa_key())
    attack = await proofs_cost(tmp_path / "attack", key)
    assert attack.blocked_s < ordinary.blocked_s + seconds_to_verify(key) / 2
    threads_s = seconds_to_verify(key) if proof == "the slowest key" else 0
    assert attack.total_s < ordinary.total_s + 2 * threads_s + seconds_to_verify(key) / 2


@pytest.mark.parametrize("registered", ["few keys, each as slow as may be", "80 ordinary keys"])
async def test_many_junk_assertions_at_once_block_no_longer_than_ordinary_ones(
    registered: str, tmp_path: Path
) -> None:
    own = REGISTERED[registered]
    ordinary = await assertions_cost(tmp_path / "ordinary", keys(1, 2_048), at_once=IN_PARALLEL)
    attack = await assertions_cost(tmp_path / "attack", own, at_once=IN_PARALLEL)
    assert attack.blocked_s < 2 * ordinary.blocked_s + seconds_to_verify(*own)


Attack = Callable[[httpx2.AsyncClient, str], Awaitable[httpx2.Request]]


async def request_object(http: httpx2.AsyncClient, client_id: str) -> httpx2.Request:
    signed = forged({"iss": client_id, "aud": ISSUER}, rsa_key(*SLOWEST))
    return http.build_request("GET", "/authorize", params={"client_id": client_id, "request": signed})


async def deep_registration(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
    return http.build_request("POST", "/register", content=DEEP, headers={"Content-Type": "application/json"})


async def deep_keys(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
    return http.build_request("POST", "/register", json={"jwks": {"keys": [json.loads("[" * 60 + "]" * 60)]}})


async def deep_claims(http: httpx2.AsyncClient, client_id: str) -> httpx2.Request:
    return http.build_request("GET", "/authorize", params={"client_id": client_id, "claims": DEEP})


async def deep_assertion(http: httpx2.AsyncClient, client_id: str) -> httpx2.Request:
    deep = json.loads("[" * 200 + "]" * 200)
    signed = KeyPair().assertion(client_id, ISSUER, now=time.time(), deep=deep)
    form = {"grant_type": "x", "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
    return http.build_request("POST", "/token", data=form)


async def wide_registration(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
    metadata = {"redirect_uris": ["http://localhost/"], "jwks": {"keys": keys(20, *LONG_EXPONENT)}}
    return http.build_request("POST", "/register", json=metadata)


async def long_scope(http: httpx2.AsyncClient, client_id: str) -> httpx2.Request:
    scope = " ".join(f"s{number}" for number in range(9_000))
    return http.build_request("POST", "/authorize", data={"client_id": client_id, "scope": scope})


async def long_url(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
    return http.build_request("GET", "/authorize?client_id=" + "a" * 60_000)


async def many_headers(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
    forwarded = [("X-Forwarded-For", "1.2.3.4, " * 100) for _ in range(199)]
    return http.build_request("POST", "/token", headers=forwarded)


ATTACKS: dict[str, tuple[Attack, set[int]]] = {
    "request objects over slow keys": (request_object, {400}),
    "keys too large": (wide_registration, {400}),
    "deep metadata": (deep_registration, {400}),
    "deep keys": (deep_keys, {400}),
    "deep claims": (deep_claims, {303, 400}),
    "deep assertions": (deep_assertion, {401}),
    "long scopes": (long_scope, {200, 303, 400}),
    "long URLs": (long_url, {414}),
    "large headers": (many_headers, {431}),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_expensive_request_does_not_block_the_event_loop(attack: str, tmp_path: Path) -> None:
    attempt, expected = ATTACKS[attack]
    async with service(tmp_path, REGISTERED["few keys, each as slow as may be"]) as (http, client_id):
        request = await attempt(http, client_id)
        cost = await cost_of(http.send, lambda: request, expected, at_once=AT_ONCE)
    assert cost.blocked_s < BLOCKED_S
