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
    typer.echo(json_text(list(items), indent=2))


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return JSON in which characters that could control a terminal, or are none, are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def printable(text: str) -> str:
    """Escape the control characters of a text from elsewhere, line ends and tabs included."""
    return text if text.isprintable() else json_text(text)[1:-1]


class CommandError(Exception):
    """The command cannot continue, for a reason that the user can fix; the message says how."""

    exit_status = 2


class NegativeResultError(CommandError):
    """The command worked, and the result is negative: unhealthy, not found, ended."""

    exit_status = 1
