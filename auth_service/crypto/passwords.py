"""User passwords, hashed with argon2id by passlib and never on the event loop (DESIGN D5).

Hashes imported from elsewhere may be of bcrypt; the first correct login replaces them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import anyio
from anyio import to_thread
from passlib.context import CryptContext
from passlib.hash import argon2

MAX_PASSWORD_BYTES = 1_024
# Each hash uses 64 MiB and a core; more concurrent hashes would only queue for the same cores.
_AT_ONCE = 2
# What one login may cost, whatever an imported hash demands: about a second, and a quarter of a gibibyte.
_MAX_MEMORY_KIB = 262_144
_MAX_ITERATIONS = 10
_MAX_LANES = 16
_MIN_KIB_PER_LANE = 8  # RFC 9106 §3.1
_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory_kib>[1-9][0-9]{0,6}),t=(?P<iterations>[1-9][0-9]?),p=(?P<lanes>[1-9][0-9]?)"
    r"\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{16,128}"
)
# The last characters of salt and checksum carry fewer bits than the others.
_BCRYPT = re.compile(
    r"\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.26CGKOSWaeimquy]"
)
_BCRYPT_PREFIX = "$2"
_BCRYPT_DECOY = "$2b${cost:02d}$" + "." * 22 + "." * 31
_BCRYPT_MAX_BYTES = 72
"""bcrypt reads no more of a password; libraries truncated what was longer."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of one hash; by default the second recommended option of RFC 9106 §4."""

    memory_kib: int = 65_536
    iterations: int = 3
    lanes: int = 4


COST = Cost()


class Passwords:
    """Hashes and verifies passwords."""

    def __init__(self) -> None:
        self._context = _context(COST)
        self._limiter: anyio.CapacityLimiter | None = None
        self._decoy: str | None = None
        self._highest_bcrypt_cost: int | None = None

    @property
    def limiter(self) -> anyio.CapacityLimiter:
        """Limits the number of concurrent hashes."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        return self._limiter

    async def hash_password(self, password: str) -> str:
        """Return the hash of `password` to store.

        Raises:
            ValueError: the password is empty, longer than `MAX_PASSWORD_BYTES`, or not Unicode text.
        """
        if not _can_be_one(password):
            raise ValueError(f"a password must have 1 to {MAX_PASSWORD_BYTES} bytes")
        return await to_thread.run_sync(self._hash, password, limiter=self.limiter)

    async def verify_password(self, password: str, kept: str | None) -> bool:
        """Check whether `password` matches the stored hash `kept`.

        Without a hash (None or empty) the result is False and takes just as long, so that timing does not
        reveal which users exist. Once an imported bcrypt hash was seen, a wrong password takes as long as
        argon2id and the costliest bcrypt hash together, whatever the hash.
        """
        if not _can_be_one(password):
            return False
        return await to_thread.run_sync(self._verify, password, kept, limiter=self.limiter)

    def _hash(self, password: str) -> str:
        return str(self._context.hash(password))

    def _verify(self, password: str, kept: str | None) -> bool:
        if self._decoy is None:
            self._decoy = self._hash("a password that nobody has")
        if kept and is_outdated(kept):
            return self._verify_bcrypt(password, kept, self._decoy)
        # An account without a password has an empty hash, which no password may match.
        good = bool(self._context.verify(password, kept or self._decoy)) and bool(kept)
        if not good and self._highest_bcrypt_cost is not None:
            self._run_bcrypt(self._highest_bcrypt_cost)
        return good

    def _verify_bcrypt(self, password: str, kept: str, decoy: str) -> bool:
        cost = int(kept[4:6])
        self._highest_bcrypt_cost = max(cost, self._highest_bcrypt_cost or 0)
        # NUL ends a password of bcrypt; it is compared all the same, for the time that this takes.
        text = password.replace("\0", "?").encode()[:_BCRYPT_MAX_BYTES]
        if self._context.verify(text, kept) and "\0" not in password:
            return True
        self._context.verify(password, decoy)
        # Each cost takes twice as long as the one below, so all of them and this hash add up to the highest.
        for lower in range(cost, self._highest_bcrypt_cost):
            self._run_bcrypt(lower)
        return False

    def _run_bcrypt(self, cost: int) -> None:
        self._context.verify(b"a password that nobody has", _BCRYPT_DECOY.format(cost=cost))


@cache
def _context(cost: Cost) -> CryptContext:
    # Cached: each service and command makes several `Passwords`, and passlib takes 5 ms to read its options.
    return CryptContext(
        schemes=["argon2", "bcrypt"],
        argon2__type="ID",
        argon2__memory_cost=cost.memory_kib,
        argon2__rounds=cost.iterations,
        argon2__parallelism=cost.lanes,
    )


def is_outdated(kept: str) -> bool:
    """Whether a stored hash is of a kind that a correct login replaces."""
    return kept.startswith(_BCRYPT_PREFIX)


def is_password_hash(text: str) -> bool:
    """Check whether `text` is a hash by argon2id or bcrypt that can be verified, at a reasonable cost."""
    if _BCRYPT.fullmatch(text):
        return True
    match = _ARGON2ID.fullmatch(text)
    if match is None:
        return False
    memory_kib, lanes = int(match["memory_kib"]), int(match["lanes"])
    bounded = memory_kib <= _MAX_MEMORY_KIB and int(match["iterations"]) <= _MAX_ITERATIONS
    return bounded and lanes <= _MAX_LANES and memory_kib >= lanes * _MIN_KIB_PER_LANE and _is_parsed(text)


def _is_parsed(text: str) -> bool:
    try:
        argon2.from_string(text)
    except ValueError:
        return False
    return True


def _can_be_one(password: str) -> bool:
    try:
        return 0 < len(password.encode()) <= MAX_PASSWORD_BYTES
    except UnicodeEncodeError:
        return False
