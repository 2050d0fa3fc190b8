"""Which site sent a posted form, as the browser says (Fetch §3.1, Fetch Metadata §2.4)."""

from __future__ import annotations

from collections.abc import Sequence

_OURS = frozenset({"same-origin", "none"})  # "none": the person themself, without a page
_OPAQUE = "null"


def foreign_origin(own: str, origins: Sequence[str], fetch_sites: Sequence[str]) -> str | None:
    """Who sent a form, if it was another site; None where it was not, or nothing says so.

    Scripts send neither header (AS-25); the token of the form decides about them.

    Args:
        own: this server's origin.
        origins, fetch_sites: the values of `Origin` and `Sec-Fetch-Site`.
    """
    for site in fetch_sites:
        if site not in _OURS:
            return next(iter(origins), site)
    for sent in origins:
        # A page under `Referrer-Policy: no-referrer`, which proxies like to set, has its forms sent with an
        # opaque origin. So has a sandboxed frame, which is another site to `Sec-Fetch-Site`.
        if sent != own and not (sent == _OPAQUE and fetch_sites):
            return sent
    return None
