"""The names of the cookies of an installation."""

from __future__ import annotations

from typing import Literal

from auth_service.web.cookie_names import CookieNames


def cookie_name(issuer: str, cookie: Literal["browser", "session", "known_browser"]) -> str:
    """The name of a cookie that the authorization server at `issuer` sets."""
    return str(getattr(CookieNames.of(issuer), cookie))
