"""Whatever is wrong, the doctor names it, says what to do, and blames nothing else."""

from __future__ import annotations

import pytest

from shared.cli.doctor.login.options import LoginOptions
from tests.doctor.examining import PROBLEMS, problems, run
from tests.doctor.misconfiguration import Misconfiguration
from tests.doctor.pair import PASSWORD, USERNAME, Pair
from tests.doctor.seeded import SEEDED


@pytest.mark.parametrize("seeded", SEEDED, ids=lambda seeded: seeded.name)
@pytest.mark.usefixtures("hasty")
def test_a_seeded_misconfiguration_is_named_with_its_fix(pair: Pair, seeded: Misconfiguration) -> None:
    seeded.seed(pair)
    login = LoginOptions(username=USERNAME, password=PASSWORD, tool=seeded.tool) if seeded.login else False
    report = run(pair.mcp_url, login=login, profile=seeded.profile)
    lines = {line.check.id: line for line in report.lines if line.status in PROBLEMS}
    if seeded.check != "speed":
        lines.pop("speed", None)  # a machine that is busy with other tests is slow
    assert lines.keys() == {seeded.check, *seeded.also}, problems(report)
    line = lines[seeded.check]
    assert (line.status, line.fix) == (seeded.status, seeded.fix)
    assert line.finding


def test_the_names_are_different_and_more_than_twenty() -> None:
    assert len({seeded.name for seeded in SEEDED}) == len(SEEDED) > 20
