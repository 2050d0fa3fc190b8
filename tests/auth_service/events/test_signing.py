"""A security event is signed once for each receiver, anyone who asks and how often."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from auth_service.crypto.signing_keys import SigningKeys
from auth_service.events import signing
from auth_service.events.signing import SignedEvents
from shared.security_events import SecurityEvent

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-16")]


class Counting:
    """A stand-in for the signing keys; counts the signatures, each of which takes a moment."""

    def __init__(self) -> None:
        self.signed: list[tuple[str, str]] = []

    async def sign(self, claims: dict[str, Any], *, typ: str, alg: str) -> str:
        assert (typ, alg) == ("secevent+jwt", "ES256")
        self.signed.append((claims["aud"], claims["jti"]))
        await asyncio.sleep(0)
        return f"{claims['aud']} {claims['jti']} {len(self.signed)}"


def events(count: int) -> list[SecurityEvent]:
    return [SecurityEvent(jti=f"jti-{number}", occurred_at=number) for number in range(count)]


async def test_many_at_once_get_the_same_token_signed_once() -> None:
    keys = Counting()
    signed = SignedEvents(cast("SigningKeys", keys), "https://auth.example")
    answers = await asyncio.gather(*(signed.tokens(events(3), "one") for _ in range(20)))
    assert answers == [answers[0]] * 20
    assert list(answers[0]) == ["jti-0", "jti-1", "jti-2"]
    assert keys.signed == [("one", "jti-0"), ("one", "jti-1"), ("one", "jti-2")]


async def test_each_receiver_gets_a_token_of_its_own() -> None:
    keys = Counting()
    signed = SignedEvents(cast("SigningKeys", keys), "https://auth.example")
    one, two = [await signed.tokens(events(1), audience) for audience in ("one", "two")]
    assert one != two
    assert keys.signed == [("one", "jti-0"), ("two", "jti-0")]


async def test_only_the_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "KEPT", 2)
    keys = Counting()
    signed = SignedEvents(cast("SigningKeys", keys), "https://auth.example")
    await signed.tokens(events(3), "one")
    await signed.tokens(events(3)[1:], "one")
    assert len(keys.signed) == 3
    await signed.tokens(events(1), "one")
    assert len(keys.signed) == 4
