"""Failed logins are counted by the method that failed (JR-7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth_service.metrics import LOGINS, METRICS, AuthMetrics
from auth_service.protocol.reasons import Reason
from shared.metrics.measurements import Measurements
from shared.metrics.totals import Totals

pytestmark = pytest.mark.requirement("JR-7")


@pytest.mark.parametrize(
    ("reason", "counted"),
    [
        (Reason.LOGIN_FAILED, ("password", "failed")),
        (Reason.LOGIN_FAILURES_EXCEEDED, ("password", "rate_limited")),
        (Reason.LOGIN_QUEUE_FULL, ("password", "busy")),
        (Reason.SECOND_FACTOR_WRONG, ("second_factor", "failed")),
        (Reason.SECOND_FACTOR_FAILURES_EXCEEDED, ("second_factor", "rate_limited")),
        (Reason.FORM_FIELD_INVALID, None),
    ],
)
def test_a_refused_login_is_counted_by_its_method(
    reason: Reason, counted: tuple[str, str] | None, tmp_path: Path
) -> None:
    metrics = AuthMetrics(Measurements(tmp_path))
    metrics.request_done("/login", 400, reason.code, 0.1)
    assert Totals(tmp_path, METRICS).read()[LOGINS] == ({counted: [1.0]} if counted else {})


def test_a_failed_login_at_an_identity_provider_is_counted(tmp_path: Path) -> None:
    AuthMetrics(Measurements(tmp_path)).provider_failed()
    assert Totals(tmp_path, METRICS).read()[LOGINS] == {("provider", "failed"): [1.0]}
