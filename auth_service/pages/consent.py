"""GET and POST /consent."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.access.control import AccessControl
from auth_service.authorize.consents import ConsentRepository
from auth_service.authorize.pending import Pending, PendingRequests
from auth_service.clients.client_resolver import ClientResolver
from auth_service.clients.repository import ClientRepository
from auth_service.fetching.resource_metadata import ResourceDescriptions
from auth_service.journal.journal import Journal
from auth_service.pages.consent_facts import ConsentFacts
from auth_service.pages.descriptions.consent import OPERATIONS
from auth_service.protocol.admin_access import SCOPE
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.client import Client
from auth_service.protocol.client_domains import Trust
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.interaction import Decision
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.redirect_uris import destination_of, redirect_uri_type
from auth_service.protocol.resources import OFFLINE_ACCESS, ResourceRegistry
from auth_service.protocol.scope_details import ResourceDescription, ScopeDetail
from auth_service.protocol.web_addresses import split_web_url
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, posted_form, shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.journal.event import EventKind
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)
_TICK = "scope."
_SWITCHED = 409

SHOWN_AT_ONCE = 6
"""How many uses of a scope are shown without expanding the list."""


@dataclass(frozen=True, kw_only=True)
class ConsentPage:
    """Shows which client requests which scopes, and records the decision. Never answers the client itself."""

    pending: PendingRequests
    context: PageContext
    clients: ClientRepository
    client_resolver: ClientResolver
    consents: ConsentRepository
    resource_registry: ResourceRegistry
    descriptions: ResourceDescriptions
    facts: ConsentFacts
    access: AccessControl
    journal: Journal

    async def handle(self, request: Request) -> Response:
        return await (self._submit(request) if request.method == "POST" else self._show(request))

    async def _show(self, request: Request) -> Response:
        pending_id = parse_parameters(request.scope["query_string"]).get("pending") or ""
        browser = self.context.browsers.browser_of(request)
        pending = await self.pending.get(pending_id, browser.browser_id)
        session = await self.context.session_of(request, browser)
        client = await self.clients.get(pending.request.client_id) if pending else None
        if pending is None or client is None:
            raise RequestOverError
        if session is None or pending.outcome is not None:
            return see_other(f"authorize?pending={pending_id}")
        return await self._form(pending_id, pending=pending, client=client, session=session, browser=browser)

    async def _form(
        self,
        pending_id: str,
        *,
        pending: Pending,
        client: Client,
        session: Session,
        browser: Browser,
        status: int = 200,
    ) -> Response:
        request = pending.request
        held = await self._held(session, request)
        if held is None:
            return see_other(f"authorize?pending={pending_id}")  # which says whom to ask
        resource = self.resource_registry.by_identifier(request.resource)
        description = await self.descriptions.of(resource.resource) if resource else ResourceDescription()
        return self.context.templates.render(
            "consent.html",
            {
                "csrf": self.context.browsers.form_token(browser),
                "pending": pending_id,
                "client": client,
                "facts": await self.facts.of(client, session.subject),
                "username": session.username,
                "switched": status == _SWITCHED,
                "resource": resource,
                "administers": SCOPE in held,
                "sections": self._sections(request, held, description),
                "shown_at_once": SHOWN_AT_ONCE,
                "destination": None if request.device else destination_of(request.redirect_uri),
                "redirect_uri_type": None if request.device else redirect_uri_type(request.redirect_uri).name,
                "policy_links": list(_policy_links(client)),
                "unknown_domain": self.client_resolver.trust(client) is Trust.ASK,
            },
            status=status,
        )

    def _sections(
        self, request: AuthorizationRequest, held: Collection[str], description: ResourceDescription
    ) -> list[tuple[str | None, list[tuple[str, str, str, ScopeDetail]]]]:
        """Return the offered scopes, with what the page says about each, in the sections of joined mounts."""
        names = {scope: f"{_TICK}{number}" for number, scope in enumerate(request.scopes)}
        resource = self.resource_registry.by_identifier(request.resource)
        offered = [scope for scope in request.scopes if scope in held]
        return [
            (
                section.name,
                [
                    (
                        names[scope],
                        scope,
                        self.resource_registry.scope_description(scope, request.resource),
                        description.detail(scope),
                    )
                    for scope in section.scopes
                ],
            )
            for section in self.resource_registry.by_mount(offered, resource)
        ]

    async def _submit(self, request: Request) -> Response:
        posted = await posted_form(self.context.browsers, request)
        form, browser = posted.fields, posted.browser
        pending_id = form.require("pending")
        pending = await self.pending.get(pending_id, browser.browser_id)
        session = await self.context.session_of(request, browser)
        if pending is None:
            raise RequestOverError
        if pending.outcome is not None:
            return see_other(f"authorize?pending={pending_id}")  # submitted twice: the same response again
        if session is None:
            raise RequestOverError
        held = await self._held(session, pending.request)
        granted = _granted(form, pending.request.scopes, held or ())
        if posted.stale:
            return await self._ask_again(pending_id, pending, session, browser)
        if held is None:
            return see_other(f"authorize?pending={pending_id}")
        await self.journal.record(
            EventKind.CONSENT,
            subject=session.subject,
            client=pending.request.client_id,
            resource=pending.request.resource,
            allowed=granted is not None,
            scopes=list(granted or ()),
            session=session.session_id,
        )
        await self.pending.note_decision(pending_id, Decision(session.subject, granted, session.session_id))
        if granted is not None:
            await self._remember(session, pending.request, granted)
        _log.info(
            "consent",
            allowed=granted is not None,
            subject=session.subject,
            client_id=pending.request.client_id,
        )
        return see_other(f"authorize?pending={pending_id}")

    async def _held(self, session: Session, request: AuthorizationRequest) -> tuple[str, ...] | None:
        """Return the requested scopes that the person may hold; others are not offered (ID-3)."""
        return await self.access.scopes_for(session.subject, request.resource, request.scopes)

    async def _remember(
        self, session: Session, request: AuthorizationRequest, granted: tuple[str, ...]
    ) -> None:
        client = await self.clients.get(request.client_id)
        if client is not None:
            await self.consents.remember(session, request, granted, client)
            await self.facts.record_use(client, session.subject)

    async def _ask_again(
        self, pending_id: str, pending: Pending, session: Session, browser: Browser
    ) -> Response:
        # The page was shown for another session: the account was switched in another tab since then. A
        # consent is valid only for the person that the page named, so the person who is logged in now is
        # asked.
        client = await self.clients.get(pending.request.client_id)
        if client is None:
            raise RequestOverError
        _log.info("consent not stored", reason="the session has changed", subject=session.subject)
        return await self._form(
            pending_id, pending=pending, client=client, session=session, browser=browser, status=_SWITCHED
        )

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/consent",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )


def _granted(form: Parameters, requested: tuple[str, ...], held: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the requested scopes that were left ticked; None for a refusal, or if none was ticked.

    Args:
        held: the offered scopes.
    """
    decision = form.require("decision")
    if decision not in ("allow", "deny"):
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "decision must be allow or deny")
    if decision == "deny":
        return None
    # The form only removes scopes (AS-24). A form submitted without tick boxes, by a program that does not
    # know them, leaves the request unchanged.
    if form.get("ticks") is None:
        return held
    granted = tuple(
        scope
        for number, scope in enumerate(requested)
        if scope in held and form.get(f"{_TICK}{number}") is not None
    )
    # A token without a scope is useless, and so is one with only offline_access.
    return None if held and set(granted) <= {OFFLINE_ACCESS} and set(granted) != set(held) else granted


def _policy_links(client: Client) -> Iterator[tuple[str, str, str]]:
    """Return the links that a person must see (OpenID Connect Registration §2), with the host in each."""
    for label, member in ((Text("Privacy policy"), "policy_uri"), (Text("Terms"), "tos_uri")):
        if url := client.metadata.get(member):
            # A URL registered under older rules whose host cannot be determined safely is not shown.
            with suppress(ValueError):
                yield label, str(url), split_web_url(str(url)).authority
