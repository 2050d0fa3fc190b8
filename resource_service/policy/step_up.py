"""The strength and age of the login that a tool requires (RFC 9470). Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from resource_service.policy.patterns import first_pattern

PASSWORD, SECOND_FACTOR = "password", "mfa"


@dataclass(frozen=True, slots=True)
class StepUp:
    """A requirement of the login in which access was granted.

    Attributes:
        acr: the authentication context; None for any.
        max_age_s: the maximum age of the login, in seconds; None for any.
    """

    acr: str | None = None
    max_age_s: int | None = None

    def is_met_by(self, acr: str | None, age_s: float | None) -> bool:
        """Whether a login meets the requirement; an unknown login does not."""
        strong = self.acr in (None, acr) or (self.acr, acr) == (PASSWORD, SECOND_FACTOR)
        recent = self.max_age_s is None or (age_s is not None and age_s <= self.max_age_s)
        return strong and recent


Rules = Mapping[str, StepUp]
"""Maps patterns of tool names to requirements; an exact name wins, then the first pattern."""


def step_ups(rules: Rules, messages: Iterable[object]) -> list[StepUp]:
    """Return the requirements of the tools called in `messages`."""
    called = (_tool(message) for message in messages) if rules else ()
    patterns = (first_pattern(rules, name) for name in called if name is not None)
    return [rules[pattern] for pattern in patterns if pattern is not None]


def _tool(message: object) -> str | None:
    """Return the name of the tool that a message calls; empty if it is not text."""
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return name if isinstance(name, str) else ""
