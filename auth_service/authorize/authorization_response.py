"""The authorization response: back to the client, by redirect or by a posted form (OAuth 2.1 §4.1.2)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from auth_service.protocol.authorization import response_location
from auth_service.protocol.errors import OAuthError
from auth_service.web.render import Pages, see_other


class AuthorizationResponder:
    """Sends answers to redirect URIs, every one of them with `iss` (RFC 9207)."""

    def __init__(self, pages: Pages, issuer: str) -> None:
        self.pages = pages
        self._issuer = issuer

    def send(
        self, redirect_uri: str, response_mode: str, state: str | None, members: Mapping[str, str]
    ) -> Response:
        """Answer with `members`, and with the client's own `state` if it sent one."""
        answer = {**members, **({"state": state} if state is not None else {}), "iss": self._issuer}
        if response_mode == "form_post":
            return self.pages.render("form_post.html", {"redirect_uri": redirect_uri, "members": answer})
        return see_other(response_location(redirect_uri, answer))

    def error(self, redirect_uri: str, response_mode: str, state: str | None, error: OAuthError) -> Response:
        """Answer with an error (RFC 6749 §4.1.2.1)."""
        return self.send(redirect_uri, response_mode, state, error.members())
