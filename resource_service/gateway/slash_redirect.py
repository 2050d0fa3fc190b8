"""Redirects that are about the slash at the end of an upstream's path, and nothing else. Pure."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

# 303 asks for something else by GET (RFC 9110 §15.4.4). The others keep the method, or may (§15.4.2).
_SAME_REQUEST = frozenset({301, 302, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def slash_redirect(url: str, status: int, location: str | None, host: str) -> str | None:
    """Where a redirect leads that only adds the ``/`` at the end of the path, or takes it off; else None.

    Args:
        url: what was asked for.
        host: what was sent as ``Host``; servers build their redirects from it.
    """
    if status not in _SAME_REQUEST or location is None:
        return None
    try:
        asked, named = urlsplit(url), urlsplit(urljoin(url, location))
        here = _origin(named) in (_origin(asked), _origin(asked._replace(netloc=host)))
    except ValueError:
        return None
    slashed = asked.path.removesuffix("/") == named.path.removesuffix("/") and asked.path != named.path
    if not here or not slashed or asked.query != named.query:
        return None
    return asked._replace(path=named.path).geturl()


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return (parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme))
