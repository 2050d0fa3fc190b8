"""How both services read their settings from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from shared.uris import check_public_url


def _public(url: str) -> str:
    # Another setting says on which private addresses plain http is allowed: see `home_networks.check_http`.
    check_public_url(url, private_http=True)
    return url


def _issuer(url: str) -> str:
    check_public_url(url, private_http=True)
    if url.endswith("/"):
        raise ValueError("the issuer must not end with a slash")
    return url


def listed(value: object) -> object:
    """Split comma-separated text into a list; return anything else unchanged."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


PublicUrl = Annotated[str, AfterValidator(_public)]
Issuer = Annotated[str, AfterValidator(_issuer)]
"""Kept and compared byte for byte (RFC 8414 §2), so without the slash that makes two of one."""
