"""Keys derived from the master keys, sealing, and tags."""

from __future__ import annotations

import pytest

from auth_service.crypto.keyring import KeyRing, SealBrokenError, Tagger
from auth_service.crypto.secrets import digest, matches, new_id, new_secret
from tests.auth_service.crypto.master_keys import ANOTHER_ONE, ONE, TWO

RING = KeyRing([ONE])


def test_each_purpose_and_each_master_key_has_a_key_of_its_own() -> None:
    ring = KeyRing([ONE, TWO])
    derived = [ring.derived(purpose)[key_id] for purpose in ("a", "b") for key_id in (1, 2)]
    assert len(set(derived)) == 4
    assert {len(one) for one in derived} == {32}
    assert ring.current_id == 1


@pytest.mark.parametrize("plain", [b"", b"a key", bytes(10_000)])
def test_what_is_sealed_can_be_opened_and_does_not_show(plain: bytes) -> None:
    sealed = RING.seal("p", plain)
    assert RING.open("p", sealed) == plain
    assert not plain or plain not in sealed
    assert sealed != RING.seal("p", plain)


def test_what_is_sealed_opens_after_a_rotation_and_not_without_its_key() -> None:
    sealed = RING.seal("p", b"plain")
    assert KeyRing([TWO, ONE]).open("p", sealed) == b"plain"
    for ring in (KeyRing([TWO]), KeyRing([ANOTHER_ONE])):
        with pytest.raises(SealBrokenError):
            ring.open("p", sealed)


def test_what_is_sealed_for_one_purpose_does_not_open_for_another() -> None:
    with pytest.raises(SealBrokenError):
        RING.open("q", RING.seal("p", b"plain"))


def test_a_change_of_any_byte_breaks_the_seal() -> None:
    sealed = RING.seal("p", b"plain")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealBrokenError):
            RING.open("p", bytes(changed))


def test_a_seal_that_is_cut_short_is_broken() -> None:
    sealed = RING.seal("p", b"plain")
    for length in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            RING.open("p", sealed[:length])


@pytest.mark.requirement("AS-23")
def test_a_tag_is_good_for_its_text_and_its_purpose_only() -> None:
    tagger = Tagger(RING, "csrf")
    tag = tagger.tag("text")
    assert tagger.is_tag("text", tag)
    assert not tagger.is_tag("Text", tag)
    assert not tagger.is_tag("text", Tagger(RING, "devices").tag("text"))
    for wrong in ("", tag[:-1], tag + "A", "ü" * 43):
        assert not tagger.is_tag("text", wrong)


def test_a_tag_is_good_after_a_rotation() -> None:
    tag = Tagger(RING, "csrf").tag("text")
    assert Tagger(KeyRing([TWO, ONE]), "csrf").is_tag("text", tag)
    assert not Tagger(KeyRing([TWO]), "csrf").is_tag("text", tag)


def test_secrets_are_random_and_kept_as_a_digest() -> None:
    secrets = {new_secret("dw_cs_") for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret) == 6 + 43 for secret in secrets)
    assert len({new_id() for _ in range(100)}) == 100
    secret = secrets.pop()
    assert secret not in digest(secret)
    assert matches(secret, digest(secret))
    for wrong in (secret[:-1], secret + "x", "", digest(secret)):
        assert not matches(wrong, digest(secret))
    assert not matches(secret, None)
