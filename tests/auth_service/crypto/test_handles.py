"""Codes and tokens as MACed handles: what is genuine, and that nothing else is."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace

import pytest

from auth_service.crypto.handles import Handle, Handles, Kind, new_grant_id
from auth_service.crypto.keyring import KeyRing
from tests.auth_service.crypto.master_keys import ANOTHER_ONE, ONE, TWO

pytestmark = pytest.mark.requirement("SEC-10")

NOW = 1_800_000_000
LATER = NOW + 600
GRANT_ID = "AAAAAAAAAAAAAAAAAAAAAA"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


HANDLES = Handles(KeyRing([ONE]))


def handle(kind: Kind = Kind.ACCESS_TOKEN, generation: int = 1, expires_at: int = LATER) -> Handle:
    return Handle(kind=kind, grant_id=GRANT_ID, generation=generation, expires_at=expires_at)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("generation", [0, 1, 255, 256, 2**32 - 1])
@pytest.mark.parametrize("expires_at", [LATER, 2**32, 2**38 - 1])
def test_a_handle_comes_back_as_it_was_made(kind: Kind, generation: int, expires_at: int) -> None:
    original = handle(kind, generation, expires_at)
    text = HANDLES.encode(original)
    assert text.startswith(kind.value)
    assert HANDLES.read_handle(text, NOW) == original


@pytest.mark.parametrize("narrowed", [False, True])
@pytest.mark.parametrize("bound", [False, True])
def test_a_handle_says_how_its_token_is_restricted(*, narrowed: bool, bound: bool) -> None:
    original = replace(handle(), narrowed=narrowed, bound=bound)
    assert HANDLES.read_handle(HANDLES.encode(original), NOW) == original
    assert HANDLES.read_handle(HANDLES.encode(original), LATER) is None


def test_the_same_handle_has_the_same_text_every_time_and_everywhere() -> None:
    assert HANDLES.encode(handle()) == HANDLES.encode(handle()) == Handles(KeyRing([ONE])).encode(handle())


def test_every_part_of_a_handle_shows_in_its_text() -> None:
    texts = {
        HANDLES.encode(original)
        for original in (
            *(handle(kind) for kind in Kind),
            handle(generation=2),
            handle(expires_at=LATER + 1),
            Handle(kind=Kind.ACCESS_TOKEN, grant_id=new_grant_id(), generation=1, expires_at=LATER),
        )
    }
    assert len(texts) == 6
    assert len({text[6:] for text in texts}) == 6


def test_its_alphabet_needs_no_escaping_anywhere() -> None:
    for _ in range(50):
        text = HANDLES.encode(
            Handle(
                kind=Kind.CODE, grant_id=new_grant_id(), generation=secrets.randbelow(2**32), expires_at=LATER
            )
        )
        assert set(text) <= set(ALPHABET)
        assert len(text) == 6 + 64


@pytest.mark.parametrize("kind", Kind)
def test_a_change_of_any_character_makes_it_worthless(kind: Kind) -> None:
    text = HANDLES.encode(handle(kind))
    for position in range(len(text)):
        for other in (
            ALPHABET[(ALPHABET.index(text[position]) + step) % 64] for step in (1, 2, 4, 8, 16, 32)
        ):
            assert HANDLES.read_handle(text[:position] + other + text[position + 1 :], NOW) is None


def test_a_change_of_any_bit_makes_it_worthless() -> None:
    raw = base64.urlsafe_b64decode(HANDLES.encode(handle())[6:])
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        assert HANDLES.read_handle("dw_at_" + base64.urlsafe_b64encode(changed).decode(), NOW) is None


@pytest.mark.parametrize("kind", Kind)
def test_no_kind_can_be_passed_off_as_another(kind: Kind) -> None:
    text = HANDLES.encode(handle(kind))
    for other in Kind:
        read = HANDLES.read_handle(other.value + text[6:], NOW)
        assert (read is not None) is (other is kind)


@pytest.mark.parametrize(
    ("now", "good"), [(LATER - 1, True), (LATER - 0.001, True), (LATER, False), (2**41, False)]
)
def test_it_is_worthless_from_the_second_of_its_expiry(now: float, good: bool) -> None:
    assert (HANDLES.read_handle(HANDLES.encode(handle()), now) is not None) is good


def test_it_is_worthless_under_another_key_even_of_the_same_id() -> None:
    text = HANDLES.encode(handle())
    assert Handles(KeyRing([ANOTHER_ONE])).read_handle(text, NOW) is None
    assert Handles(KeyRing([TWO])).read_handle(text, NOW) is None


def test_keys_rotate_without_ending_what_was_issued() -> None:
    before = HANDLES.encode(handle())
    rotated = Handles(KeyRing([TWO, ONE]))
    after = rotated.encode(handle())
    assert before != after
    assert rotated.read_handle(before, NOW) == rotated.read_handle(after, NOW) == handle()
    retired = Handles(KeyRing([TWO]))
    assert retired.read_handle(before, NOW) is None
    assert retired.read_handle(after, NOW) == handle()
    assert HANDLES.read_handle(after, NOW) is None


GENUINE = HANDLES.encode(handle())


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    "junk",
    [
        "",
        "dw_at_",
        "token",
        GENUINE[:-1],
        GENUINE + "A",
        GENUINE + "=",
        GENUINE + "\n",
        " " + GENUINE,
        GENUINE.upper(),
        GENUINE[6:],
        "dw_xx_" + GENUINE[6:],
        "DW_AT_" + GENUINE[6:],
        "dw_at_" + "A" * 64,
        "dw_at_" + "_" * 64,
        "dw_at_" + "ü" * 64,
        "dw_at_" + "+" * 64,
        "dw_at_" + GENUINE[6:-1] + "\x00",
        "eyJhbGciOiJub25lIn0.e30.",
        "dw_at_" + "A" * 1_000_000,
    ],
)
def test_junk_is_nothing(junk: str) -> None:
    assert HANDLES.read_handle(junk, NOW) is None


def test_grant_ids_are_128_random_bits() -> None:
    ids = {new_grant_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {len(grant_id) for grant_id in ids} == {22}
