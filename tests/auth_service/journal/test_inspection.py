"""A changed journal is reported once, for as long as it is the same change."""

from __future__ import annotations

from typing import cast

import pytest

from auth_service.journal.inspection import JournalInspection
from auth_service.journal.reader import JournalReader, JournalReport
from shared.journal.verification import Finding, Problem

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-3")]

FIRST, SECOND = Problem("a", 3, Finding.CHANGED), Problem("b", 9, Finding.GAP)


class Reports:
    """A reader whose verifications have these results."""

    def __init__(self, *problems: tuple[Problem, ...]) -> None:
        self._problems = iter(problems)

    async def verify(self, _keys: object) -> JournalReport:
        return JournalReport(chains=2, events=20, unsigned=0, problems=next(self._problems))


async def test_each_change_is_reported_when_it_is_seen_first() -> None:
    reports = Reports((), (FIRST,), (FIRST, SECOND), ())
    reported: list[Problem] = []
    inspection = JournalInspection(cast("JournalReader", reports), {}, report=reported.append)
    for expected in ([], [FIRST], [FIRST, SECOND], [FIRST, SECOND]):
        await inspection.inspect()
        assert reported == expected
    assert inspection.problems == frozenset()
