"""Which site submitted a form, according to the browser (Fetch §3.1, Fetch Metadata §2.4)."""

from __future__ import annotations

from collections.abc import Sequence

_OURS = frozenset({"same-origin", "none"})  # "none": the user, without a page
_OPAQUE = "null"


def foreign_origin(own: str, origins: Sequence[str], fetch_sites: Sequence[str]) -> str | None:
    """Return the site that submitted a form if it is another site; None if not, or if unknown.

    Scripts send neither header (AS-25); for them the form's token decides.

    Args:
        own: this server's origin.
        origins, fetch_sites: the values of `Origin` and `Sec-Fetch-Site`.
    """
    for site in fetch_sites:
        if site not in _OURS:
            return next(iter(origins), site)
    for sent in origins:
        # Forms of a page under `Referrer-Policy: no-referrer`, which proxies often set, have an opaque
        # origin. So have those of a sandboxed frame, but `Sec-Fetch-Site` calls that another site.
        if sent != own and not (sent == _OPAQUE and fetch_sites):
            return sent
    return None
