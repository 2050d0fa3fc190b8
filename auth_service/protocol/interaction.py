"""The next step of a pending authorization request: login, second factor, consent or response.

OpenID Connect Core §3.1.2, RFC 9470 §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from auth_service.protocol import redirect_uris
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.claims_request import ACR_MFA, ACR_PASSWORD
from auth_service.protocol.client import Client
from auth_service.protocol.errors import (
    AccessDeniedError,
    ConsentRequiredError,
    LoginRequiredError,
    UnmetAuthenticationRequirementsError,
)
from auth_service.protocol.reasons import Reason
from auth_service.protocol.redirect_uris import RedirectUriType
from auth_service.protocol.second_factor import satisfies

REPEATED_FOR_S = 60
"""How long a completed request is kept, so that a second click gets the same response (ID-10)."""


class Step(Enum):
    """The next page for the user, or the response."""

    LOGIN = "login"
    SECOND_FACTOR = "second-factor"
    CONSENT = "consent"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The user logged in at the browser.

    Attributes:
        session_id: identifies the session; not a secret.
        auth_time: seconds since 1970.
        auth_time_known: whether the person is known to have authenticated then, and not some time before.
        acr: how the user logged in.
    """

    subject: str
    session_id: str
    auth_time: int
    acr: str = ACR_PASSWORD
    auth_time_known: bool = True

    def is_older_than(self, max_age: int | None, now: int) -> bool:
        """Check whether the login is too old for a request (OpenID Connect Core §3.1.2.1).

        A provider that does not say when it authenticated the person may have done so at any time.

        Args:
            max_age: in seconds; None for any age.
        """
        return max_age is not None and (not self.auth_time_known or now - self.auth_time > max_age)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision made on the consent page.

    Attributes:
        granted: the scopes left checked; None for a refusal.
        session_id: the session in which the page was shown.
    """

    subject: str
    granted: tuple[str, ...] | None = None
    session_id: str | None = None

    def counts_for(self, login: Login) -> bool:
        """Check whether the decision was made in the session of `login`."""
        return self.subject == login.subject and self.session_id in (None, login.session_id)


@dataclass(frozen=True, slots=True)
class Approval:
    """An earlier consent (AS-9)."""

    redirect_uri: str
    resource: str | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a pending request.

    Attributes:
        login_session: the session that was started for this request; None before that.
        cancelled: whether the user pressed Cancel instead of logging in.
    """

    login_session: str | None = None
    decision: Decision | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The response to a request, stored so that it can be repeated.

    Nothing in it authenticates: a code is generated again from the id of its grant.

    Attributes:
        grant_id: the grant whose code was the response; None for other responses.
        code_expires_at: seconds since 1970.
        error: the members of an error response (RFC 6749 §4.1.2.1).
        on_page: whether the error is shown to the user instead of being redirected (RFC 9700 §4.11.2).
        no_access: whether the access rules give the user nothing; the page then says whom to ask.
        device_connected: for a device's request, whether the device may have its tokens.
    """

    grant_id: str | None = None
    code_expires_at: int = 0
    error: dict[str, str] | None = None
    device_connected: bool | None = None
    on_page: bool = False
    no_access: bool = False


def next_step(
    request: AuthorizationRequest,
    *,
    client: Client,
    progress: Progress,
    login: Login | None,
    approvals: tuple[Approval, ...],
    now: int,
    second_factor: bool = False,
) -> Step:
    """Determine the next step.

    Args:
        second_factor: whether the policy requires a second factor of this user or for this request.

    Raises:
        LoginRequiredError: a login or a second factor is needed but `prompt=none`, or another user is
            requested.
        UnmetAuthenticationRequirementsError: the requested kind of login is not available.
        ConsentRequiredError: a consent is needed but `prompt=none`.
        AccessDeniedError: the user denied the request, or cancelled the login.
    """
    if progress.cancelled:
        raise AccessDeniedError(Reason.LOGIN_CANCELLED, "the login was cancelled")
    silent = "none" in request.prompts
    met = login is not None and satisfies(login.acr, request.acr)
    if request.acr and not met and not {ACR_PASSWORD, ACR_MFA} & set(request.acr):
        raise UnmetAuthenticationRequirementsError(
            Reason.ACR_UNAVAILABLE, "this server offers no login with the requested acr"
        )
    if login is None or _needs_fresh_login(request, progress, login, now):
        if silent:
            raise LoginRequiredError(Reason.LOGIN_REQUIRED, "nobody is logged in, or not recently enough")
        return Step.LOGIN
    if request.subject not in (None, login.subject):
        raise LoginRequiredError(
            Reason.OTHER_USER_LOGGED_IN, "the client requested another user than the one who is logged in"
        )
    if login.acr != ACR_MFA and (second_factor or _wants_second_factor(request, login)):
        if silent:
            raise LoginRequiredError(Reason.SECOND_FACTOR_REQUIRED, "a second factor is required")
        return Step.SECOND_FACTOR
    # A decision counts only in its own session. A user who logs in after it is asked again and never
    # connected silently: another user pressed the button.
    decision = progress.decision
    if decision is not None:
        if not decision.counts_for(login):
            return Step.CONSENT
        if decision.granted is None:
            raise AccessDeniedError(Reason.ACCESS_DENIED, "the user denied access")
        return Step.ISSUE
    if "consent" not in request.prompts and may_be_silent(request, client, approvals):
        return Step.ISSUE
    if silent:
        raise ConsentRequiredError(Reason.CONSENT_REQUIRED, "the user has not consented to this access")
    return Step.CONSENT


def _needs_fresh_login(request: AuthorizationRequest, progress: Progress, login: Login, now: int) -> bool:
    if request.acr and ACR_MFA not in request.acr and not satisfies(login.acr, request.acr):
        return True
    if progress.login_session == login.session_id:
        return False
    if request.subject not in (None, login.subject):
        return True
    forced = "login" in request.prompts or "select_account" in request.prompts
    return forced or login.is_older_than(request.max_age, now)


def _wants_second_factor(request: AuthorizationRequest, login: Login) -> bool:
    """Check whether the client asks for one (RFC 9470 §4) and would not accept the login as it is."""
    return any(
        ACR_MFA in acceptable and not satisfies(login.acr, acceptable)
        for acceptable in (request.acr, request.acr_values)
    )


def may_be_silent(request: AuthorizationRequest, client: Client, approvals: tuple[Approval, ...]) -> bool:
    """Check whether an earlier consent covers this request without asking again.

    Never true for a client that any program on the user's machine could impersonate (RFC 8252 §8.6).
    """
    if (
        request.device
        or client.reaches != {RedirectUriType.WEB}
        or redirect_uris.redirect_uri_type(request.redirect_uri) is not RedirectUriType.WEB
    ):
        return False
    return any(
        approval.redirect_uri == request.redirect_uri
        and approval.resource == request.resource
        and set(request.scopes) <= set(approval.scopes)
        for approval in approvals
    )


def granted_scopes(request: AuthorizationRequest, progress: Progress) -> tuple[str, ...]:
    """Return the scopes to issue: the requested ones minus those the user unchecked."""
    if progress.decision is None or progress.decision.granted is None:
        return request.scopes
    return tuple(scope for scope in request.scopes if scope in progress.decision.granted)
