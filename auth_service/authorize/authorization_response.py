"""The authorization response, sent to the client by redirect or posted form (OAuth 2.1 §4.1.2)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from auth_service.protocol.authorization import ResponseTarget, response_location
from auth_service.web.render import PageTemplates, see_other


class AuthorizationResponder:
    """Sends responses to redirect URIs, each with `iss` (RFC 9207)."""

    def __init__(self, templates: PageTemplates, issuer: str) -> None:
        self._templates = templates
        self._issuer = issuer

    def send(self, target: ResponseTarget, members: Mapping[str, str]) -> Response:
        """Send `members`, with the client's own `state` if it sent one."""
        state = {} if target.state is None else {"state": target.state}
        answer = {**members, **state, "iss": self._issuer}
        if target.response_mode == "form_post":
            context = {"redirect_uri": target.redirect_uri, "members": answer}
            return self._templates.render("form_post.html", context)
        return see_other(response_location(target.redirect_uri, answer))
