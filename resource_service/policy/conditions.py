"""Conditions that the calls of a tool must meet beyond scopes: arguments, annotations, caller, time. Pure.

The language has no loops and no state: a tool has alternatives, of which one must hold, and an alternative is
a list of tests, all of which must hold. What a test cannot read does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from resource_service.policy.arguments import ArgumentTest
from resource_service.policy.patterns import first_pattern

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES = 24 * 60

HINTS: Mapping[str, bool] = MappingProxyType(
    {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False, "openWorldHint": True}
)
"""Annotations of tools, with the value of one that is left out (MCP 2025-11-25, `ToolAnnotations`)."""

Hints = Mapping[str, object]
HintsOf = Callable[[str], Hints | None]
"""Returns the annotations in the approved definition of a tool; None if there is none."""


def no_hints(_name: str) -> Hints | None:
    """Return that the tool has no approved definition."""
    return None


def hints_in(definition: Mapping[str, Any]) -> Hints:
    """Return the annotations of a tool, with the values of those that are left out."""
    annotations = definition.get("annotations")
    return {**HINTS, **(annotations if isinstance(annotations, dict) else {})}


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day; it goes past midnight if it ends before it begins.

    Attributes:
        begin: minutes since midnight.
        end: the first minute that is not in it.
    """

    begin: int
    end: int

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.begin, self.end))

    def contains(self, minute: int) -> bool:
        """Return whether a minute of the day is in it."""
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


@dataclass(frozen=True, slots=True)
class CallContext:
    """The caller and the time of a call, and the tools there are.

    Attributes:
        scopes: those granted, with all that they include.
        groups: those of the person.
        now: seconds since 1970.
        hints_of: returns the annotations of tools.
    """

    scopes: frozenset[str]
    groups: frozenset[str]
    now: float
    hints_of: HintsOf = no_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Tests that must all hold.

    Attributes:
        arguments: tests of arguments.
        scopes: the caller has all of these.
        groups: the caller is in one of these; in any if there are none.
        hours: the time of the day; None for any.
        days: the days of the week, from 0 for Monday; all if there are none.
        zone: the time zone of hours and days; None for UTC.
        annotations: those that the approved definition of the tool has.
    """

    arguments: tuple[ArgumentTest, ...] = ()
    scopes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    hours: Hours | None = None
    days: frozenset[int] = frozenset()
    zone: ZoneInfo | None = None
    annotations: Mapping[str, bool] = field(default_factory=dict)

    def is_for(self, caller: CallContext, tool: str) -> bool:
        """Return whether the tests hold that do not concern arguments."""
        time = datetime.fromtimestamp(caller.now, self.zone or UTC)
        return (
            self._is_annotated(caller.hints_of(tool) if self.annotations else None)
            and self.scopes <= caller.scopes
            and (not self.groups or bool(self.groups & caller.groups))
            and (self.hours is None or self.hours.contains(time.hour * 60 + time.minute))
            and (not self.days or time.weekday() in self.days)
        )

    def _is_annotated(self, hints: Hints | None) -> bool:
        if not self.annotations:
            return True
        return hints is not None and all(hints.get(name) is value for name, value in self.annotations.items())

    def __str__(self) -> str:
        tests = [test.says for test in self.arguments]
        tests += [f"the tool has {name}: {str(value).lower()}" for name, value in self.annotations.items()]
        if self.scopes:
            tests.append(f"the token has {', '.join(sorted(self.scopes))}")
        if self.groups:
            tests.append(f"the person is in {' or '.join(sorted(self.groups))}")
        if self.hours is not None:
            tests.append(f"it is {self.hours} {self.zone or 'UTC'}")
        if self.days:
            tests.append(f"it is {' or '.join(DAYS[day] for day in sorted(self.days))}")
        return " and ".join(tests)

    def failing(self, arguments: object) -> Iterator[str]:
        """Yield what is wrong with the arguments: a sentence for each test that does not hold."""
        return (test.says for test in self.arguments if not test.holds(arguments))


Conditions = Mapping[str, tuple[Alternative, ...]]
"""Maps patterns of tool names to alternatives; an exact name wins, then the first pattern."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that a call does not meet.

    Attributes:
        pattern: the rule.
        says: what is wrong with the arguments; empty if other arguments would not help.
    """

    pattern: str
    says: tuple[str, ...] = ()


def unmet(conditions: Conditions, messages: Iterable[object], caller: CallContext) -> Unmet | None:
    """Return the first condition that the calls among `messages` do not meet."""
    for name, arguments in _calls(messages):
        pattern = first_pattern(conditions, name)
        if pattern is None:
            continue
        reasons = _reasons(conditions[pattern], name, arguments, caller)
        if reasons is not None:
            return Unmet(pattern, reasons)
    return None


def groups_of(conditions: Conditions) -> frozenset[str]:
    """Return every group that a condition names."""
    return frozenset(group for rule in conditions.values() for each in rule for group in each.groups)


def _reasons(
    rule: tuple[Alternative, ...], tool: str, arguments: object, caller: CallContext
) -> tuple[str, ...] | None:
    """Return why no alternative holds; None if one does."""
    reasons: tuple[str, ...] = ()
    for alternative in rule:
        if alternative.is_for(caller, tool):
            failing = tuple(alternative.failing(arguments))
            if not failing:
                return None
            reasons = reasons or failing
    return reasons


def _calls(messages: Iterable[object]) -> Iterator[tuple[str, object]]:
    """Yield name and arguments of each call; a name that is not text is empty."""
    for message in messages:
        if isinstance(message, dict) and message.get("method") == "tools/call":
            params = message.get("params")
            members = params if isinstance(params, dict) else {}
            name = members.get("name")
            yield name if isinstance(name, str) else "", members.get("arguments")
