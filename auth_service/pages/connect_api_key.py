"""The form on `/connect/{link}` on which a person enters an API key for an upstream (GW-1).

A key is entered here, and never in the conversation with an MCP client. It is not shown again, also not in a
form that must be filled in once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.connected_accounts.accounts import ConnectedAccounts, PersonGoneError
from auth_service.connected_accounts.links import ConnectLinks
from auth_service.pages.opened_link import LinkViews, OpenedLink, Outcome
from auth_service.protocol.connected_account import MAX_API_KEY, is_api_key
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_providers import ApiKeyProvider
from auth_service.rate_limits import Throttle
from shared.asgi.noted_reason import note_reason


@dataclass(frozen=True, kw_only=True)
class ApiKeyForm:
    """Shows the form, and stores the key of the person."""

    accounts: ConnectedAccounts
    links: ConnectLinks
    views: LinkViews
    throttle: Throttle

    async def show(self, opened: OpenedLink, provider: ApiKeyProvider) -> Response:
        """Return the empty form."""
        return await self._form(opened, provider)

    async def submit(
        self, request: Request, form: Parameters, opened: OpenedLink, provider: ApiKeyProvider
    ) -> Response:
        """Store the key of a form; the same form again changes nothing, and another key replaces it."""
        network = self.views.context.networks.network_of(request)
        await self.throttle.attempt(network)
        api_key = (form.get("api_key") or "").strip()
        if not is_api_key(api_key):
            note_reason(request.scope, Reason.API_KEY_INVALID)
            return await self._form(opened, provider, wrong=True)
        about = {"session": opened.session.session_id, "network": network}
        try:
            await self.accounts.enter_key(opened.link, provider, api_key, **about)
        except PersonGoneError:
            outcome = opened.failed(Outcome.INVALID, "the account was disabled or deleted")
            return self.views.outcome(request, opened, outcome)
        await self.links.note_used(opened.link)
        return self.views.outcome(request, opened, Outcome.DONE)

    async def _form(self, opened: OpenedLink, provider: ApiKeyProvider, *, wrong: bool = False) -> Response:
        context = {
            **await self.views.facts(opened),
            "key_page": provider.key_page,
            "max_length": MAX_API_KEY,
            "wrong": wrong,
        }
        templates = self.views.context.templates
        return templates.render("connect_api_key.html", context, status=400 if wrong else 200)
