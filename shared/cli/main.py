"""The ``doorward`` command line."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from shared.cli.access import access
from shared.cli.apply import apply, export
from shared.cli.audit import audit
from shared.cli.backup import backup, move, restore
from shared.cli.clients import clients
from shared.cli.config import config
from shared.cli.console import CommandError, errors, output
from shared.cli.doctor.command import doctor
from shared.cli.groups import groups
from shared.cli.health import health
from shared.cli.init import init
from shared.cli.keys import keys
from shared.cli.policy import policy
from shared.cli.serve import auth, resource
from shared.cli.settings import refuse
from shared.cli.stops import resume, stop, stops
from shared.cli.tools import tools
from shared.cli.trust import trust
from shared.cli.up import up
from shared.cli.upgrade import upgrade
from shared.cli.users import users
from shared.cli.variables import Command, complaints_about_names
from shared.cli.why.command import why
from shared.setting_files import read_setting_files
from shared.version import VERSION

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        output.print(f"doorward {VERSION}", markup=False)
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """OAuth 2.1 and OpenID Connect in front of MCP servers."""


for command in (up, trust, auth, resource, init, health, doctor, why, export, apply, backup, restore, move):
    app.command()(command)
app.command()(stop)
app.command()(resume)
app.command()(stops)
app.add_typer(users, name="users")
app.add_typer(access, name="access")
app.add_typer(groups, name="groups")
app.add_typer(clients, name="clients")
app.add_typer(keys, name="keys")
app.add_typer(policy, name="policy")
app.add_typer(tools, name="tools")
app.add_typer(audit, name="audit")
app.add_typer(config, name="config")
app.add_typer(upgrade, name="upgrade")

CHECK_ALL_SETTINGS = frozenset({"up", "auth", "resource", "config check", "config show"})
"""These report unknown names together with all that is wrong with the values."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. An error that the user can fix ends it with one sentence, without a traceback."""
    try:
        read_setting_files(os.environ)
        root = get_command(app)
        _check_names_first(root)
        sys.exit(root.main(arguments, prog_name="doorward", standalone_mode=False))
    except CommandError as error:
        _end(str(error), error.exit_status)
    except typer.TyperException as error:
        if error.format_message():
            _end(_one_sentence(error), error.exit_code)
        sys.exit(error.exit_code)  # a group without a command has printed its help
    except typer.Abort:
        _end("interrupted", 130)


def _check_names_first(root: Command) -> None:
    """Make every command check the names of environment variables before anything else."""
    for path, leaf in leaves(root):
        if leaf.callback and " ".join(path) not in CHECK_ALL_SETTINGS:
            leaf.callback = _after_check(leaf.callback, root)


def leaves(command: Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Yield every command that is not a group, with its full name."""
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


def _after_check(callback: Callable[..., Any], root: Command) -> Callable[..., Any]:
    @functools.wraps(callback)
    def checked(*arguments: object, **options: object) -> object:
        refuse(complaints_about_names(os.environ, root))
        return callback(*arguments, **options)

    return checked


def _one_sentence(error: typer.TyperException) -> str:
    message = " ".join(error.format_message().rstrip(".").split())
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path} --help" if context else message


def _end(message: str, status: int) -> None:
    errors.print(f"doorward: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(status)
