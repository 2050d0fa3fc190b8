"""POST /login/{provider} and GET /callback/{provider}: login through an identity provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.pending import PendingRequests
from auth_service.crypto.secrets import digest
from auth_service.federation.accounts import FederatedAccounts, How
from auth_service.federation.code_exchange import AuthorizationAnswer
from auth_service.federation.errors import IdentityRefusedError, ProviderUnavailableError
from auth_service.federation.id_tokens import ProviderIdTokens
from auth_service.federation.logins import FederatedLogins, LoginPurpose, LoginSecrets
from auth_service.federation.provider_logout import ProviderSessions
from auth_service.pages.descriptions.federated_login import BEGIN, COME_BACK
from auth_service.pages.login import LOGIN_METHODS, PROVEN_BY_LOGIN, after_login, destination
from auth_service.pages.provider_failures import Failure, ProviderFailures, failure_of
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.federated_identity import (
    FederatedIdentity,
    FederationError,
    InvalidProviderResponseError,
)
from auth_service.protocol.fresh_login import (
    Freshness,
    NotFreshError,
    check_freshness,
    fresh_parameters,
)
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.request_source import RequestSource
from auth_service.rate_limits import Throttle
from auth_service.users.repository import User
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, shows_errors, trusted_form
from auth_service.web.http import form_of
from auth_service.web.login_sessions import LoginSessions
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.second_steps import FirstFactor, SecondSteps
from shared.asgi import not_found
from shared.clock import Clock
from shared.encoded_text import encoded
from shared.logs import get_logger

_log = get_logger(__name__)
_FRESH_LOGIN_S = 600
"""The maximum age of the login in which a person connects another identity, in seconds."""


class ProviderLogin(Protocol):
    """The relying party's side of one login protocol; see `OpenIdLogin`."""

    async def authorization_url(self, provider: IdentityProvider, parameters: Mapping[str, str]) -> str: ...

    async def check_issuer(self, provider: IdentityProvider, iss: str | None) -> None: ...

    async def identify(
        self, provider: IdentityProvider, answer: AuthorizationAnswer
    ) -> FederatedIdentity: ...


