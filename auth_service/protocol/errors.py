"""OAuth errors as data: the members of the response, and details for the log (RFC 6749 §4.1.2.1, §5.2)."""

from __future__ import annotations

from typing import ClassVar, Self

from auth_service.protocol.reasons import Reason


class OAuthError(Exception):
    """An error response.

    Attributes:
        code: the `error` member on the wire.
        reason: the cause, for programs: in the log, and in JSON bodies as `reason_code`.
        status: HTTP status of a direct response.
        description: `error_description`; public, ASCII, without quotes or backslashes (RFC 6749 §5.2).
        detail: for the log only.
    """

    code: ClassVar[str] = "server_error"
    status: ClassVar[int] = 400

    def __init__(self, reason: Reason, description: str, *, detail: str | None = None) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = _printable(description)
        self.detail = detail

    def __copy__(self) -> Self:
        """Copy the error without its traceback, for an error that is cached and raised again."""
        copied = type(self).__new__(type(self), *self.args)
        copied.__dict__.update(self.__dict__)
        return copied

    def members(self) -> dict[str, str]:
        """Return the wire members, for a JSON body or a redirect's query."""
        return {"error": self.code, "error_description": self.description}


def _printable(text: str) -> str:
    # RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)


class InvalidRequestError(OAuthError):
    """The `invalid_request` error (RFC 6749 §5.2)."""

    code = "invalid_request"


class InvalidClientError(OAuthError):
    """RFC 6749 §5.2: client authentication failed."""

    code = "invalid_client"
    status = 401


class InvalidGrantError(OAuthError):
    """The `invalid_grant` error (RFC 6749 §5.2)."""

    code = "invalid_grant"


class UnauthorizedClientError(OAuthError):
    """RFC 6749 §5.2: the client may not use this grant type."""

    code = "unauthorized_client"


class ClientDisabledError(UnauthorizedClientError):
    """An administrator has disabled the client.

    Not invalid_client: on that error clients delete their registration and register again.
    """

    def __init__(self) -> None:
        super().__init__(Reason.CLIENT_DISABLED, "an administrator of this server has disabled this client")


class DisabledRegistrationError(ClientDisabledError):
    """The registration of a disabled client (RFC 7592 §2: the client has no permission)."""

    status = 403


class UnsupportedGrantTypeError(OAuthError):
    """The `unsupported_grant_type` error (RFC 6749 §5.2)."""

    code = "unsupported_grant_type"


class UnsupportedResponseTypeError(OAuthError):
    """The `unsupported_response_type` error (RFC 6749 §4.1.2.1)."""

    code = "unsupported_response_type"


class InvalidScopeError(OAuthError):
    """The `invalid_scope` error (RFC 6749 §5.2)."""

    code = "invalid_scope"


class InvalidTargetError(OAuthError):
    """The `invalid_target` error (RFC 8707 §2)."""

    code = "invalid_target"


class AccessDeniedError(OAuthError):
    """RFC 6749 §4.1.2.1: the person or the policy denied the request."""

    code = "access_denied"


class LoginRequiredError(OAuthError):
    """The `login_required` error (OpenID Connect Core §3.1.2.6)."""

    code = "login_required"


class ConsentRequiredError(OAuthError):
    """The `consent_required` error (OpenID Connect Core §3.1.2.6)."""

    code = "consent_required"


class UnmetAuthenticationRequirementsError(OAuthError):
    """OpenID Connect Core Error Code unmet_authentication_requirements §2."""

    code = "unmet_authentication_requirements"


class InvalidRequestObjectError(OAuthError):
    """The `invalid_request_object` error (RFC 9101 §7)."""

    code = "invalid_request_object"


class InvalidRequestUriError(OAuthError):
    """The `invalid_request_uri` error (RFC 9101 §7)."""

    code = "invalid_request_uri"


