"""User passwords."""

from __future__ import annotations

import bcrypt
import pytest

from auth_service.crypto.passwords import MAX_PASSWORD_BYTES, Cost, Passwords, is_password_hash

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


def bcrypt_hash(password: bytes, cost: int = 4) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode()


async def test_a_bcrypt_hash_of_any_library_is_verified(passwords: Passwords) -> None:
    kept = bcrypt_hash(b"secret")
    for prefix in ("$2a$", "$2b$", "$2y$"):
        assert await passwords.verify_password("secret", kept.replace("$2b$", prefix))
        assert not await passwords.verify_password("secres", kept.replace("$2b$", prefix))
    assert not await passwords.verify_password("secret\x00more", kept)
    # bcrypt reads 72 bytes, and libraries truncated what was longer.
    long = bcrypt_hash(("ü" * 36).encode())
    assert await passwords.verify_password("ü" * 40, long)
    assert not await passwords.verify_password("ü" * 35, long)


ARGON2ID = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$ye9PD0mqyJnBZtzAYFr2mVGDHSRRFGnIPIwKqZvi1Eo"
BCRYPT = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
REFUSED = (
    "hunter2",
    "",
    ARGON2ID.replace("m=65536", "m=1048576"),
    ARGON2ID.replace("t=3", "t=99"),
    ARGON2ID.replace("p=4", "p=64"),
    ARGON2ID.replace("m=65536", "m=16"),
    ARGON2ID.replace("argon2id", "argon2i"),
    ARGON2ID[:-2],
    BCRYPT.replace("$12$", "$15$"),
    BCRYPT.replace("$12$", "$31$"),
    BCRYPT.replace("$12$", "$03$"),
    BCRYPT.replace("$2b$", "$2x$"),
    BCRYPT[:-1],
    BCRYPT[:-1] + "x",
    BCRYPT + "\n",
    "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
    "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
)


def test_hashes_are_accepted_only_of_known_kinds_and_at_a_bounded_cost() -> None:
    assert is_password_hash(ARGON2ID)
    assert is_password_hash(BCRYPT)
    assert [hash_ for hash_ in REFUSED if is_password_hash(hash_)] == []
