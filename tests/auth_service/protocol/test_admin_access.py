"""Which clients may be granted the scope of the admin API."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.admin_access import (
    SCOPE,
    ConflictError,
    InsufficientUserAuthenticationError,
    NotThereError,
    PreconditionFailedError,
    PreconditionRequiredError,
    admin_resource_of,
    may_administer,
)
from auth_service.protocol.client import Client
from auth_service.protocol.errors import OAuthError
from auth_service.protocol.reasons import Reason
from tests.auth_service.protocol.builders import NOW, client

pytestmark = pytest.mark.requirement("ID-8")

OPERATORS = replace(client(scope=f"notes:read {SCOPE}"), expires_at=None)


@pytest.mark.parametrize(
    ("of", "may"),
    [
        (OPERATORS, True),
        (replace(OPERATORS, disabled=True), False),
        (replace(OPERATORS, expires_at=NOW), False),
        (replace(OPERATORS, fresh_until=NOW), False),
        (replace(OPERATORS, metadata=client(scope="notes:read").metadata), False),
        (replace(OPERATORS, metadata=client().metadata), False),
        (replace(OPERATORS, metadata=client(scope=f'{SCOPE} "').metadata), False),
    ],
)
def test_only_a_client_that_the_operator_registered_for_it_may_administer(of: Client, may: bool) -> None:
    assert may_administer(of) is may


def test_the_api_is_a_resource_below_the_issuer() -> None:
    assert admin_resource_of("https://auth.example") == "https://auth.example/admin/api"


def test_an_insufficient_login_says_which_one_is_needed() -> None:
    error = InsufficientUserAuthenticationError(Reason.SESSION_ENDED, "log in", max_age_s=600, acr="mfa")
    assert (error.reason, error.description) == (Reason.SESSION_ENDED, "log in")
    assert (error.max_age_s, error.acr, error.status) == (600, "mfa", 401)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotThereError, 404),
        (ConflictError, 409),
        (PreconditionFailedError, 412),
        (PreconditionRequiredError, 428),
    ],
)
def test_an_error_of_the_admin_api_has_the_status_of_its_standard(
    error: type[OAuthError], status: int
) -> None:
    assert error.status == status