class RequestUriNotSupportedError(OAuthError):
    """The `request_uri_not_supported` error (OpenID Connect Core §3.1.2.6)."""

    code = "request_uri_not_supported"


class InvalidRedirectUriError(OAuthError):
    """The `invalid_redirect_uri` error (RFC 7591 §3.2.2)."""

    code = "invalid_redirect_uri"


class InvalidClientMetadataError(OAuthError):
    """The `invalid_client_metadata` error (RFC 7591 §3.2.2)."""

    code = "invalid_client_metadata"


class InvalidSoftwareStatementError(OAuthError):
    """The `invalid_software_statement` error (RFC 7591 §3.2.2)."""

    code = "invalid_software_statement"


class UnapprovedSoftwareStatementError(OAuthError):
    """The `unapproved_software_statement` error (RFC 7591 §3.2.2)."""

    code = "unapproved_software_statement"


class InvalidTokenError(OAuthError):
    """The `invalid_token` error (RFC 6750 §3.1)."""

    code = "invalid_token"
    status = 401


class InsufficientScopeError(OAuthError):
    """The `insufficient_scope` error (RFC 6750 §3.1)."""

    code = "insufficient_scope"
    status = 403


class UnsupportedTokenTypeError(OAuthError):
    """The `unsupported_token_type` error (RFC 7009 §2.2.1)."""

    code = "unsupported_token_type"


class AuthorizationPendingError(OAuthError):
    """The `authorization_pending` error (RFC 8628 §3.5)."""

    code = "authorization_pending"


class PollingTooFastError(OAuthError):
    """The `slow_down` error (RFC 8628 §3.5)."""

    code = "slow_down"


class ExpiredTokenError(OAuthError):
    """The `expired_token` error (RFC 8628 §3.5)."""

    code = "expired_token"


class InvalidDpopProofError(OAuthError):
    """The `invalid_dpop_proof` error (RFC 9449 §5)."""

    code = "invalid_dpop_proof"


class UseDpopNonceError(OAuthError):
    """The `use_dpop_nonce` error (RFC 9449 §8)."""

    code = "use_dpop_nonce"

    def __init__(self, reason: Reason, description: str, *, nonce: str) -> None:
        super().__init__(reason, description)
        self.nonce = nonce


class SlowDownError(OAuthError):
    """Too many requests from one network (RFC 6585 §4)."""

    code = "temporarily_unavailable"
    status = 429

    def __init__(self, reason: Reason, description: str, *, retry_after_s: int) -> None:
        super().__init__(reason, description)
        self.retry_after_s = retry_after_s


class TemporarilyUnavailableError(OAuthError):
    """The `temporarily_unavailable` error (RFC 6749 §4.1.2.1)."""

    code = "temporarily_unavailable"
    status = 503


class KeysUnavailableError(TemporarilyUnavailableError):
    """The keys for a verification cannot be fetched; this says nothing about what was to be verified."""


class ServerUnavailableError(TemporarilyUnavailableError):
    """This server cannot answer: its store is unavailable, or too much work is queued."""


class QuotaExceededError(OAuthError):
    """The operator's limit on registrations is reached (RFC 9110 §15.6.4)."""

    code = "temporarily_unavailable"
    status = 503
    retry_after_s = 600


class NotAResourceServerError(UnauthorizedClientError):
    """The caller is authenticated, but is not a resource server."""

    status = 403


class NotConfiguredError(OAuthError):
    """Nobody connects an account for the resource of the token."""

    code = "not_configured"
    status = 404


class InactiveTokenError(OAuthError):
    """A token in the body of a request is not active for the caller."""

    code = "invalid_token"


class UnknownPositionError(OAuthError):
    """None of the events that a receiver has is remembered here: others may have occurred since."""

    code = "unknown_position"
    status = 409


class BodyTooLargeError(OAuthError):
    """The request body is too large (RFC 9110 §15.5.14)."""

    code = "invalid_request"
    status = 413
