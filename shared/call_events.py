"""Calls of tools as the account page counts them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_TOOL = 128
"""The maximum length of the name of a tool, in characters."""
OTHERS = ""
"""Stands for tools that are not counted by name."""
MAX_COUNT = 1_000_000_000


class Outcome(StrEnum):
    """The decision on a call."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """Calls of one tool under one grant, with the same outcome.

    Attributes:
        time: when they happened (seconds since 1970).
        tool: its name, or `OTHERS`.
    """

    time: int
    grant_id: str
    resource: str
    tool: str
    outcome: Outcome
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBatch:
    """Events that are applied once, however often they are sent."""

    batch_id: str
    events: tuple[CallEvent, ...]


def countable(tool: str) -> str:
    """Return the name under which calls of a tool are counted."""
    return tool if len(tool) <= MAX_TOOL and tool.isprintable() else OTHERS
