"""Assertions about refusals: by reason code, never by sentence."""

from __future__ import annotations

from collections.abc import Callable

from auth_service.protocol.errors import OAuthError
from auth_service.protocol.reasons import Reason


def because(reason: Reason) -> Callable[[OAuthError], bool]:
    """For `pytest.raises(…, check=because(reason))`."""
    return lambda error: error.reason is reason
