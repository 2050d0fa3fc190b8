"""The error code and status of each refusal."""

from __future__ import annotations

import copy

import pytest

from auth_service.protocol import errors
from auth_service.protocol.errors import OAuthError, SlowDownError, UseDpopNonceError
from auth_service.protocol.reasons import Reason

WIRE = {
    errors.InvalidRequestError: ("invalid_request", 400),
    errors.InvalidClientError: ("invalid_client", 401),
    errors.InvalidGrantError: ("invalid_grant", 400),
    errors.UnauthorizedClientError: ("unauthorized_client", 400),
    errors.ClientDisabledError: ("unauthorized_client", 400),
    errors.DisabledRegistrationError: ("unauthorized_client", 403),
    errors.UnsupportedGrantTypeError: ("unsupported_grant_type", 400),
    errors.UnsupportedResponseTypeError: ("unsupported_response_type", 400),
    errors.InvalidScopeError: ("invalid_scope", 400),
    errors.InvalidTargetError: ("invalid_target", 400),
    errors.AccessDeniedError: ("access_denied", 400),
    errors.LoginRequiredError: ("login_required", 400),
    errors.ConsentRequiredError: ("consent_required", 400),
    errors.UnmetAuthenticationRequirementsError: ("unmet_authentication_requirements", 400),
    errors.InvalidRequestObjectError: ("invalid_request_object", 400),
    errors.InvalidRequestUriError: ("invalid_request_uri", 400),
    errors.RequestUriNotSupportedError: ("request_uri_not_supported", 400),
    errors.InvalidRedirectUriError: ("invalid_redirect_uri", 400),
    errors.InvalidClientMetadataError: ("invalid_client_metadata", 400),
    errors.InvalidSoftwareStatementError: ("invalid_software_statement", 400),
    errors.UnapprovedSoftwareStatementError: ("unapproved_software_statement", 400),
    errors.InvalidTokenError: ("invalid_token", 401),
    errors.InsufficientScopeError: ("insufficient_scope", 403),
    errors.UnsupportedTokenTypeError: ("unsupported_token_type", 400),
    errors.AuthorizationPendingError: ("authorization_pending", 400),
    errors.PollingTooFastError: ("slow_down", 400),
    errors.ExpiredTokenError: ("expired_token", 400),
    errors.InvalidDpopProofError: ("invalid_dpop_proof", 400),
    errors.UseDpopNonceError: ("use_dpop_nonce", 400),
    errors.SlowDownError: ("temporarily_unavailable", 429),
    errors.TemporarilyUnavailableError: ("temporarily_unavailable", 503),
    errors.KeysUnavailableError: ("temporarily_unavailable", 503),
    errors.ServerUnavailableError: ("temporarily_unavailable", 503),
    errors.QuotaExceededError: ("temporarily_unavailable", 503),
    errors.NotAResourceServerError: ("unauthorized_client", 403),
    errors.UnknownPositionError: ("unknown_position", 409),
    errors.NotConfiguredError: ("not_configured", 404),
    errors.InactiveTokenError: ("invalid_token", 400),
    errors.BodyTooLargeError: ("invalid_request", 413),
}


def test_every_refusal_has_its_code_and_status() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OAuthError)
    ]
    kinds.remove(OAuthError)
    assert {kind: (kind.code, kind.status) for kind in kinds} == WIRE
    assert (OAuthError.code, OAuthError.status) == ("server_error", 400)


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("the code has expired", "the code has expired"),
        ('a "quoted" word', "a 'quoted' word"),
        ("line\r\nbreak", "line" + "'" * 2 + "break"),
        (' !#[]^~"\\', " !#[]^~" + "'" * 2),
        ("ü\n\x7f\x1f", "'" * 4),
    ],
)
def test_a_description_has_only_the_characters_of_rfc_6749(text: str, sent: str) -> None:
    error = errors.InvalidGrantError(Reason.PARAMETER_MISSING, text, detail="for the log")
    assert error.members() == {"error": "invalid_grant", "error_description": sent}
    assert (str(error), error.reason, error.detail) == (text, Reason.PARAMETER_MISSING, "for the log")


def test_a_nonce_and_a_time_to_wait_go_along() -> None:
    nonce = UseDpopNonceError(Reason.PARAMETER_MISSING, "a nonce", nonce="n")
    slow_down = SlowDownError(Reason.PARAMETER_MISSING, "too many", retry_after_s=7)
    assert (nonce.nonce, slow_down.retry_after_s) == ("n", 7)
    assert (nonce.description, slow_down.description) == ("a nonce", "too many")
    assert errors.QuotaExceededError(Reason.PARAMETER_MISSING, "full").retry_after_s == 600


def test_a_refusal_that_is_raised_again_is_the_same_refusal() -> None:
    nonce = UseDpopNonceError(Reason.DPOP_NONCE_REQUIRED, "with a nonce", nonce="n")
    for error in (nonce, errors.InvalidRequestError(Reason.PARAMETER_MISSING, "x is missing", detail="why")):
        again = copy.copy(error)
        assert again is not error
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_a_disabled_client_is_told_by_whom() -> None:
    error = errors.ClientDisabledError()
    assert (error.reason, "an administrator" in error.description) == (Reason.CLIENT_DISABLED, True)
