"""Logout requests of clients, and logout tokens for clients (RP-Initiated and Back-Channel Logout)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auth_service.protocol import redirect_uris
from auth_service.protocol.authorization import response_location
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.subjects import ClientSubject

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_TYPE = "logout+jwt"  # noqa: S105 -- a media type
TOKEN_TTL_S = 120


@dataclass(frozen=True, slots=True)
class Destination:
    """The redirect target after a logout."""

    uri: str
    state: str | None

    @property
    def location(self) -> str:
        """The redirect URL."""
        return response_location(self.uri, {"state": self.state}) if self.state else self.uri


def destination(client: Client | None, uri: str | None, state: str | None) -> Destination | None:
    """Return the redirect target after a logout; None to stay.

    Raises:
        InvalidRequestError: the client has not registered this URI (§3).
    """
    if uri is None:
        return None
    if client is None or uri not in client.metadata.get("post_logout_redirect_uris", ()):
        raise InvalidRequestError(
            Reason.LOGOUT_REDIRECT_INVALID, "post_logout_redirect_uri is not registered for this client"
        )
    if not redirect_uris.is_usable(uri):
        raise InvalidRequestError(
            Reason.LOGOUT_REDIRECT_INVALID,
            "this server does not redirect to this kind of post_logout_redirect_uri",
        )
    # The logout takes place, but nobody is sent to a client that an administrator has disabled.
    return None if client.disabled else Destination(uri, state)


def logout_token_claims(
    issuer: str, client_id: str, client_subject: ClientSubject, *, now: int, jti: str
) -> dict[str, Any]:
    """Return the claims that notify a client of the end of a user's session."""
    return {
        "iss": issuer,
        "aud": client_id,
        "sub": client_subject.subject,
        "sid": client_subject.session_id,
        "iat": now,
        "exp": now + TOKEN_TTL_S,
        "jti": jti,
        "events": {EVENT: {}},
    }
