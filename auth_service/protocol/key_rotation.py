"""When each signing key signs, and which keys are published (OpenID Connect Core §10.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

ALGORITHMS = ("RS256", "ES256")

JWKS_MAX_AGE_S = 300
"""How long others may cache the published keys."""

RELOAD_S = 60
"""How long a process of this server may use the keys that it has read."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rotation schedule, in seconds.

    Attributes:
        period_s: how long a key signs.
        ahead_s: how long a key is published before it signs, so that every cached JWK Set has it by then.
        lasting_s: the longest lifetime of anything that a key signs.
    """

    period_s: int
    ahead_s: int
    lasting_s: int


class DatedKey(Protocol):
    """A key with the time from which it signs (seconds since 1970)."""

    @property
    def alg(self) -> str:
        """The key's algorithm (RFC 7518 §3.1)."""
        ...

    @property
    def active_from(self) -> int:
        """The time from which the key signs, in seconds since 1970."""
        ...


K = TypeVar("K", bound=DatedKey)


def signing_key(keys: Sequence[K], alg: str, now: float) -> K:
    """Return the key that signs with `alg` at `now`: the newest active one.

    Raises:
        LookupError: no such key exists.
    """
    active = [key for key in keys if key.alg == alg and key.active_from <= now]
    if not active:
        raise LookupError(f"no key signs with {alg}")
    return max(active, key=lambda key: key.active_from)


def due(keys: Sequence[DatedKey], schedule: Schedule, now: float) -> list[str]:
    """Return the algorithms whose next key must be generated now."""
    return [alg for alg in ALGORITHMS if now >= _next_needed_at(keys, alg, schedule)]


def _next_needed_at(keys: Sequence[DatedKey], alg: str, schedule: Schedule) -> int:
    youngest = max((key.active_from for key in keys if key.alg == alg), default=None)
    return 0 if youngest is None else youngest + schedule.period_s - schedule.ahead_s


def takes_over_at(keys: Sequence[DatedKey], alg: str, schedule: Schedule, now: int) -> int:
    """Return when a key generated now begins to sign: at once if it is the first, else after `ahead_s`."""
    return now + schedule.ahead_s if any(key.alg == alg for key in keys) else now


def still_needed(keys: Sequence[K], schedule: Schedule, now: float) -> list[K]:
    """Return the keys to publish: next, current, and retired ones until all they signed has expired."""
    return [key for key in keys if not _superseded_before(key, keys, now - schedule.lasting_s)]


def _superseded_before(key: DatedKey, keys: Sequence[DatedKey], moment: float) -> bool:
    return any(
        other.alg == key.alg and other.active_from > key.active_from and other.active_from <= moment
        for other in keys
    )
