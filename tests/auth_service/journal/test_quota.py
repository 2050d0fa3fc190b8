"""A resource server delivers a limited number of bytes per hour (JR-6)."""

from __future__ import annotations

import pytest

from auth_service.journal.quota import DeliveryQuota
from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.reasons import Reason
from shared.storage import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-6")]


async def test_what_exceeds_the_quota_is_refused_with_one_alert_for_each_server(store: Store) -> None:
    alerts: list[str] = []
    quota = DeliveryQuota(store, 100, alerts.append)
    await quota.spend("one", 60)
    for _ in range(2):
        with pytest.raises(SlowDownError) as refused:
            await quota.spend("one", 60)
        assert refused.value.reason is Reason.JOURNAL_QUOTA_EXCEEDED
        assert 0 < refused.value.retry_after_s <= 3_600
    await quota.spend("one", 40)
    await quota.spend("other", 100)
    assert alerts == ["one"]
    with pytest.raises(SlowDownError):
        await DeliveryQuota(store, 100).spend("one", 1)
    for size in (1, 0):
        with pytest.raises(SlowDownError):
            await quota.spend("one", size)
    assert alerts == ["one", "one"], "again, after a delivery was accepted"
