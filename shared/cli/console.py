"""Where the command speaks to a person: text that can be copied, whatever the width of the terminal."""

from __future__ import annotations

from rich.console import Console

output = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class CommandError(Exception):
    """The command cannot go on, for a reason that a person can mend; the message says how."""

    exit_status = 2


class NegativeResultError(CommandError):
    """The command did what it was asked to, and the result is a bad one: unhealthy, not found, ended."""

    exit_status = 1
