"""How long a response may be cached (RFC 9111 §4.2), within the bounds of the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Freshness:
    """The bounds of a cache, in seconds.

    Attributes:
        least: the minimum, whatever the response says; protects the server that is fetched from.
        default: used if the response specifies nothing.
        most: the maximum, which limits how late a change is noticed.
    """

    least: int
    default: int
    most: int

    def of(self, headers: Mapping[str, str], now: float) -> int:
        """Return the seconds for which a response with these headers, received at `now`, is fresh."""
        lifetime_s = _lifetime_s(headers, now)
        return max(self.least, min(self.most, self.default if lifetime_s is None else lifetime_s))


def _lifetime_s(headers: Mapping[str, str], now: float) -> int | None:
    directives = _directives(headers.get("cache-control", ""))
    if "no-store" in directives or "no-cache" in directives:
        return 0
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return (_seconds(directives[name]) or 0) - (_seconds(headers.get("age", "")) or 0)
    if "expires" not in headers:
        return None
    # RFC 9111 §5.3: an invalid date means that the response has expired.
    expires = _date(headers["expires"])
    return int(expires - (_date(headers.get("date", "")) or now)) if expires is not None else 0


def _directives(cache_control: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in cache_control.split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
