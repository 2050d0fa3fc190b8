"""Signatures of the issuer are distinguished from forgeries, and from unverifiable ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from resource_service.authorization_server_client import http_client
from resource_service.introspection.issuer_keys import (
    JWKS_PATH,
    KEPT_S,
    MAX_BYTES,
    REFETCH_S,
    IssuerKeys,
    KeysUnavailableError,
)
from shared.jose import InvalidJwsError
from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import (
    AuthorizationServer,
    Question,
    Reply,
    answer,
    answer_json,
    break_off,
    hang,
    speak_nonsense,
    trickle,
)

pytestmark = pytest.mark.anyio

TYPE = "thing+jwt"
CLAIMS = {"sub": "somebody"}
TROUBLES: dict[str, Reply] = {
    "hangs": hang,
    "trickles": trickle,
    "breaks off": break_off,
    "speaks nonsense": speak_nonsense,
    "internal error": answer(500, b"oops"),
    "internal error with keys": answer_json({"keys": []}, 500),
    "not found": answer(404, b""),
    "moved": answer(302, b"", "Location: /elsewhere"),
    "html": answer(200, b"<html>"),
    "deeply nested": answer(200, b"[" * 60_000),
    "not an object": answer_json([]),
    "no keys": answer_json({}),
    "keys as text": answer_json({"keys": "none"}),
    "too large": answer_json({"keys": [], "x": "x" * MAX_BYTES}),
}


class Publication:
    """An issuer's key set, and a view of it that a test moves through time."""

    def __init__(self, issuer: AuthorizationServer) -> None:
        self.issuer = issuer
        self.now = 0.0
        self.http = http_client(timeout_s=30, max_connections=10)
        self.keys = IssuerKeys(
            self.http, f"{issuer.url}{JWKS_PATH}", timeout_s=30, steady_clock=lambda: self.now
        )

    def publish(self, *pairs: KeyPair) -> None:
        self.answer(answer_json({"keys": [key for pair in pairs for key in pair.jwks["keys"]]}))

    def answer(self, reply: Reply) -> None:
        self.issuer.replies[JWKS_PATH] = reply

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Inside the context, a fetch ends after a moment."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.keys, "_timeout_s", 0.2)
            yield

    async def verify(self, text: str) -> dict[str, Any]:
        return await self.keys.verify_jws(text, typ=TYPE, algorithms=("ES256",))

    @property
    def fetches(self) -> int:
        return len(self.issuer.requests_to(JWKS_PATH))


@pytest.fixture
async def published(issuer: AuthorizationServer, anyio_backend: str) -> AsyncIterator[Publication]:
    publication = Publication(issuer)
    async with publication.http:
        yield publication


def signed(pair: KeyPair, **headers: object) -> str:
    return pair.sign(CLAIMS, typ=TYPE, **headers)


async def test_what_the_issuer_signed_is_read_and_the_keys_are_fetched_once(published: Publication) -> None:
    pair = KeyPair()
    published.publish(pair)
    many = await asyncio.gather(*(published.verify(signed(pair)) for _ in range(20)))
    assert many == [CLAIMS] * 20
    published.now += KEPT_S - 1
    assert await published.verify(signed(pair)) == CLAIMS
    assert published.fetches == 1


async def test_a_key_is_not_trusted_for_longer_than_it_was_seen(published: Publication) -> None:
    pair = KeyPair()
    published.publish(pair)
    await published.verify(signed(pair))
    published.publish()
    published.now += KEPT_S
    with pytest.raises(InvalidJwsError):
        await published.verify(signed(pair))


async def test_a_new_key_is_fetched_when_it_is_met(published: Publication) -> None:
    old, new = KeyPair(), KeyPair()
    published.publish(old)
    await published.verify(signed(old))
    published.publish(old, new)
    published.now += REFETCH_S
    assert await published.verify(signed(new)) == CLAIMS
    assert await published.verify(signed(old)) == CLAIMS
    assert published.fetches == 2


async def test_made_up_keys_cost_one_fetch_every_five_seconds(published: Publication) -> None:
    pair = KeyPair()
    published.publish(pair)
    await published.verify(signed(pair))
    for number in range(50):
        published.now += 0.5
        with pytest.raises(InvalidJwsError):
            await published.verify(signed(pair, kid=f"made up {number}"))
    assert published.fetches == 6


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_keys_that_cannot_be_fetched_say_nothing_about_a_signature(
    trouble: str, published: Publication
) -> None:
    pair = KeyPair()
    published.answer(TROUBLES[trouble])
    is_timeout = trouble in {"hangs", "trickles"}
    with published.impatient() if is_timeout else nullcontext(), pytest.raises(KeysUnavailableError):
        await published.verify(signed(pair))
    published.publish(pair)
    published.now += 1
    assert await published.verify(signed(pair)) == CLAIMS


async def test_unavailable_keys_are_fetched_once_a_second_and_the_known_ones_stay_valid(
    published: Publication,
) -> None:
    pair = KeyPair()
    published.publish(pair)
    await published.verify(signed(pair))
    published.answer(hang)
    published.now += REFETCH_S
    stranger = signed(KeyPair())
    with published.impatient():
        many = await asyncio.gather(*(published.verify(stranger) for _ in range(20)), return_exceptions=True)
    assert {type(error) for error in many} == {KeysUnavailableError}
    assert published.fetches == 2
    assert await published.verify(signed(pair)) == CLAIMS


async def test_the_keys_are_fetched_again_if_the_connection_breaks(published: Publication) -> None:
    async def break_off_once(question: Question, writer: asyncio.StreamWriter) -> None:
        published.publish(pair)
        await break_off(question, writer)

    pair = KeyPair()
    published.answer(break_off_once)
    assert await published.verify(signed(pair)) == CLAIMS


async def test_one_who_gives_up_leaves_the_fetch_to_the_others(published: Publication) -> None:
    pair = KeyPair()
    published.publish(pair)
    first, second = (asyncio.create_task(published.verify(signed(pair))) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == CLAIMS


async def test_what_the_issuer_did_not_sign_is_refused(published: Publication) -> None:
    pair, thief = KeyPair(), KeyPair()
    published.publish(pair)
    forged = [
        "",
        "a.b",
        signed(thief),
        pair.sign(CLAIMS, typ="at+jwt"),
        signed(KeyPair("RS256")),
        signed(pair)[:-4],
        signed(pair) + "A",
    ]
    for text in forged:
        with pytest.raises(InvalidJwsError):
            await published.verify(text)


async def test_entries_of_the_key_set_that_are_not_keys_are_passed_over(published: Publication) -> None:
    pair = KeyPair()
    published.answer(answer_json({"keys": [None, 1, {}, {"kty": "oct", "k": "AA"}, *pair.jwks["keys"]]}))
    assert await published.verify(signed(pair)) == CLAIMS
