"""Keys that clients publish: fetched when they are needed, and no more often than that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from auth_service.clients.keys import FRESH_S, MOST, REFETCH_AFTER_S, STALE_S, PublishedKeys
from auth_service.fetching import FetchError
from auth_service.protocol.errors import KeysUnavailableError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-11")]

URL = "https://client.example/jwks"


class Published:
    """The published keys, and the number of fetches."""

    def __init__(self, *kids: str) -> None:
        self.document: object = jwks(*kids)
        self.requests = 0

    async def fetch_json(self, url: str) -> object:
        self.requests += 1
        if isinstance(self.document, FetchError):
            raise self.document
        await asyncio.sleep(0)
        return self.document


def jwks(*kids: str) -> dict[str, Any]:
    return {"keys": [{"kty": "EC", "kid": kid} for kid in kids]}


class Reader:
    def __init__(self, published: Published) -> None:
        self.now = 1_000_000.0
        self._keys = PublishedKeys(published, lambda: self.now)

    async def kids(self, wanted: str | None) -> list[str]:
        return [str(key["kid"]) for key in await self._keys.keys_for(None, URL, wanted)]


async def test_inline_keys_are_not_fetched() -> None:
    published = Published()
    keys = await PublishedKeys(published, lambda: 0.0).keys_for(jwks("a"), URL, "b")
    assert [key["kid"] for key in keys] == ["a"]
    assert published.requests == 0


@pytest.mark.parametrize("wanted", ["a", None])
async def test_keys_are_kept_while_they_are_fresh(wanted: str | None) -> None:
    published = Published("a")
    reader = Reader(published)
    assert await reader.kids(wanted) == ["a"]
    reader.now += FRESH_S - 1
    assert await reader.kids(wanted) == ["a"]
    assert published.requests == 1
    reader.now += 1
    await reader.kids(wanted)
    assert published.requests == 2


async def test_a_key_that_is_new_is_looked_for_at_once_but_not_all_the_time() -> None:
    published = Published("a")
    reader = Reader(published)
    await reader.kids("a")
    published.document = jwks("a", "b")
    reader.now += REFETCH_AFTER_S
    assert await reader.kids("b") == ["a", "b"]
    for _ in range(5):
        await reader.kids("unknown")
    assert published.requests == 2


@pytest.mark.parametrize("failure", [FetchError("down"), {}, [], {"keys": "x"}])
async def test_keys_stand_while_they_cannot_be_fetched_again(failure: object) -> None:
    published = Published("a")
    reader = Reader(published)
    await reader.kids("a")
    published.document = failure
    reader.now += STALE_S - 1
    assert await reader.kids("a") == ["a"]
    reader.now += FRESH_S
    with pytest.raises(KeysUnavailableError):
        await reader.kids("a")


@pytest.mark.parametrize("wanted", ["a", None])
@pytest.mark.parametrize("failure", [FetchError("down"), {}])
async def test_unavailable_keys_are_not_fetched_repeatedly(failure: object, wanted: str | None) -> None:
    published = Published()
    published.document = failure
    reader = Reader(published)
    for _ in range(5):
        with pytest.raises(KeysUnavailableError):
            await reader.kids(wanted)
    assert published.requests == 1
    reader.now += REFETCH_AFTER_S
    published.document = jwks("a")
    assert await reader.kids(wanted) == ["a"]


@pytest.mark.requirement("BOUND-5")
async def test_many_who_need_the_same_keys_have_them_fetched_once() -> None:
    published = Published("a")
    reader = Reader(published)
    assert await asyncio.gather(*(reader.kids("a") for _ in range(50))) == [["a"]] * 50
    assert published.requests == 1


@pytest.mark.requirement("BOUND-5")
async def test_a_flood_of_other_key_sets_does_not_push_out_those_in_use() -> None:
    published = Published("a")
    keys = PublishedKeys(published, lambda: 0.0)
    await keys.keys_for(None, URL, "a")
    for number in range(3 * MOST):
        await keys.keys_for(None, f"{URL}/{number}", "a")
        if number % (MOST // 2) == 0:
            await keys.keys_for(None, URL, "a")
    assert published.requests == 3 * MOST + 1
