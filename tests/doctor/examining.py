"""Runs the doctor in this process, and reads its report."""

from __future__ import annotations

import asyncio
from pathlib import Path

from shared.cli.doctor.examination import Options, Report, Tell, examine
from shared.cli.doctor.login.options import LoginOptions
from shared.cli.doctor.profiles import PROFILES
from shared.cli.doctor.verdict import Status
from tests.doctor.pair import PASSWORD, USERNAME

PROBLEMS = (Status.WARNING, Status.FAILURE)


def run(
    mcp_url: str,
    *,
    login: LoginOptions | bool = False,
    profile: str | None = None,
    timeout_s: float = 10.0,
    ca_file: Path | None = None,
) -> Report:
    """Examine `mcp_url`; ``login=True`` fills in the forms as the user of a `Pair`."""
    options = LoginOptions(username=USERNAME, password=PASSWORD) if login is True else login or None
    chosen = PROFILES[profile] if profile else None
    wanted = Options(timeout_s=timeout_s, ca_file=ca_file, profile=chosen, login=options)
    return asyncio.run(examine(mcp_url, wanted, Tell()))


def problems(report: Report) -> dict[str, str]:
    """The id of each check that found a problem, with what it found."""
    return {line.check.id: line.finding for line in report.lines if line.status in PROBLEMS}


def failures(report: Report) -> dict[str, str]:
    """The id of each check that failed, with what it found."""
    return {line.check.id: line.finding for line in report.lines if line.status is Status.FAILURE}
