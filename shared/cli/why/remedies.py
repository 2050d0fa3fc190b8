"""Find the remedy for a refusal by its reason code."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from shared.cli.why.entries import Entry
from shared.reasons import CommonReason, ReasonCode

CATALOGUES = {"auth_service": "auth_service.protocol.reasons", "resource_service": "resource_service.reasons"}
"""The module with the reason codes of each service."""


@cache
def catalogue(service: str) -> dict[str, ReasonCode]:
    """Return the reason codes of a service by name; empty if it is not installed on this machine."""
    try:
        reasons: type[ReasonCode] = importlib.import_module(CATALOGUES[service]).Reason
    except ModuleNotFoundError:
        return {}
    return _by_code(reasons)


def _by_code(reasons: Iterable[ReasonCode]) -> dict[str, ReasonCode]:
    return {reason.code: reason for reason in reasons}


def reason_of(entry: Entry) -> ReasonCode | None:
    """Return the reason that an entry names; None for an unknown code."""
    code = entry.text("reason_code")
    logged_by = entry.text("logger").partition(".")[0]
    # Both services have a `token_expired`: use the one of the service that logged it.
    services = sorted(CATALOGUES, key=lambda service: service != logged_by)
    catalogues = [_by_code(CommonReason), *map(catalogue, services)]
    return next((reasons[code] for reasons in catalogues if code in reasons), None)


def remedy(entries: Iterable[Entry]) -> str | None:
    """Return the remedy for a request, if there is one.

    Args:
        entries: in order of time; the first reason with a remedy is closest to the cause.
    """
    reasons = [reason_of(entry) for entry in entries]
    return next((reason.remedy for reason in reasons if reason is not None and reason.remedy), None)
