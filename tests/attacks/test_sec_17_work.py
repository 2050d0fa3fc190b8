"""SEC-17: requests made to be expensive never keep the event loop from everybody else's."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth_service.clients.repository import ClientRepository
from auth_service.main import create_app
from auth_service.settings import AuthSettings
from auth_service.storage import open_store
from shared.clock import system_clock
from tests.auth_service.keypair import ASSERTION_TYPE, KeyPair
from tests.auth_service.service import USUAL
from tests.shared.test_public_keys import WIDE, number, rsa_key

pytestmark = [pytest.mark.requirement("SEC-17", "BOUND-1"), pytest.mark.anyio]

ISSUER = "http://127.0.0.1:9000"
BLOCKED_S = 0.05
AT_ONCE = 8
DEEP = '{"a":' * 941 + "1" + "}" * 941


class Loop:
    """Measures how much processor time the event loop spends without a pause."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def __aenter__(self) -> Loop:
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            self.longest_s = max(self.longest_s, time.thread_time() - before)


Attack = Callable[[httpx2.AsyncClient, str], Awaitable[httpx2.Request]]


def wide_keys(count: int) -> list[dict[str, Any]]:
    return [rsa_key(3_072, WIDE) for _ in range(count)]


def large_public() -> dict[str, str]:
    """A key that is as slow as any may be, and as nobody's is."""
    return {**rsa_key(8_192), "e": number((1 << 64) - 1)}


async def assertion(http: httpx2.AsyncClient, client_id: str) -> httpx2.Request:
    signed = KeyPair("RS256").assertion(client_id, ISSUER, now=time.time())
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_assertion_type": ASSERTION_TYPE}
    return http.build_request("POST", "/token", data={**form, "client_assertion": signed})


async def request_object(http: httpx2.AsyncClient, client_id: str) -> httpx2.Request:
    signed = KeyPair("RS256").sign({"iss": client_id, "aud": ISSUER})
    return http.build_request("GET", "/authorize", params={"client_id": client_id, "request": signed})


def proof_with(key: Callable[[], dict[str, Any]]) -> Attack:
    async def attack(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
        nonce = (await http.send(await proof_sent(http, {}, None))).headers.get("dpop-nonce")
        return await proof_sent(http, key(), nonce)

    return attack


async def proof_sent(http: httpx2.AsyncClient, key: dict[str, Any], nonce: str | None) -> httpx2.Request:
    pair = KeyPair("RS256")
    proof = pair.proof("POST", f"{ISSUER}/token", nonce=nonce, jwk=key or pair.public)
    return http.build_request("POST", "/token", data={"grant_type": "refresh_token"}, headers={"DPoP": proof})


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
    keys = {"redirect_uris": ["http://localhost/"], "jwks": {"keys": wide_keys(20)}}
    return http.build_request("POST", "/register", json=keys)


async def long_scope(http: httpx2.AsyncClient, client_id: str) -> httpx2.Request:
    scope = " ".join(f"s{number}" for number in range(9_000))
    return http.build_request("POST", "/authorize", data={"client_id": client_id, "scope": scope})


async def long_url(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
    return http.build_request("GET", "/authorize?client_id=" + "a" * 60_000)


async def many_headers(http: httpx2.AsyncClient, _: str) -> httpx2.Request:
    forwarded = [("X-Forwarded-For", "1.2.3.4, " * 100) for _ in range(199)]
    return http.build_request("POST", "/token", headers=forwarded)


ATTACKS: dict[str, tuple[Attack, set[int]]] = {
    "assertions over keys with long exponents": (assertion, {401}),
    "request objects over such keys": (request_object, {400}),
    "proofs with such keys": (proof_with(lambda: rsa_key(3_072, WIDE)), {400}),
    "proofs with the largest keys": (proof_with(large_public), {400, 503}),
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
    made, expected = ATTACKS[attack]
    store = open_store(f"sqlite:///{tmp_path}/store")
    settings = AuthSettings(**{"issuer": ISSUER, "store": "sqlite:///unused", **USUAL})
    metadata = {
        "redirect_uris": ["http://localhost/"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": wide_keys(4)},
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    client_id = (
        await ClientRepository(store, system_clock).register(metadata, unused_ttl_s=None)
    ).client.client_id
    app = create_app(settings, store)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=ISSUER, timeout=60) as http:
            first, *others = [await made(http, client_id) for _ in range(AT_ONCE + 1)]
            await http.send(first)  # what is imported and cached at the first time
            async with Loop() as loop:
                answers = await asyncio.gather(*map(http.send, others))
    assert {answer.status_code for answer in answers} <= expected, answers[0].text
    assert loop.longest_s < BLOCKED_S
