"""Keys of others are measured before anything is computed with them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from shared import jose
from shared.dpop import InvalidProofError, parse_proof
from shared.fair_queue import FairQueue
from shared.jose import ASYMMETRIC, InvalidJwsError, parse
from shared.public_keys import MAX_CANDIDATES, is_slow, is_too_large, is_usable
from shared.signatures import Signatures
from tests.auth_service.keypair import KeyPair
from tests.shared.rsa_keys import WIDE, rsa_key

pytestmark = pytest.mark.requirement("BOUND-1")


@pytest.mark.parametrize(
    ("key", "usable", "too_large"),
    [
        (rsa_key(), True, False),
        (rsa_key(8_192), True, False),
        (rsa_key(e=(1 << 64) - 1), True, False),
        (rsa_key(e=3), True, False),
        (rsa_key(8_193), False, True),
        (rsa_key(e=(1 << 64) + 1), False, True),
        (rsa_key(3_072, WIDE), False, True),
        (rsa_key(1_024), False, False),
        (rsa_key(e=1), False, False),
        ({"kty": "RSA", "n": "A" * 3_000_000, "e": "AQAB"}, False, True),
        ({"kty": "RSA", "n": rsa_key()["n"], "e": "!" * 1_000}, False, True),
        ({"kty": "RSA", "n": rsa_key()["n"]}, False, False),
        ({"kty": "RSA", "n": rsa_key()["n"], "e": 65_537}, False, False),
        ({"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}, True, False),
        ({"kty": "EC", "crv": "P-256", "x": "A" * 4_300, "y": "A" * 43}, False, False),
    ],
)
def test_a_key_has_numbers_of_bounded_size(key: dict[str, Any], usable: bool, too_large: bool) -> None:
    assert (is_usable(key), is_too_large(key)) == (usable, too_large)


def test_a_padded_number_is_as_large_as_one_that_is_not() -> None:
    assert is_slow({**rsa_key(), "e": "AQABAA=="}) == is_slow({**rsa_key(), "e": "AQABAA"})


def test_nothing_is_computed_with_a_key_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.jose.jwk.construct", lambda *_: pytest.fail("a key was made"))
    token = parse(KeyPair("RS256").sign({"a": 1}, kid=None))
    with pytest.raises(InvalidJwsError):
        jose.verify(token, [rsa_key(3_072, WIDE)], algorithms=ASYMMETRIC, types=("jwt",))


def test_few_keys_are_tried_for_one_signature() -> None:
    pair = KeyPair()
    token = parse(pair.sign({"a": 1}, kid=None))
    others = [KeyPair().public for _ in range(MAX_CANDIDATES - 1)]
    assert jose.verify(token, [*others, pair.public], algorithms=ASYMMETRIC, types=("jwt",)) == {"a": 1}
    with pytest.raises(InvalidJwsError, match="kid"):
        jose.verify(token, [*others, KeyPair().public, pair.public], algorithms=ASYMMETRIC, types=("jwt",))


def test_among_many_keys_the_one_that_kid_names_is_found() -> None:
    pair = KeyPair()
    many = [key for _ in range(20) for key in KeyPair().jwks["keys"]] + pair.jwks["keys"]
    token = parse(pair.sign({"a": 1}))
    assert jose.verify(token, many, algorithms=ASYMMETRIC, types=("jwt",)) == {"a": 1}


def test_a_proof_with_a_key_too_large_is_refused_before_its_signature() -> None:
    proof = KeyPair("RS256").proof("POST", "https://a.example/token", jwk=rsa_key(3_072, WIDE))
    with pytest.raises(InvalidProofError, match="too large"):
        parse_proof([proof], "POST", ["https://a.example/token"], 0)


@pytest.mark.anyio
async def test_only_slow_keys_are_verified_on_a_thread() -> None:
    class Counting(FairQueue):
        sources: ClassVar[list[str]] = []

        async def run(self, source: str, function: Any, *args: Any, **kwargs: Any) -> Any:
            self.sources.append(source)
            return await super().run(source, function, *args, **kwargs)

    queue = Counting()
    for pair, slow in ((KeyPair(), False), (KeyPair("RS256"), False), (KeyPair("RS256", bits=8_192), True)):
        queue.sources.clear()
        claims = await Signatures(queue).verify_signature(
            parse(pair.sign({"a": 1})), [pair.public], algorithms=ASYMMETRIC, types=("jwt",), source="me"
        )
        assert claims == {"a": 1}
        assert queue.sources == (["me"] if slow else []), json.dumps(pair.public)
    assert is_slow(rsa_key(e=(1 << 64) - 1))
