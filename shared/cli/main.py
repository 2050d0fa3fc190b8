"""The ``doorward`` command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from shared.cli.commands import LazyGroup
from shared.cli.console import CommandError, errors
from shared.setting_files import read_setting_files
from shared.version import VERSION

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to import than everything else that help needs
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"doorward {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """OAuth 2.1 and OpenID Connect in front of MCP servers."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. An error that the user can fix ends it with one sentence, without a traceback."""
    try:
        read_setting_files(os.environ)
        sys.exit(get_command(app).main(arguments, prog_name="doorward", standalone_mode=False))
    except CommandError as error:
        _end(str(error), error.exit_status)
    except typer.TyperException as error:
        if error.format_message():
            _end(_one_sentence(error), error.exit_code)
        sys.exit(error.exit_code)  # a group without a command has printed its help
    except typer.Abort:
        _end("interrupted", 130)


def _one_sentence(error: typer.TyperException) -> str:
    message = " ".join(error.format_message().rstrip(".").split())
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path} --help" if context else message


def _end(message: str, status: int) -> None:
    errors.print(f"doorward: {message}", style="red", markup=False)
    sys.exit(status)
