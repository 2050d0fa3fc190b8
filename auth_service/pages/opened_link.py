"""A link for connecting an account that its person has opened, and the pages at the end of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.clients.repository import ClientRepository
from auth_service.connected_accounts.links import ConnectLink
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.pages.resource_names import ResourceNames
from auth_service.protocol.connected_apps import DELETED_CLIENT
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_providers import ConfiguredProvider
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.page_context import PageContext
from shared.asgi.noted_reason import note_reason
from shared.encoded_text import encoded
from shared.logs import get_logger

_log = get_logger(__name__)


class Outcome(Enum):
    """The page after an attempt: its part of the template, its status, and the reason code if it failed."""

    DONE = ("done", 200, None)
    DENIED = ("denied", 400, Reason.CONNECT_DENIED)
    INVALID = ("invalid", 400, Reason.CONNECT_ANSWER_INVALID)
    CHANGED = ("invalid", 400, Reason.CONNECT_PROVIDER_CHANGED)
    UNAVAILABLE = ("unavailable", 503, Reason.CONNECTED_ACCOUNT_UNAVAILABLE)
    UNDISCOVERED = ("unavailable", 503, Reason.CONNECT_DISCOVERY_FAILED)
    UNREGISTERED = ("unavailable", 503, Reason.CONNECT_REGISTRATION_FAILED)

    @classmethod
    def of(cls, cause: Reason) -> Outcome:
        """Return the outcome of an attempt for which the provider is unavailable."""
        return next((outcome for outcome in cls if outcome.value[2] is cause), cls.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link that the person it is for has opened."""

    link: ConnectLink
    provider: ConfiguredProvider
    browser: Browser
    session: Session

    def unavailable(self, error: UpstreamUnavailableError) -> Outcome:
        """Log why the provider is unavailable, and return the outcome."""
        return self.failed(Outcome.of(error.cause), error.reason, error.detail or "")

    def failed(self, outcome: Outcome, reason: str, detail: str = "") -> Outcome:
        """Log why nothing was connected, and return the outcome."""
        _log.info(
            "account not connected",
            subject=self.link.subject,
            provider=self.provider.name,
            reason=reason,
            reason_code=outcome.value[2].code if outcome.value[2] else None,
            # Anybody may have written the error of a response.
            detail=encoded(detail) if detail else None,
        )
        return outcome


@dataclass(frozen=True, kw_only=True)
class LinkViews:
    """The facts that every page of a link shows, and the page at its end.

    Attributes:
        names: of the resources for which accounts are connected.
    """

    context: PageContext
    clients: ClientRepository
    names: ResourceNames

    async def facts(self, opened: OpenedLink) -> dict[str, Any]:
        """Return what is connected for which client, for a template with a form."""
        client = await self.clients.get(opened.link.client_id)
        return {
            "csrf": self.context.browsers.form_token(opened.browser),
            "link": opened.link.link_id,
            "provider": opened.provider.name,
            "client": client.name if client else DELETED_CLIENT,
            "domain": client.domain if client else None,
            "resource": opened.link.resource,
            "resource_name": self.names.of(opened.link.resource),
            "also": self.names.of_joining(opened.link.resource),
            "username": opened.session.username,
        }

    def outcome(self, request: Request, opened: OpenedLink, outcome: Outcome) -> Response:
        """Return the page after an attempt."""
        part, status, reason = outcome.value
        if reason is not None:
            note_reason(request.scope, reason)
        context = {"part": part, "provider": opened.provider.name, "link": opened.link.link_id}
        return self.context.templates.render("connect_outcome.html", context, status=status)
