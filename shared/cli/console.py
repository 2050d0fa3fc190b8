"""Terminal output that can be copied, whatever the width of the terminal."""

from __future__ import annotations

from rich.console import Console

output = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class CommandError(Exception):
    """The command cannot continue, for a reason that the user can fix; the message says how."""

    exit_status = 2


class NegativeResultError(CommandError):
    """The command worked, and the result is negative: unhealthy, not found, ended."""

    exit_status = 1
