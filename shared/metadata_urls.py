"""The URLs at which clients look for metadata (RFC 8414, RFC 9728). Pure."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from shared.well_known import AUTHORIZATION_SERVER, OPENID_CONFIGURATION, PROTECTED_RESOURCE


def resource_metadata_places(mcp_url: str) -> tuple[str, ...]:
    """Return the metadata URLs of `mcp_url` with its path, if it has one (RFC 9728 §3.1).

    SDKs differ in whether they first strip a trailing slash from the path, so such a URL has two.
    """
    parts = urlsplit(mcp_url)
    if parts.path in ("", "/"):
        return ()
    paths = dict.fromkeys((parts.path, parts.path.rstrip("/")))
    return tuple(_inserted(parts, PROTECTED_RESOURCE, path, parts.query) for path in paths if path)


def resource_metadata_root(mcp_url: str) -> str:
    """Return the metadata URL at the root, where clients look if the one with the path does not exist."""
    return f"{_origin(mcp_url)}{PROTECTED_RESOURCE}"


def server_metadata_places(issuer: str) -> tuple[str, ...]:
    """Return the metadata URLs of `issuer` in the order of clients (RFC 8414 §3.1, §5; MCP 2025-11-25)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    places = [_inserted(parts, AUTHORIZATION_SERVER, path), _inserted(parts, OPENID_CONFIGURATION, path)]
    if path:
        places.append(f"{_origin(issuer)}{path}{OPENID_CONFIGURATION}")
    return tuple(places)


def _inserted(parts: SplitResult, well_known: str, path: str, query: str = "") -> str:
    return parts._replace(path=f"{well_known}{path}", query=query, fragment="").geturl()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
