"""The login of a session, as the protocol rules and grants see it."""

from __future__ import annotations

import pytest

from auth_service.users.sessions import Session
from tests.auth_service.protocol.builders import NOW


@pytest.mark.requirement("AS-17", "ID-1")
@pytest.mark.parametrize(
    ("reported", "amr", "proven"),
    [(True, (), True), (False, (), False), (False, ("otp",), False), (False, ("otp", "mfa"), True)],
)
def test_the_time_of_a_login_is_proven_by_the_provider_or_by_a_second_factor(
    *, reported: bool, amr: tuple[str, ...], proven: bool
) -> None:
    session = Session(
        session_id="session-1",
        subject="subject-1",
        username="ada",
        auth_time=NOW,
        expires_at=NOW + 60,
        provider_id="corp",
        amr=amr,
        auth_time_known=reported,
    )
    assert session.login.auth_time_known is proven
    assert session.owner.auth_time_known is proven
