"""The steps of the login walk, in a client's order; each records its exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from shared.cli.doctor import messages
from shared.cli.doctor.challenge import wanted_scopes
from shared.cli.doctor.documents import Document, credential_member, document_of, text_member
from shared.cli.doctor.evidence import Evidence, Login
from shared.cli.doctor.exchange import Exchange, Request
from shared.cli.doctor.fetch import Fetch
from shared.cli.doctor.login.authority import Authority
from shared.cli.doctor.login.browser import CannotLogInError, Visit
from shared.cli.doctor.login.client import (
    PROFILE_PORT,
    Attempt,
    Credentials,
    on_another_port,
    registration_body,
    scopes_to_ask_for,
    spelled_otherwise,
)
from shared.cli.doctor.login.listener import Listener
from shared.cli.doctor.login.mcp import McpSession
from shared.cli.doctor.login.options import LoginOptions
from shared.cli.doctor.profiles import PORT
from shared.cli.doctor.urls import is_web_url

REVOCATION_TAKES_S = 3.0
_POLL_S = 0.25


class LoginWalk:
    """One login and the steps after it.

    Args:
        evidence: of the discovery; the record of the login is added to it.
        ask: fetches URLs that servers name.
        visit: sends the person to the authorization endpoint.
    """

    def __init__(
        self, *, evidence: Evidence, ask: Fetch, visit: Visit, listener: Listener, options: LoginOptions
    ) -> None:
        self._evidence = evidence
        self._ask = ask
        self._visit = visit
        self._listener = listener
        self._options = options
        self._authority = Authority(evidence, ask)
        self._resource = _usable(text_member(evidence.resource_document, "resource"))
        self._scopes = scopes_to_ask_for(evidence, options.scope)
        self._sessions: list[McpSession] = []
        self._record = evidence.login = Login(redirect_uri=listener.redirect_uri)

    async def go(self) -> None:
        """Take every step, up to one that fails, and clean up."""
        try:
            await self._connect()
        except CannotLogInError as error:
            self._record.refused = str(error)
        finally:
            for session in self._sessions:
                await session.close()
            await self._authority.take_everything_back()

    async def _connect(self) -> None:
        credentials = await self._register()
        await self._register_as_profile()
        attempt = self._attempt(credentials, self._scopes)
        await self._try_the_authorization_endpoint(attempt)
        tokens = await self._log_in(credentials, attempt)
        await self._use(tokens)
        tokens = await self._step_up(credentials, tokens)
        tokens = await self._refresh(credentials, tokens)
        await self._revoke(credentials, tokens)

    async def _register(self) -> Credentials:
        """Register a client (RFC 7591), or use the one from the options."""
        options = self._options
        if options.client_id is not None:
            method = "client_secret_basic" if options.client_secret else "none"
            return Credentials(options.client_id, options.client_secret, method)
        if not self._authority.offers("registration_endpoint"):
            raise CannotLogInError(
                "there is no registration_endpoint; use a registered client with --client-id"
            )
        self._record.sent = registration_body(self._evidence.profile, [self._listener.redirect_uri])
        self._record.registration = await self._authority.register(self._record.sent)
        credentials = Credentials.registered(document_of(self._record.registration) or {})
        if credentials is None:
            raise CannotLogInError("the registration response has no client_id")
        return credentials

    async def _register_as_profile(self) -> None:
        """Register with the redirect URIs of the profile's client, to see whether the server accepts them."""
        profile = self._evidence.profile
        if profile is None or not self._authority.offers("registration_endpoint"):
            return
        uris = [uri.replace(PORT, PROFILE_PORT) for uri in profile.redirect_uris]
        self._record.profile_registration = await self._authority.register(registration_body(profile, uris))

    def _attempt(self, credentials: Credentials, scopes: tuple[str, ...]) -> Attempt:
        return Attempt(
            client_id=credentials.client_id,
            redirect_uri=self._listener.redirect_uri,
            scopes=scopes,
            resource=self._resource,
        )

    async def _try_the_authorization_endpoint(self, attempt: Attempt) -> None:
        """Send the request without a person: as it is, and in the two variants that clients use."""
        as_it_is = attempt.parameters()
        self._record.authorize = await self._knock(as_it_is)
        if self._record.authorize.answer is None:
            raise CannotLogInError(f"the authorization endpoint: {self._record.authorize.trouble}")
        other_port = on_another_port(attempt.redirect_uri)
        self._record.other_port = await self._knock({**as_it_is, "redirect_uri": other_port})
        if attempt.resource:
            resource = spelled_otherwise(attempt.resource)
            self._record.other_resource = await self._knock({**as_it_is, "resource": resource})

    async def _knock(self, parameters: dict[str, str]) -> Exchange:
        return await self._ask(
            messages.get(self._authority.authorization_url(parameters), {"Accept": "text/html"})
        )

    async def _log_in(self, credentials: Credentials, attempt: Attempt) -> Document:
        """Send the authorization request, the person and the token request; return the token response.

        Only the first login is recorded: a second one, for more scopes, is judged by its result.
        """
        first = self._record.returned is None
        parameters = attempt.parameters()
        returned = await self._ask_the_person(parameters)
        if first:
            self._record.request, self._record.returned = parameters, returned
        if "code" not in returned:
            raise CannotLogInError("the authorization response has no code")
        exchange = await self._authority.token(credentials, attempt.redemption(returned["code"]))
        if first:
            self._record.token = exchange
        tokens = document_of(exchange)
        if tokens is None or credential_member(tokens, "access_token") is None:
            raise CannotLogInError("the token response has no access token")
        return tokens

    async def _ask_the_person(self, parameters: dict[str, str]) -> dict[str, str]:
        await self._visit(self._authority.authorization_url(parameters))
        returned = await self._listener.answer(self._options.patience_s)
        if returned is None:
            raise CannotLogInError(f"the redirect URI was not called within {self._options.patience_s:.0f} s")
        return returned

    def _session(self, tokens: Document) -> McpSession:
        session = McpSession(
            fetch=self._ask,
            url=self._evidence.endpoint,
            access_token=credential_member(tokens, "access_token") or "",
        )
        self._sessions.append(session)
        return session

    async def _use(self, tokens: Document) -> None:
        """Send a client's first requests, and call the tool from the options."""
        record, session = self._record, self._session(tokens)
        record.initialize = await session.open()
        if record.initialize.status == 200:
            record.tools = await session.call("tools/list")
        if record.tools is not None and record.tools.status == 200 and self._options.tool:
            record.call = await session.call("tools/call", {"name": self._options.tool, "arguments": {}})

    async def _step_up(self, credentials: Credentials, tokens: Document) -> Document:
        """If the server requires more scopes, ask the person and try again; return the newest tokens."""
        refused = self._record.refused_for_scope
        if refused is None or refused.answer is None:
            return tokens
        scopes = tuple(dict.fromkeys((*self._scopes, *wanted_scopes(refused.answer))))
        try:
            wider = await self._log_in(credentials, self._attempt(credentials, scopes))
        except CannotLogInError as error:
            self._record.step_up_refused = str(error)
            return tokens
        headers = {**refused.request.headers, "Authorization": f"Bearer {wider['access_token']}"}
        again = Request(
            method="POST",
            url=refused.url,
            headers=headers,
            body=refused.request.body,
            enough=refused.request.enough,
        )
        self._record.stepped_up = await self._ask(again)
        return wider

    async def _refresh(self, credentials: Credentials, tokens: Document) -> Document:
        """Refresh twice with the same token, like two processes of a client; return the newest tokens."""
        first = text_member(tokens, "refresh_token")
        if first is None:
            return tokens
        record = self._record
        record.refresh = await self._authority.refresh(credentials, first, self._resource)
        refreshed = _newer(tokens, record.refresh)
        if refreshed is None:
            return tokens
        record.refreshed_call = await self._session(refreshed).open()
        record.replay = await self._authority.refresh(credentials, first, self._resource)
        newest = _newer(refreshed, record.replay) or refreshed
        record.survived = await self._session(newest).open()
        return newest

    async def _revoke(self, credentials: Credentials, tokens: Document) -> None:
        """Revoke both tokens, then try to use them."""
        if not self._authority.offers("revocation_endpoint"):
            return
        for kind in ("refresh_token", "access_token"):
            if token := text_member(tokens, kind):
                self._record.revocations.append(await self._authority.revoke(credentials, token, kind))
        if any(exchange.status != 200 for exchange in self._record.revocations):
            return
        self._record.after_revocation = await _until_refused(self._session(tokens).open)
        if refresh_token := text_member(tokens, "refresh_token"):
            dead = await self._authority.refresh(credentials, refresh_token, self._resource)
            self._record.dead_refresh = dead


def _usable(resource: str | None) -> str | None:
    """Return the value of the `resource` parameter if it is an absolute URI (RFC 8707 §2), else None."""
    return resource if is_web_url(resource) else None


def _newer(tokens: Document, exchange: Exchange) -> Document | None:
    """Update `tokens` with a refresh response (RFC 6749 §6); None if that has no tokens."""
    newer = document_of(exchange)
    return {**tokens, **newer} if newer is not None and credential_member(newer, "access_token") else None


async def _until_refused(knock: Callable[[], Awaitable[Exchange]]) -> Exchange:
    """Repeat until a 401, for at most `REVOCATION_TAKES_S`; return the last exchange."""
    deadline = asyncio.get_running_loop().time() + REVOCATION_TAKES_S
    while True:
        exchange = await knock()
        if exchange.status == 401 or asyncio.get_running_loop().time() > deadline:
            return exchange
        await asyncio.sleep(_POLL_S)
