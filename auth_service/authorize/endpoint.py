"""GET and POST /authorize (OAuth 2.1 §4.1.1): begins a request and continues it after each page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.access.control import AccessControl
from auth_service.authorize.arrivals import Arrivals
from auth_service.authorize.authorization_response import AuthorizationResponder
from auth_service.authorize.consents import ConsentRepository
from auth_service.authorize.descriptions.endpoint import OPERATION
from auth_service.authorize.device_decision import DeviceDecision
from auth_service.authorize.hints import IdTokenHints
from auth_service.authorize.no_access import NoAccessPage
from auth_service.authorize.pending import Pending, PendingRequests, Slot
from auth_service.authorize.refused import RefusedRequests
from auth_service.authorize.requests import AuthorizationRequests
from auth_service.authorize.second_factors import RequiredSecondFactors
from auth_service.authorize.standing import Standings
from auth_service.clients.client_resolver import ClientResolver
from auth_service.clients.repository import ClientRepository
from auth_service.grants.code_issuer import AuthorizationCodeIssuer
from auth_service.grants.permissions import StoredRules
from auth_service.protocol.authorization import (
    AuthorizationRequest,
    ResponseTarget,
    check_response_target,
    only_target,
    response_target,
    response_target_of,
    validate,
)
from auth_service.protocol.client import Client
from auth_service.protocol.error_redirects import may_redirect_error
from auth_service.protocol.errors import AccessDeniedError, ClientDisabledError, OAuthError
from auth_service.protocol.interaction import Outcome, Step, granted_scopes, next_step
from auth_service.protocol.narrowed_grants import NOT_GRANTED
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.pkce import PkcePolicy
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.users.sessions import Session
from auth_service.web.forms import RequestOverError, shows_errors
from auth_service.web.http import form_of, note_refusal
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.asgi.noted_caller import Requester, note_caller
from shared.clock import Clock
from shared.replacing import replace

_MAX_QUERY = 6_000
"""Longer URLs do not get through every proxy."""


@dataclass(frozen=True, kw_only=True)
class AuthorizeEndpoint:
    """Leads a person through the pages that a request needs, then responds to the client by redirect."""

    clients: ClientRepository
    client_resolver: ClientResolver
    resource_registry: ResourceRegistry
    requests: AuthorizationRequests
    pending: PendingRequests
    context: PageContext
    consents: ConsentRepository
    codes: AuthorizationCodeIssuer
    hints: IdTokenHints
    responder: AuthorizationResponder
    device_decision: DeviceDecision
    access: AccessControl
    arrivals: Arrivals
    clock: Clock
    pkce_policy: PkcePolicy
    second_factors: RequiredSecondFactors

    @property
    def refused(self) -> RefusedRequests:
        """The pages for errors that may not be redirected yet."""
        return RefusedRequests(self.clients, self.context, self.responder)

    @property
    def standings(self) -> Standings:
        """Read the approvals and permissions of people."""
        return Standings(self.consents, self.access, self.client_resolver)

    @property
    def no_access(self) -> NoAccessPage:
        """The page for people who may hold nothing by the access rules."""
        return NoAccessPage(
            access=self.access,
            context=self.context,
            refused=self.refused,
            resource_registry=self.resource_registry,
        )

    async def handle(self, request: Request) -> Response:
        is_form = request.method == "POST"
        parameters = await form_of(request) if is_form else parse_parameters(request.scope["query_string"])
        if parameters.get("pending"):
            return await self._go_on(request, parameters.require("pending"))
        if is_form and self.refused.is_button(parameters):
            return await self.refused.pressed(request)
        if is_form and (query := self._as_query(request, parameters)):
            return see_other(f"authorize?{query}")
        return await self._begin(request, parameters)

    def _as_query(self, request: Request, parameters: Parameters) -> str | None:
        # SameSite=Lax keeps our cookies from a form posted by another site; the GET after a redirect has
        # them. Without cookies, the person would have to log in again, and the browser would get a new
        # secret, which ends everything else it has begun here.
        if self.context.browsers.browser_of(request).browser_id:
            return None
        resources = (("resource", resource) for resource in parameters.resources)
        query = urlencode([*parameters.values.items(), *resources])
        return query if len(query) <= _MAX_QUERY else None

    async def _begin(self, request: Request, parameters: Parameters) -> Response:
        browser = self.context.browsers.browser_of(request)
        arrival = await self.arrivals.of(
            parameters, origin=self.context.networks.network_of(request), secret=browser.session
        )
        client = arrival.client
        if client is None:
            return await self.context.errors.unknown_client(request)
        if client.disabled:
            raise ClientDisabledError
        pushed = self.requests.name_of(parameters)
        try:
            parameters = await self.requests.resolve(parameters, client)
        except OAuthError as error:
            return await self._unresolved(request, client, parameters, error)
        address = response_target(parameters, client)
        try:
            authorization_request = validate(
                parameters, client, address, self.resource_registry, pkce_policy=self.pkce_policy
            )
            authorization_request = await self.hints.applied(
                authorization_request, client, parameters.get("id_token_hint")
            )
        except OAuthError as error:
            note_refusal(request, error)
            silent = (parameters.get("prompt") or "").split() == ["none"]
            return await self._tell(request, client, address, error, silent=silent)
        browser, cookies = self.context.browsers.with_secret(browser)
        if pushed is not None:
            authorization_request = replace(authorization_request, pushed=pushed)
        session = await self.arrivals.session_of(arrival)
        if session is not None:
            note_caller(request.scope, Requester(subject=session.subject, name=session.username))
        await self.clients.unused.note_pending(client)
        if pushed is not None:
            await self.arrivals.count_kept(arrival.origin)
            await self.requests.note_opened(pushed)
        return await self._next(
            request,
            slot=self.pending.slot(authorization_request, browser.browser_id or ""),
            pending=Pending(request=authorization_request, browser=""),
            client=client,
            session=session,
            cookies=cookies,
        )

    async def _unresolved(
        self, request: Request, client: Client, parameters: Parameters, error: OAuthError
    ) -> Response:
        """Handle a pushed or signed request that cannot be read, so that its own redirect URI is unknown.

        Raises:
            OAuthError: no other redirect URI is certain.
        """
        address = only_target(parameters, client)
        if address is None or error.status == 503:
            raise error
        note_refusal(request, error)
        # Always with the button: the request may be an answered one that is opened again.
        return await self.refused.page(request, client, address, error.members())

    async def _go_on(self, request: Request, pending_id: str) -> Response:
        browser = self.context.browsers.browser_of(request)
        pending = await self.pending.get(pending_id, browser.browser_id)
        if pending is None:
            raise RequestOverError
        client = await self.clients.get(pending.request.client_id)
        if client is None:
            return await self.context.errors.unknown_client(request)
        if client.disabled:
            raise ClientDisabledError
        check_response_target(pending.request, client)
        if pending.outcome is not None:
            return await self._repeat(request, client, pending.request, pending.outcome)
        await self.requests.note_opened(pending.request.pushed)
        session = await self.context.session_of(request, browser)
        return await self._next(
            request, slot=Slot(pending_id), pending=pending, client=client, session=session
        )

    async def _answered(self, request: Request, pending_id: str, client: Client) -> Response:
        """Return the response that another request of this browser has settled in the meantime."""
        browser = self.context.browsers.browser_of(request)
        pending = await self.pending.get(pending_id, browser.browser_id)
        if pending is None or pending.outcome is None:
            raise RequestOverError
        return await self._repeat(request, client, pending.request, pending.outcome)

    async def _repeat(
        self, request: Request, client: Client, authorization_request: AuthorizationRequest, outcome: Outcome
    ) -> Response:
        """Return the same response once more (ID-10)."""
        if outcome.no_access and (outcome.on_page or outcome.device_connected is not None):
            return await self.no_access.page(request, client, authorization_request, outcome.error)
        if outcome.device_connected is not None:
            return self.device_decision.page(connected=outcome.device_connected)
        if outcome.error is not None and outcome.on_page:
            return await self.refused.page(
                request, client, response_target_of(authorization_request), outcome.error
            )
        if outcome.error is not None:
            return self._send(authorization_request, outcome.error)
        code = await self.codes.again(outcome)
        if code is None:
            raise RequestOverError
        return self._send(authorization_request, {"code": code})

    async def _next(
        self,
        request: Request,
        *,
        slot: Slot,
        pending: Pending,
        client: Client,
        session: Session | None,
        cookies: tuple[str, ...] = (),
    ) -> Response:
        authorization_request = pending.request
        standing = await self.standings.of(session, client)
        login = session.login if session else None
        permitted = await self.standings.permitted(authorization_request, session, standing)
        try:
            step = next_step(
                permitted or authorization_request,
                client=client,
                progress=pending.progress,
                login=login,
                approvals=standing.approvals,
                now=int(self.clock()),
                second_factor=await self.second_factors.of(authorization_request, login),
            )
            if permitted is None and step is not Step.LOGIN:
                whom = session.username if session else None
                raise AccessDeniedError(Reason.ACCESS_NOT_GRANTED, NOT_GRANTED, detail=whom)
        except OAuthError as error:
            note_refusal(request, error)
            return await self._refuse(
                request,
                slot=slot,
                authorization_request=authorization_request,
                client=client,
                session=session,
                error=error,
            )
        if step is not Step.ISSUE or session is None:
            if slot.unwritten is not None and authorization_request.pushed is None:
                await self.arrivals.count_kept(self.context.networks.network_of(request))
            await self.pending.write(slot)
            return see_other(f"{step.value}?pending={slot.request_id}", cookies)
        if permitted is not None and permitted is not authorization_request:
            pending = replace(pending, request=permitted)
        if authorization_request.device:
            return await self._approve_device(
                request, slot=slot, pending=pending, client=client, session=session
            )
        return await self._issue(
            request, slot=slot, pending=pending, client=client, session=session, rules=standing.rules
        )

    async def _settle(
        self, slot: Slot, authorization_request: AuthorizationRequest, outcome: Outcome
    ) -> bool:
        """Settle the request; return whether this caller is the first.

        Raises:
            RequestOverError: a pushed request was answered under another id (RFC 9126 §7.3).
        """
        if not await self.pending.settle(slot, outcome):
            return False
        if not await self.requests.finish(authorization_request.pushed):
            raise RequestOverError
        return True

    async def _refuse(
        self,
        request: Request,
        *,
        slot: Slot,
        authorization_request: AuthorizationRequest,
        client: Client,
        session: Session | None,
        error: OAuthError,
    ) -> Response:
        no_access = error.reason is Reason.ACCESS_NOT_GRANTED
        if authorization_request.device:
            outcome = Outcome(device_connected=False, no_access=no_access)
        else:
            redirected = await self._may_redirect(authorization_request, client, session, error)
            outcome = Outcome(error=error.members(), on_page=not redirected, no_access=no_access)
        if not await self._settle(slot, authorization_request, outcome):
            return await self._answered(request, slot.request_id, client)
        if authorization_request.device:
            await self.device_decision.deny(authorization_request.device)
        return await self._repeat(request, client, authorization_request, outcome)

    async def _may_redirect(
        self,
        authorization_request: AuthorizationRequest,
        client: Client,
        session: Session | None,
        error: OAuthError,
    ) -> bool:
        silent = authorization_request.prompts == ("none",)
        if error.reason is Reason.ACCESS_NOT_GRANTED and not silent:
            return False  # the page says whom to ask
        if isinstance(error, AccessDeniedError) and error.reason is not Reason.ACCESS_NOT_GRANTED:
            return True  # the person pressed a button on one of our pages
        return await self._is_trusted(authorization_request.redirect_uri, client, session, silent=silent)

    async def _tell(
        self, request: Request, client: Client, address: ResponseTarget, error: OAuthError, *, silent: bool
    ) -> Response:
        """Send the error to the client, or first show it to the person."""
        session = await self.context.sessions.find(self.context.browsers.browser_of(request).session)
        if await self._is_trusted(address.redirect_uri, client, session, silent=silent):
            return self.responder.send(address, error.members())
        return await self.refused.page(request, client, address, error.members())

    async def _is_trusted(
        self, redirect_uri: str, client: Client, session: Session | None, *, silent: bool
    ) -> bool:
        approvals = await self.consents.approvals(session, client) if session else ()
        return may_redirect_error(redirect_uri, client, approvals, silent=silent)

    async def _approve_device(
        self, request: Request, *, slot: Slot, pending: Pending, client: Client, session: Session
    ) -> Response:
        authorization_request = pending.request
        if not await self._settle(slot, authorization_request, Outcome(device_connected=True)):
            return await self._answered(request, slot.request_id, client)
        scopes = granted_scopes(authorization_request, pending.progress)
        approving = replace(session, source=self.context.source_of(request))
        return await self.device_decision.approve(authorization_request.device or "", approving, scopes)

    async def _issue(
        self,
        request: Request,
        *,
        slot: Slot,
        pending: Pending,
        client: Client,
        session: Session,
        rules: StoredRules,
    ) -> Response:
        authorization_request, outcome = pending.request, self.codes.outcome(client)
        if not await self._settle(slot, authorization_request, outcome):
            return await self._answered(request, slot.request_id, client)
        scopes = granted_scopes(authorization_request, pending.progress)
        granting = replace(session, source=self.context.source_of(request))
        code = await self.codes.issue(
            outcome, authorization_request, granting, scopes, client=client, rules=rules
        )
        if code is None:
            # Disabled or deleted while the person was deciding.
            error = AccessDeniedError(
                Reason.CLIENT_OR_USER_NOT_ALLOWED, "the user or the client was deleted or disabled"
            )
            await self.pending.amend(slot.request_id, Outcome(error=error.members()))
            note_refusal(request, error)
            return self._send(authorization_request, error.members())
        return self._send(authorization_request, {"code": code})

    def _send(self, authorization_request: AuthorizationRequest, members: Mapping[str, str]) -> Response:
        return self.responder.send(response_target_of(authorization_request), members)

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        # An error that may not be sent to a client is shown to the person (RFC 6749 §4.1.2.1).
        handler = shows_errors(self.context.errors, self.handle)
        return Endpoint(
            path="/authorize",
            handler=handler,
            methods=("GET", "POST"),
            operations={"GET": OPERATION},
            direct=True,
            is_page=True,
        )
