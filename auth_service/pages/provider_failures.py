"""The pages for failed logins through a provider: what happened, and whom to contact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.federation.errors import IdentityRefusedError, ProviderUnavailableError
from auth_service.federation.logins import LoginPurpose
from auth_service.protocol.federated_accounts import Refusal
from auth_service.protocol.federated_identity import FederatedIdentity, FederationError
from auth_service.protocol.fresh_login import NotFreshError
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.render import PageTemplates
from shared.encoded_text import encoded
from shared.logs import get_logger

_log = get_logger(__name__)
RETRY_AFTER_S = 10


class Failure(Enum):
    """A failure: the status of the page, the part of the template that explains it, and the reason code."""

    UNAVAILABLE = (503, "unavailable", Reason.PROVIDER_UNAVAILABLE)
    INVALID = (400, "invalid", Reason.PROVIDER_ANSWER_INVALID)
    NOT_FRESH = (403, "not_fresh", Reason.PROVIDER_LOGIN_NOT_FRESH)
    DENIED = (400, "denied", Reason.PROVIDER_DENIED)
    DISABLED = (403, "disabled", Reason.LOGIN_FAILED)
    NOT_ALLOWED = (403, "not_allowed", Reason.PROVIDER_PERSON_NOT_ALLOWED)
    GROUPS_UNKNOWN = (403, "groups_unknown", Reason.PROVIDER_GROUPS_UNKNOWN)
    LOG_IN_FIRST = (403, "log_in_first", Reason.PROVIDER_ACCOUNT_EXISTS)
    TAKEN = (403, "taken", Reason.PROVIDER_IDENTITY_TAKEN)

    @property
    def status(self) -> int:
        """The status of the page."""
        return self.value[0]

    @property
    def part(self) -> str:
        """The part of the template."""
        return self.value[1]

    @property
    def reason_code(self) -> str:
        """The reason code for the log."""
        return self.value[2].code


_OF_REFUSAL = {
    Refusal.NOT_ALLOWED: Failure.NOT_ALLOWED,
    Refusal.GROUPS_UNKNOWN: Failure.GROUPS_UNKNOWN,
    Refusal.LOG_IN_FIRST: Failure.LOG_IN_FIRST,
    Refusal.TAKEN: Failure.TAKEN,
    Refusal.NO_NAME: Failure.NOT_ALLOWED,
}


def failure_of(error: FederationError) -> Failure:
    """Return the failure for an error."""
    if isinstance(error, ProviderUnavailableError):
        return Failure.UNAVAILABLE
    return Failure.NOT_FRESH if isinstance(error, NotFreshError) else Failure.INVALID


@dataclass(frozen=True, kw_only=True)
class ProviderFailures:
    """Shows and logs failures, with a link to the other ways to log in.

    Attributes:
        measure: called with each failure; None measures nothing.
    """

    templates: PageTemplates
    measure: Callable[[], None] | None = None

    def page(
        self, provider: IdentityProvider, failure: Failure, error: FederationError, *, purpose: LoginPurpose
    ) -> Response:
        """Return the page for a provider that cannot be reached or sends an invalid response."""
        level = _log.warning if failure is Failure.UNAVAILABLE else _log.info
        level(
            "federated login failed",
            provider=provider.provider_id,
            status=failure.status,
            reason=error.reason,
            reason_code=failure.reason_code,
            detail=error.detail,
        )
        return self._render(provider, failure, purpose)

    def denied(self, provider: IdentityProvider, query: Parameters, *, purpose: LoginPurpose) -> Response:
        """Return the page for an error response, whose text is only logged: anybody may have written it."""
        code, description = query.get("error") or "", query.get("error_description") or ""
        _log.info(
            "federated login failed",
            provider=provider.provider_id,
            status=Failure.DENIED.status,
            reason="the provider answered with an error",
            reason_code=Failure.DENIED.reason_code,
            detail=encoded(f"{code[:50]} {description[:200]}"),
        )
        return self._render(provider, Failure.DENIED, purpose)

    def refused(
        self,
        provider: IdentityProvider,
        error: IdentityRefusedError,
        *,
        purpose: LoginPurpose,
        who: FederatedIdentity | None,
        origin: str,
    ) -> Response:
        """Return the page for a person who is authenticated at the provider, but may not log in here."""
        failure = _OF_REFUSAL[error.refusal]
        _log.info(
            "federated login refused",
            provider=provider.provider_id,
            provider_subject=encoded(who.subject) if who else None,
            status=failure.status,
            reason=error.reason,
            reason_code=failure.reason_code,
            origin=origin,
        )
        return self._render(provider, failure, purpose, who=who.names[0] if who and who.names else None)

    def disabled(self, provider: IdentityProvider, *, purpose: LoginPurpose, **who: str) -> Response:
        """Return the page for a disabled account."""
        _log.info(
            "login failed",
            reason="the account is disabled",
            reason_code=Failure.DISABLED.reason_code,
            status=Failure.DISABLED.status,
            provider=provider.provider_id,
            **who,
        )
        return self._render(provider, Failure.DISABLED, purpose)

    def back(self, purpose: LoginPurpose) -> str:
        """Return the URL of the page with the other ways to log in."""
        if purpose.links:
            return "../account"
        query = {"pending": purpose.pending_id, "to": purpose.to}
        query_string = urlencode({name: value for name, value in query.items() if value})
        return f"../login?{query_string}" if query_string else "../login"

    def _render(
        self, provider: IdentityProvider, failure: Failure, purpose: LoginPurpose, who: str | None = None
    ) -> Response:
        if self.measure is not None:
            self.measure()
        context = {
            "provider": provider.label,
            "contact": provider.contact,
            "part": failure.part,
            "who": who,
            "back": self.back(purpose),
        }
        response = self.templates.render("federated_login_failed.html", context, status=failure.status)
        if failure is Failure.UNAVAILABLE:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response
