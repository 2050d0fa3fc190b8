"""GET and POST /connect/{link} and GET /connect/callback: a person connects an account (GW-2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.clients.repository import ClientRepository
from auth_service.connected_accounts.accounts import ConnectedAccounts, PersonGoneError
from auth_service.connected_accounts.attempts import ConnectAttempts
from auth_service.connected_accounts.links import LIFETIME_S, ConnectLink, ConnectLinks
from auth_service.connected_accounts.token_requests import (
    CodeAnswer,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from auth_service.journal.account_events import AccountAction
from auth_service.pages.descriptions.connect import CALLBACK, LINK
from auth_service.protocol.connected_apps import DELETED_CLIENT
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_providers import UpstreamProvider
from auth_service.rate_limits import Throttle
from auth_service.storage import keys
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, shows_errors, trusted_form
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.asgi.noted_reason import note_reason
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.storage.interface import Store

_log = get_logger(__name__)


class Outcome(Enum):
    """The page after an attempt: its part of the template, its status, and the reason code if it failed."""

    DONE = ("done", 200, None)
    DENIED = ("denied", 400, Reason.CONNECT_DENIED)
    INVALID = ("invalid", 400, Reason.CONNECT_ANSWER_INVALID)
    UNAVAILABLE = ("unavailable", 503, Reason.CONNECTED_ACCOUNT_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link that the person it is for has opened."""

    link: ConnectLink
    provider: UpstreamProvider
    browser: Browser
    session: Session