@dataclass(frozen=True, kw_only=True)
class FederatedLoginPages:
    """Sends people to their provider, and logs them in when they come back."""

    providers: Mapping[str, IdentityProvider]
    by_protocol: Mapping[str, ProviderLogin]
    logins: FederatedLogins
    accounts: FederatedAccounts
    provider_sessions: ProviderSessions
    id_tokens: ProviderIdTokens
    context: PageContext
    begun: LoginSessions
    second_steps: SecondSteps
    pending: PendingRequests
    throttle: Throttle
    clock: Clock
    failures: ProviderFailures
    issuer: str

    async def begin(self, request: Request) -> Response:
        """Send a person to a provider. Only our own form may begin a login, not a link on another site."""
        provider = self._provider(request)
        connects = (await form_of(request)).get("connect") is not None
        fields, browser = await trusted_form(self.context.browsers, request, logs_in=not connects)
        if provider is None:
            return _not_found(request)
        await self.throttle.attempt(self.context.networks.network_of(request))
        purpose = await self._purpose(fields, browser, connects=connects)
        if purpose is None:
            return see_other("../login?to=account")
        purpose = self._with_freshness(purpose, provider, await self._request(purpose, browser))
        if purpose.freshness == Freshness.REQUIRED and not provider.preset.sends_auth_time:
            error = NotFreshError("the provider never says when it authenticated people")
            return self.failures.page(provider, Failure.NOT_FRESH, error, purpose=purpose)
        secrets = await self.logins.begin(provider.provider_id, browser.browser_id or "", purpose)
        asked_by = await self._request(purpose, browser)
        parameters = self._parameters(provider, secrets, purpose, asked_by)
        try:
            location = await self._protocol(provider).authorization_url(provider, parameters)
        except ProviderUnavailableError as error:
            return self.failures.page(provider, Failure.UNAVAILABLE, error, purpose=purpose)
        return see_other(location)

    async def _purpose(self, fields: Parameters, browser: Browser, *, connects: bool) -> LoginPurpose | None:
        """Return the purpose of the login; None if somebody has to log in first."""
        if connects:
            session = await self.context.sessions.find(browser.session)
            if session is None or not session.is_fresh(self.clock(), _FRESH_LOGIN_S):
                return None
            return LoginPurpose(links=session.subject)
        pending_id = fields.get("pending")
        if pending_id and await self.pending.get(pending_id, browser.browser_id) is None:
            raise RequestOverError
        return LoginPurpose(pending_id=pending_id, to=destination(fields))

    async def _request(self, purpose: LoginPurpose, browser: Browser) -> AuthorizationRequest | None:
        pending = await self.pending.get(purpose.pending_id, browser.browser_id)
        return pending.request if pending else None

    def _with_freshness(
        self, purpose: LoginPurpose, provider: IdentityProvider, request: AuthorizationRequest | None
    ) -> LoginPurpose:
        freshness = Freshness.IF_KNOWN if purpose.to else Freshness.ANY
        if purpose.links is not None:
            # The person who is logged in here has just authenticated; see `_purpose`.
            freshness = Freshness.REQUIRED if provider.preset.sends_auth_time else Freshness.ANY
        elif purpose.to in PROVEN_BY_LOGIN or (
            purpose.to == LOGIN_METHODS and provider.preset.sends_auth_time
        ):
            freshness = Freshness.REQUIRED
        elif request and ("login" in request.prompts or request.max_age is not None):
            # The client wants proof that the person is present now, not that they once were.
            freshness = Freshness.REQUIRED
        return replace(purpose, freshness=freshness, since=int(self.clock()))

    def _parameters(
        self,
        provider: IdentityProvider,
        secrets: LoginSecrets,
        purpose: LoginPurpose,
        request: AuthorizationRequest | None,
    ) -> dict[str, str]:
        parameters = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self._callback(provider),
            "scope": " ".join(provider.scopes),
            "state": secrets.state,
            "nonce": secrets.nonce,
            "code_challenge": secrets.challenge,
            "code_challenge_method": "S256",
            **provider.preset.parameters,
            **fresh_parameters(provider, Freshness(purpose.freshness)),
        }
        if request and request.login_hint:
            parameters["login_hint"] = request.login_hint
        return parameters

    async def come_back(self, request: Request) -> Response:
        """Log in a person who comes back from a provider."""
        provider = self._provider(request)
        if provider is None:
            return _not_found(request)
        query = parse_parameters(request.scope["query_string"])
        browser, state = self.context.browsers.browser_of(request), query.get("state")
        login = await self.logins.get(state, browser.browser_id, provider.provider_id)
        purpose = self.logins.purpose_of(login) if login else None
        if state is None or purpose is None:
            _log.info("federated login refused", provider=provider.provider_id, reason="unknown state")
            raise RequestOverError
        if not await self.logins.claim(state):
            return await self._again(state, browser)
        led_to = self.failures.back(purpose)
        try:
            response = await self._answered(request, provider, query, purpose=purpose)
            led_to = response.headers.get("location") or led_to
        finally:
            await self.logins.finish(state, led_to)
        return response

    async def _again(self, state: str, browser: Browser) -> Response:
        """Return the response to a browser that comes back again (double click, back button)."""
        location = await self.logins.outcome(state)
        if location is None:
            raise RequestOverError
        drawn = self.logins.secrets_of(state).session
        return see_other(location, await self.begun.cookies_again(browser, drawn))

    async def _answered(
        self, request: Request, provider: IdentityProvider, query: Parameters, *, purpose: LoginPurpose
    ) -> Response:
        origin = self.context.networks.network_of(request)
        browser, federated = self.context.browsers.browser_of(request), None
        try:
            await self._protocol(provider).check_issuer(provider, query.get("iss"))
            if query.get("error") is not None:
                return self.failures.denied(provider, query, purpose=purpose)
            federated = await self._identified(provider, query)
            check_freshness(federated.auth_time, Freshness(purpose.freshness), since=purpose.since)
            user, how = await self._account(federated, provider, browser, purpose)
        except IdentityRefusedError as error:
            return self.failures.refused(provider, error, purpose=purpose, who=federated, origin=origin)
        except FederationError as error:
            return self.failures.page(provider, failure_of(error), error, purpose=purpose)
        secret = self.logins.secrets_of(query.require("state")).session
        # Recorded before the session begins, so that a logout at the provider does not miss it.
        await self.provider_sessions.note(federated, user.subject)
        await self.id_tokens.note(federated, provider.provider_id, user.subject)
        if purpose.links is None and await self.second_steps.needs(user):
            return await self._second_step(
                browser, user, federated, provider=provider, purpose=purpose, secret=secret
            )
        return await self._log_in(
            browser,
            provider,
            user,
            how=how,
            purpose=purpose,
            secret=secret,
            federated=federated,
            source=self.context.source_of(request),
        )

    async def _identified(self, provider: IdentityProvider, query: Parameters) -> FederatedIdentity:
        code, secrets = query.get("code"), self.logins.secrets_of(query.require("state"))
        if code is None:
            raise InvalidProviderResponseError("the response has neither a code nor an error")
        answered = AuthorizationAnswer(
            code=code,
            iss=query.get("iss"),
            nonce=secrets.nonce,
            verifier=secrets.verifier,
            redirect_uri=self._callback(provider),
        )
        return await self._protocol(provider).identify(provider, answered)

    async def _account(
        self,
        federated: FederatedIdentity,
        provider: IdentityProvider,
        browser: Browser,
        purpose: LoginPurpose,
    ) -> tuple[User, How]:
        if purpose.links is None:
            return await self.accounts.account_of(federated, provider)
        session = await self.context.sessions.find(browser.session)
        if session is None or session.subject != purpose.links:
            raise RequestOverError
        return await self.accounts.connect(federated, provider, purpose.links), How.CONNECTED

    async def _second_step(
        self,
        browser: Browser,
        user: User,
        federated: FederatedIdentity,
        *,
        provider: IdentityProvider,
        purpose: LoginPurpose,
        secret: str,
    ) -> Response:
        first = FirstFactor(
            pending_id=purpose.pending_id,
            to=purpose.to,
            provider_id=provider.provider_id,
            provider_issuer=federated.issuer,
            provider_subject=federated.subject,
            provider_session=federated.session_id,
            auth_time=federated.auth_time,
        )
        step = await self.second_steps.begin(
            digest(f"second step {secret}"), browser.browser_id or "", user, first
        )
        return see_other(f"../{step}")

    async def _log_in(
        self,
        browser: Browser,
        provider: IdentityProvider,
        user: User,
        *,
        how: How,
        purpose: LoginPurpose,
        secret: str,
        federated: FederatedIdentity,
        source: RequestSource,
    ) -> Response:
        await self.pending.join_trace(purpose.pending_id, browser.browser_id)
        begun = await self.begun.begin(
            browser,
            user,
            secret,
            provider_id=provider.provider_id,
            provider_session=federated.session_id,
            auth_time=federated.auth_time,
            source=source,
        )
        who = {"subject": user.subject, "username": encoded(user.username), "origin": source.network}
        if begun is None:
            return self.failures.disabled(provider, purpose=purpose, **who)
        # Checked after the session began: a logout at the provider is recorded, and an identity disconnected,
        # before the sessions end.
        ended = await self.provider_sessions.has_ended(federated)
        if ended or not await self.accounts.is_connected(federated, user):
            await self.context.sessions.end_those(
                user.subject, lambda session: session.key == begun.session.key
            )
            over = InvalidProviderResponseError(
                "the session at the provider has ended, or the identity was disconnected"
            )
            return self.failures.page(provider, Failure.INVALID, over, purpose=purpose)
        _log.info(
            "login",
            method="provider",
            session_id=begun.session.session_id,
            provider=provider.provider_id,
            how=how.value,
            **who,
        )
        if purpose.pending_id and await self.pending.get(purpose.pending_id, browser.browser_id):
            await self.pending.note_login(purpose.pending_id, begun.session.session_id)
            return see_other(f"../authorize?pending={purpose.pending_id}", begun.cookies)
        return see_other(f"../{after_login(purpose.to)}", begun.cookies)

    def _provider(self, request: Request) -> IdentityProvider | None:
        return self.providers.get(request.path_params["provider"])

    def _protocol(self, provider: IdentityProvider) -> ProviderLogin:
        return self.by_protocol[provider.preset.protocol]

    def _callback(self, provider: IdentityProvider) -> str:
        return f"{self.issuer}/callback/{provider.provider_id}"

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of both pages."""
        return [
            Endpoint(
                path="/login/{provider}",
                handler=shows_errors(self.context.errors, self.begin),
                methods=("POST",),
                operations={"POST": BEGIN},
            ),
            Endpoint(
                path="/callback/{provider}",
                handler=shows_errors(self.context.errors, self.come_back),
                methods=("GET",),
                operations={"GET": COME_BACK},
            ),
        ]


def _not_found(request: Request) -> Response:
    return not_found(request.scope)
