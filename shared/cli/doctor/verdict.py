"""What a check is, and what it can say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from shared.cli.doctor.evidence import Evidence


class Status(StrEnum):
    """How a line of the report begins."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        outcome: OK, SKIPPED, or for a problem its weight; None for a problem of the check's own weight.
        finding: what was seen, safe to print.
    """

    outcome: Status | None
    finding: str = ""


def ok(finding: str = "") -> Verdict:
    """The rule holds."""
    return Verdict(Status.OK, finding)


def skipped(why: str) -> Verdict:
    """The rule could not be tried, or does not apply."""
    return Verdict(Status.SKIPPED, why)


def problem(finding: str, weight: Status | None = None) -> Verdict:
    """The rule does not hold; `weight` where it differs from the check's own."""
    return Verdict(weight, finding)


Judge = Callable[[Evidence], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule.

    Attributes:
        id: what programs know it by.
        title: what must be true.
        meaning: what goes wrong when it is not, and where the rule comes from.
        fix: what to do, for the operator of the server.
        weight: FAILURE where most clients stop at it, else WARNING.
        judge: pure; from the evidence alone.
    """

    id: str
    title: str
    meaning: str
    fix: str
    weight: Status
    judge: Judge


def check(
    id: str,  # noqa: A002 -- the name of the field
    title: str,
    *,
    meaning: str,
    fix: str,
    weight: Status = Status.FAILURE,
) -> Callable[[Judge], Check]:
    """Make the function below a `Check`."""
    return lambda judge: Check(id=id, title=title, meaning=meaning, fix=fix, weight=weight, judge=judge)
