"""The rules about definitions that differ from what was approved; see `resource_service.pins`."""

from __future__ import annotations

from enum import StrEnum


class Pinning(StrEnum):
    """How definitions are approved: not at all, by the first list, or by the operator alone."""

    OFF = "off"
    FIRST = "first"
    STRICT = "strict"


class OnDifference(StrEnum):
    """The effect of a definition that is new or changed: not shown and not run, logged, or none."""

    HOLD = "hold"
    WARN = "warn"
    ALLOW = "allow"
