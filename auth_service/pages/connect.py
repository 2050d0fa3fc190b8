"""GET and POST /connect/{link} and GET /connect/callback: a person connects an account (GW-2)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.connected_accounts.accounts import ConnectedAccounts, PersonGoneError
from auth_service.connected_accounts.attempts import ConnectAttempt, ConnectAttempts
from auth_service.connected_accounts.links import LIFETIME_S, ConnectLink, ConnectLinks
from auth_service.connected_accounts.token_requests import (
    CodeAnswer,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from auth_service.journal.account_events import AccountAction
from auth_service.pages.connect_api_key import ApiKeyForm
from auth_service.pages.descriptions.connect import CALLBACK, LINK
from auth_service.pages.opened_link import LinkViews, OpenedLink, Outcome
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_client import CALLBACK_PATH
from auth_service.protocol.upstream_providers import ApiKeyProvider, UpstreamProvider
from auth_service.rate_limits import Throttle
from auth_service.storage import keys
from auth_service.users.sessions import Session
from auth_service.web.forms import RequestOverError, shows_errors, trusted_form
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.asgi.noted_reason import note_reason
from shared.logs import get_logger
from shared.storage.interface import Store

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ConnectPages:
    """Shows what is connected for which client, and sends the person to the provider and back."""

    context: PageContext
    accounts: ConnectedAccounts
    links: ConnectLinks
    attempts: ConnectAttempts
    views: LinkViews
    api_keys: ApiKeyForm
    throttle: Throttle
    store: Store
    issuer: str

    async def handle(self, request: Request) -> Response:
        is_post = request.method == "POST"
        form = (await trusted_form(self.context.browsers, request))[0] if is_post else None
        link = await self.links.get(request.path_params["link"])
        opened = await self._opened(request, link)
        if isinstance(opened, Response):
            return opened
        provider = opened.provider
        if form is not None and isinstance(provider, ApiKeyProvider):
            return await self.api_keys.submit(request, form, opened, provider)
        if opened.link.used:
            return self.views.outcome(request, opened, Outcome.DONE)
        if isinstance(provider, ApiKeyProvider):
            return await self.api_keys.show(opened, provider)
        try:
            return await (self._leave(request, opened) if is_post else self._show(opened))
        except UpstreamUnavailableError as error:
            return self.views.outcome(request, opened, opened.unavailable(error))

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

    async def _provider(self, opened: OpenedLink) -> UpstreamProvider:
        provider = await self.accounts.discovered.of(opened.provider, opened.session.subject)
        if isinstance(provider, ApiKeyProvider):
            raise RequestOverError  # the configuration has changed since
        return provider

    async def _show(self, opened: OpenedLink) -> Response:
        provider = await self._provider(opened)
        context = {**await self.views.facts(opened), "scopes": provider.requested_scopes}
        return self.context.templates.render("connect_account.html", context)

    async def _leave(self, request: Request, opened: OpenedLink) -> Response:
        await self.throttle.attempt(self.context.networks.network_of(request))
        provider = await self._provider(opened)
        browser = opened.browser.browser_id or ""
        secrets = await self.attempts.begin(opened.link.link_id, browser, provider.identity)
        return see_other(provider.authorization_url(self._callback, secrets.state, secrets.challenge))

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
            return self.views.outcome(request, opened, Outcome.DONE)
        if not await self.attempts.claim(state):
            return self.views.outcome(request, opened, _outcome_of(await self.attempts.outcome(state)))
        outcome = Outcome.UNAVAILABLE
        try:
            outcome = await self._answered(request, query, opened, attempt)
        except UpstreamUnavailableError as error:
            outcome = opened.unavailable(error)
        finally:
            await self.attempts.finish(state, outcome.name)
        return self.views.outcome(request, opened, outcome)

    async def _answered(
        self, request: Request, query: Parameters, opened: OpenedLink, attempt: ConnectAttempt
    ) -> Outcome:
        provider = await self._provider(opened)
        # The code of one authorization server must not reach the token endpoint of another (RFC 9700 §4.4).
        if attempt.provider_identity != provider.identity:
            return opened.failed(Outcome.CHANGED, "the provider has changed in the meantime")
        if not provider.accepts_iss(query.get("iss")):
            return opened.failed(Outcome.INVALID, "the response is not from the provider of the link")
        if query.get("error") is not None:
            description = f"{query.require('error')[:50]} {(query.get('error_description') or '')[:200]}"
            return opened.failed(Outcome.DENIED, "the provider answered with an error", description)
        if query.get("code") is None:
            return opened.failed(Outcome.INVALID, "the response has neither a code nor an error")
        verifier = self.attempts.secrets_of(query.require("state")).verifier
        answer = CodeAnswer(query.require("code"), verifier, self._callback)
        try:
            await self.accounts.connect(
                opened.link,
                provider,
                answer,
                session=opened.session.session_id,
                network=self.context.networks.network_of(request),
            )
        except UpstreamRefusedError:
            return opened.failed(Outcome.INVALID, "the provider does not accept the code")
        except PersonGoneError:
            return opened.failed(Outcome.INVALID, "the account was disabled or deleted")
        await self.links.note_used(opened.link)
        return Outcome.DONE

    @property
    def _callback(self) -> str:
        return f"{self.issuer}{CALLBACK_PATH}"

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of the pages; the callback comes first, as its path fits both."""
        return [
            Endpoint(
                path=CALLBACK_PATH,
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
