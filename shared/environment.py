"""How both services read their settings from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from shared.uris import check_public_url


def _public(url: str) -> str:
    # Where plain http is allowed on private addresses is another setting: see `home_networks.check_http`.
    check_public_url(url, private_http=True)
    return url


def _issuer(url: str) -> str:
    check_public_url(url, private_http=True)
    if url.endswith("/"):
        raise ValueError("the issuer must not end with a slash")
    return url


def listed(value: object) -> object:
    """Comma-separated text as a list; anything else as it is."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


PublicUrl = Annotated[str, AfterValidator(_public)]
Issuer = Annotated[str, AfterValidator(_issuer)]
"""Kept and compared byte for byte (RFC 8414 §2), so without the slash that makes two of one."""
