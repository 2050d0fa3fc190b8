"""User passwords."""

from __future__ import annotations

import pytest

from auth_service.crypto.passwords import MAX_PASSWORD_BYTES, Cost, Passwords

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("SEC-16")]


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> Passwords:
    """As they are deployed: hashing costs what it costs there."""
    monkeypatch.setattr("auth_service.crypto.passwords.COST", Cost())
    return Passwords()


async def test_a_hash_costs_what_rfc_9106_recommends(passwords: Passwords) -> None:
    assert (await passwords.hash_password("secret")).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_password_is_kept_as_a_salted_argon2id_hash(passwords: Passwords) -> None:
    password_hash = await passwords.hash_password("secret")
    assert password_hash.startswith("$argon2id$")
    assert "secret" not in password_hash
    assert password_hash != await passwords.hash_password("secret")
    assert await passwords.verify_password("secret", password_hash)


async def test_any_other_password_is_wrong(passwords: Passwords) -> None:
    password_hash = await passwords.hash_password("secret")
    for wrong in ("", "Secret", "secret\x00", "secre", "x" * 1_025, "\ud800"):
        assert not await passwords.verify_password(wrong, password_hash)


async def test_nobody_has_the_password_that_is_compared_where_there_is_no_user(passwords: Passwords) -> None:
    for guess in ("", "a password that nobody has"):
        assert not await passwords.verify_password(guess, None)


async def test_a_long_or_odd_password_works(passwords: Passwords) -> None:
    for password in ("ü" * (MAX_PASSWORD_BYTES // 2), "\U0001f511 "):
        password_hash = await passwords.hash_password(password)
        assert await passwords.verify_password(password, password_hash)
        assert not await passwords.verify_password(password[:-1], password_hash)


@pytest.mark.parametrize("password", ["", "\ud800", "x" * (MAX_PASSWORD_BYTES + 1), "ü" * MAX_PASSWORD_BYTES])
async def test_what_cannot_be_a_password_is_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(ValueError, match="1 to 1024 bytes"):
        await passwords.hash_password(password)
