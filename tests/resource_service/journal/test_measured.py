"""The journal of calls measures what waits, and what it lacks (JR-7)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from resource_service.journal.call_journal import CallJournal, JournalLimits
from resource_service.journal.measured import measure_calls
from resource_service.metrics import CALLS_BYTES, CALLS_GAP, CALLS_WAITING, METRICS, ResourceMetrics
from shared.journal.event import encoded_members
from shared.metrics.measurements import Measurements
from shared.metrics.totals import Totals

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-7")]


async def test_events_that_wait_and_events_that_are_missing_are_measured(tmp_path: Path) -> None:
    journal = CallJournal("resource", lambda: 1_000.5, JournalLimits(max_bytes=2_000, refuses=False))
    metrics = ResourceMetrics(Measurements(tmp_path))
    measure_calls(metrics, journal)
    for _ in range(100):
        await journal.begin([encoded_members({"method": "tools/call", "name": "read"})])
    async with metrics.sampler.run():
        await asyncio.sleep(0)  # the first sample is taken at once
    totals = Totals(tmp_path, METRICS).read()
    assert totals[CALLS_GAP] == {(): [float(journal.lost)]}
    assert totals[CALLS_WAITING] == {(): [float(journal.waiting)]}
    [waiting_bytes] = totals[CALLS_BYTES][()]
    assert (journal.lost > 50, journal.waiting > 0, 2_000 <= waiting_bytes < 3_000) == (True, True, True)
