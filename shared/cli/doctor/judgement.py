"""Turn evidence into report lines: each check's verdict, weighted for one client or for most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.profiles import Profile
from shared.cli.doctor.text import printable
from shared.cli.doctor.verdict import Check, Status


@dataclass(frozen=True, slots=True)
class Line:
    """The verdict of one check; `finding` is safe to print."""

    check: Check
    status: Status
    finding: str

    @property
    def fix(self) -> str | None:
        """The fix, if there is a problem."""
        return self.check.fix if self.status in (Status.WARNING, Status.FAILURE) else None


def judge(checks: Iterable[Check], evidence: Evidence, profile: Profile | None = None) -> list[Line]:
    """Return one line for each check."""
    return [_line(check, evidence, profile) for check in checks]


def _line(check: Check, evidence: Evidence, profile: Profile | None) -> Line:
    verdict = check.judge(evidence)
    status = verdict.outcome or check.weight
    if status in (Status.WARNING, Status.FAILURE) and profile is not None:
        status = _weighed(check.id, status, profile)
    return Line(check, status, printable(verdict.finding))


def _weighed(check_id: str, weight: Status, profile: Profile) -> Status:
    if check_id in profile.fatal:
        return Status.FAILURE
    return Status.WARNING if check_id in profile.tolerates else weight
