"""Redirects that differ only in the slash at the end of an upstream's path. Pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from shared.uris import serialize_origin

# 303 changes the method to GET (RFC 9110 §15.4.4). The others keep the method, or may (§15.4.2).
_SAME_REQUEST = frozenset({301, 302, 307, 308})


def slash_redirect(url: str, status: int, location: str | None, host: str) -> str | None:
    """Return the target of a redirect that only adds or removes the final ``/`` of the path; else None.

    Args:
        url: the requested URL.
        host: the ``Host`` header of the request; servers build their redirects from it.
    """
    if status not in _SAME_REQUEST or location is None:
        return None
    try:
        requested, named = urlsplit(url), urlsplit(urljoin(url, location))
        own = (serialize_origin(requested), serialize_origin(requested._replace(netloc=host)))
        here = serialize_origin(named) in own
    except ValueError:
        return None
    slashed = (
        requested.path.removesuffix("/") == named.path.removesuffix("/") and requested.path != named.path
    )
    if not here or not slashed or requested.query != named.query:
        return None
    return requested._replace(path=named.path).geturl()
