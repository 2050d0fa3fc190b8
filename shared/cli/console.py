"""Terminal output that can be copied, whatever the width of the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from rich.console import Console

output = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(items: Iterable[Mapping[str, object]]) -> None:
    """Print a list as JSON on standard output."""
    typer.echo(json.dumps(list(items), ensure_ascii=False, indent=2))


class CommandError(Exception):
    """The command cannot continue, for a reason that the user can fix; the message says how."""

    exit_status = 2


class NegativeResultError(CommandError):
    """The command worked, and the result is negative: unhealthy, not found, ended."""

    exit_status = 1