@dataclass(frozen=True, kw_only=True)
class ConnectPages:
    """Shows what is connected for which client, and sends the person to the provider and back."""

    context: PageContext
    accounts: ConnectedAccounts
    links: ConnectLinks
    attempts: ConnectAttempts
    clients: ClientRepository
    resource_names: Mapping[str, str]
    throttle: Throttle
    store: Store
    issuer: str

    async def handle(self, request: Request) -> Response:
        if request.method == "POST":
            await trusted_form(self.context.browsers, request)
        link = await self.links.get(request.path_params["link"])
        opened = await self._opened(request, link)
        if isinstance(opened, Response):
            return opened
        if opened.link.used:
            return self._outcome(request, opened, Outcome.DONE)
        return await (self._leave(request, opened) if request.method == "POST" else self._show(opened))

    async def _opened(self, request: Request, link: ConnectLink | None) -> OpenedLink | Response:
        """Return the link, or the response if the person it is for is not logged in.

        Raises:
            RequestOverError: there is no such link any longer.
        """
        provider = self.accounts.providers.get(link.resource) if link else None
        if link is None or provider is None:
            raise RequestOverError
        browser, session = await self.context.visitor(request)
        if session is None or browser.browser_id is None:
            return see_other(f"../login?{urlencode({'to': f'connect/{link.link_id}'})}")
        if session.subject != link.subject:
            return await self._of_other_person(request, link, session)
        return OpenedLink(link, provider, browser, session)

    async def _of_other_person(self, request: Request, link: ConnectLink, session: Session) -> Response:
        network = self.context.networks.network_of(request)
        note_reason(request.scope, Reason.CONNECT_LINK_OF_OTHER_PERSON)
        # Once for each, so that nobody fills the journal by reloading the page.
        first = keys.once("connect-refused", link.link_id, session.subject)
        if await self.store.put_once(first, ttl_s=LIFETIME_S):
            await self.context.account_events.record(
                AccountAction.UPSTREAM_LINK_REFUSED,
                link.subject,
                by=session.subject,
                resource=link.resource,
                network=network,
                reason_code=Reason.CONNECT_LINK_OF_OTHER_PERSON.code,
            )
        _log.warning(
            "link of another person opened",
            subject=link.subject,
            by=session.subject,
            reason_code=Reason.CONNECT_LINK_OF_OTHER_PERSON.code,
        )
        context = {"username": session.username, "to": f"connect/{link.link_id}"}
        return self.context.templates.render("connect_other_person.html", context, status=403)

    async def _show(self, opened: OpenedLink) -> Response:
        client = await self.clients.get(opened.link.client_id)
        context = {
            "csrf": self.context.browsers.form_token(opened.browser),
            "link": opened.link.link_id,
            "provider": opened.provider.name,
            "scopes": opened.provider.requested_scopes,
            "client": client.name if client else DELETED_CLIENT,
            "domain": client.domain if client else None,
            "resource": opened.link.resource,
            "resource_name": self.resource_names.get(opened.link.resource, opened.link.resource),
            "username": opened.session.username,
        }
        return self.context.templates.render("connect_account.html", context)

    async def _leave(self, request: Request, opened: OpenedLink) -> Response:
        await self.throttle.attempt(self.context.networks.network_of(request))
        secrets = await self.attempts.begin(opened.link.link_id, opened.browser.browser_id or "")
        parameters = opened.provider.authorization_parameters(
            self._callback, secrets.state, secrets.challenge
        )
        return see_other(f"{opened.provider.preset.authorization_endpoint}?{urlencode(parameters)}")

    async def come_back(self, request: Request) -> Response:
        """Connect the account of a person who comes back from the provider."""
        query = parse_parameters(request.scope["query_string"])
        state, browser = query.get("state"), self.context.browsers.browser_of(request)
        attempt = await self.attempts.get(state, browser.browser_id)
        if attempt is None or state is None:
            raise RequestOverError
        opened = await self._opened(request, await self.links.get(attempt.link_id))
        if isinstance(opened, Response):
            return opened
        # A second attempt with the same link, or the same response again.
        if opened.link.used:
            return self._outcome(request, opened, Outcome.DONE)
        if not await self.attempts.claim(state):
            return self._outcome(request, opened, _outcome_of(await self.attempts.outcome(state)))
        outcome = Outcome.UNAVAILABLE
        try:
            outcome = await self._answered(request, query, opened)
        finally:
            await self.attempts.finish(state, outcome.name)
        return self._outcome(request, opened, outcome)

    async def _answered(self, request: Request, query: Parameters, opened: OpenedLink) -> Outcome:
        if not opened.provider.accepts_iss(query.get("iss")):
            return _failed(opened, Outcome.INVALID, "the response is not from the provider of the link")
        if query.get("error") is not None:
            description = f"{query.require('error')[:50]} {(query.get('error_description') or '')[:200]}"
            return _failed(opened, Outcome.DENIED, "the provider answered with an error", description)
        if query.get("code") is None:
            return _failed(opened, Outcome.INVALID, "the response has neither a code nor an error")
        verifier = self.attempts.secrets_of(query.require("state")).verifier
        answer = CodeAnswer(query.require("code"), verifier, self._callback)
        try:
            await self.accounts.connect(
                opened.link,
                opened.provider,
                answer,
                session=opened.session.session_id,
                network=self.context.networks.network_of(request),
            )
        except UpstreamUnavailableError as error:
            return _failed(opened, Outcome.UNAVAILABLE, error.reason, error.detail or "")
        except UpstreamRefusedError:
            return _failed(opened, Outcome.INVALID, "the provider does not accept the code")
        except PersonGoneError:
            return _failed(opened, Outcome.INVALID, "the account was disabled or deleted")
        await self.links.note_used(opened.link)
        return Outcome.DONE

    def _outcome(self, request: Request, opened: OpenedLink, outcome: Outcome) -> Response:
        part, status, reason = outcome.value
        if reason is not None:
            note_reason(request.scope, reason)
        context = {"part": part, "provider": opened.provider.name, "link": opened.link.link_id}
        return self.context.templates.render("connect_outcome.html", context, status=status)

    @property
    def _callback(self) -> str:
        return f"{self.issuer}/connect/callback"

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of the pages; the callback comes first, as its path fits both."""
        return [
            Endpoint(
                path="/connect/callback",
                handler=shows_errors(self.context.errors, self.come_back),
                methods=("GET",),
                operations={"GET": CALLBACK},
            ),
            Endpoint(
                path="/connect/{link}",
                handler=shows_errors(self.context.errors, self.handle),
                methods=("GET", "POST"),
                operations=LINK,
            ),
        ]


def _outcome_of(name: str) -> Outcome:
    if name not in Outcome.__members__:
        raise RequestOverError
    return Outcome[name]


def _failed(opened: OpenedLink, outcome: Outcome, reason: str, detail: str = "") -> Outcome:
    _log.info(
        "account not connected",
        subject=opened.link.subject,
        provider=opened.provider.name,
        reason=reason,
        reason_code=outcome.value[2].code if outcome.value[2] else None,
        # Anybody may have written the error of a response.
        detail=encoded(detail) if detail else None,
    )
    return outcome
