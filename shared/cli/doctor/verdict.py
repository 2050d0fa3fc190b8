"""Checks and their verdicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from shared.cli.doctor.evidence import Evidence


class Status(StrEnum):
    """The status of a report line."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check.

    Attributes:
        outcome: OK, SKIPPED, or the weight of a problem; None for a problem with the check's own weight.
        finding: the observation, safe to print.
    """

    outcome: Status | None
    finding: str = ""


def ok(finding: str = "") -> Verdict:
    """Return a verdict: the rule holds."""
    return Verdict(Status.OK, finding)


def skipped(why: str) -> Verdict:
    """Return a verdict: the rule could not be tested, or does not apply."""
    return Verdict(Status.SKIPPED, why)


def problem(finding: str, weight: Status | None = None) -> Verdict:
    """Return a verdict: the rule is violated; `weight` overrides the check's own."""
    return Verdict(weight, finding)


Judge = Callable[[Evidence], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule.

    Attributes:
        id: stable, for programs.
        title: the rule.
        meaning: the consequence of a violation, and the source of the rule.
        fix: for the operator of the server.
        weight: FAILURE if most clients stop at a violation, else WARNING.
        judge: a pure function of the evidence.
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
    """Turn the decorated function into a `Check`."""
    return lambda judge: Check(id=id, title=title, meaning=meaning, fix=fix, weight=weight, judge=judge)
