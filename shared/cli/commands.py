"""The table of commands: their names and help, and the modules that implement them.

The modules import what they need, which takes a second for all of them. Only the module of the command that
is run is imported; the help and completion of the whole program need only this table.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True)
class Entry:
    """A command or group in the table.

    Attributes:
        name: as it is typed.
        module: below `shared.cli`; it has an attribute of that name, a function or a `typer.Typer`.
        help: the first paragraph of its help.
    """

    name: str
    module: str
    help: str


COMMANDS = (
    Entry(
        "up",
        "up",
        "Start both services on this machine, with a demo user, and print the URL for clients.",
    ),
    Entry(
        "trust",
        "trust",
        "Print how to trust the certificate authority of `doorward up --https`, by system and by client.",
    ),
    Entry("auth", "serve", "Start the authorization server alone; its settings come from the environment."),
    Entry("resource", "serve", "Start the resource service alone; its settings come from the environment."),
    Entry(
        "init",
        "init",
        "Write .env for compose and the authorization server, and resource.env for the resource service.",
    ),
    Entry("health", "health", "Check a service; the exit status is 0 if it is healthy."),
    Entry(
        "doctor",
        "doctor.command",
        "Check an MCP server from outside: take the steps of a client, and report what would stop one.",
    ),
    Entry("why", "why.command", "Say why a request was refused, from the logs of both services."),
    Entry(
        "export",
        "apply",
        "Print people, groups, access rules, clients and declared settings as a file for `doorward apply`.",
    ),
    Entry(
        "apply",
        "apply",
        "Change people, groups, access rules, clients and settings to match a file; shows the changes first.",
    ),
    Entry(
        "backup",
        "backup",
        "Write everything in the store to an encrypted file. The service may be running.",
    ),
    Entry(
        "restore",
        "backup",
        "Write a backup into the store that DOORWARD_STORE names, without what was revoked since it was"
        " made.",
    ),
    Entry("move", "backup", "Copy everything from one store to another, with the remaining lifetimes."),
    Entry(
        "stop",
        "stops",
        "Stop a tool, a mount, a client or a person at every resource server, within a second.",
    ),
    Entry("resume", "stops", "End a stop, within a second. Nobody needs to log in again."),
    Entry("stops", "stops", "List what is stopped, by whom, and since when."),
    Entry("users", "users", "Add, list and change user accounts."),
    Entry("access", "access", "Who may use what: groups, people, resources and scopes."),
    Entry("groups", "groups", "The groups of this installation, and who is in them."),
    Entry("clients", "clients", "Add, list and remove clients."),
    Entry("keys", "keys", "List and rotate the signing keys."),
    Entry("policy", "policy", "Draft, check and test the scopes that the tools of an MCP server require."),
    Entry("tools", "tools", "Compare the tools of an MCP server with what was approved, and approve them."),
    Entry("audit", "audit", "Search, export and verify the journal: who did what, through which client."),
    Entry("config", "config", "The settings of a service, without starting it."),
    Entry("upgrade", "upgrade", "Check an upgrade before it, and confirm it after it."),
)

COMPLETION = "_DOORWARD_COMPLETE"
"""The variable by which a shell asks the program for completions."""

CHECK_ALL_SETTINGS = frozenset({"up", "auth", "resource", "config check", "config show"})
"""These report unknown names together with all that is wrong with the values."""


class LazyGroup(TyperGroup):
    """The whole program: a group that imports the module of a command when it resolves its name."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 -- typer passes them
        super().__init__(**attributes)
        self._entries = {entry.name: entry for entry in COMMANDS}
        for entry in COMMANDS:
            self.add_command(TyperCommand(entry.name, callback=None, help=entry.help, short_help=entry.help))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 -- typer's own
        """Parse the options of the whole program, as `TyperGroup` does."""
        for option in self.get_params(ctx):
            option.default = False  # all are flags; to convert None, typer imports pydantic
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- typer's own
        """Return the name, the command and the other arguments, as `TyperGroup` does."""
        self._load(args[0])
        return super().resolve_command(ctx, args)

    def load_all(self) -> None:
        """Import the module of every command."""
        for name in list(self._entries):
            self._load(name)

    def _load(self, name: str) -> None:
        if entry := self._entries.pop(name, None):
            self.commands[name] = _implementation(entry)


def leaves(
    command: Any,  # noqa: ANN401 -- typer does not export the type
    path: tuple[str, ...] = (),
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that is not a group, with its full name."""
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    if isinstance(command, LazyGroup):
        command.load_all()
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


def _implementation(entry: Entry) -> Any:  # noqa: ANN401 -- typer does not export the type
    """Import a command. It checks the names of environment variables before anything else."""
    implementation = getattr(import_module(f"shared.cli.{entry.module}"), entry.name)
    program = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    program.callback()(lambda: None)  # so that it is a group, also with a single command
    if isinstance(implementation, typer.Typer):
        program.add_typer(implementation, name=entry.name)
    else:
        program.command(entry.name)(implementation)
    group: Any = get_command(program)
    command = group.commands[entry.name]
    _prepare(command)
    for path, leaf in leaves(command, (entry.name,)):
        if leaf.callback and " ".join(path) not in CHECK_ALL_SETTINGS:
            leaf.callback = _after_check(leaf.callback)
    return command


def _prepare(command: Any) -> None:  # noqa: ANN401 -- typer does not export the type
    """Let a command and those in it be listed with their whole first paragraph, and be completed fast."""
    command.short_help = cleandoc(command.help or "").partition("\n\n")[0]
    if COMPLETION in os.environ:
        _keep_words(command)
    if isinstance(command, TyperGroup):
        for inner in command.commands.values():
            _prepare(inner)


def _keep_words(command: Any) -> None:  # noqa: ANN401 -- typer does not export the type
    """Leave the parameters of a command as they are typed: completion needs no converted values."""
    get_params = command.get_params

    def unconverted(ctx: object) -> list[Any]:
        parameters: list[Any] = get_params(ctx)
        for parameter in parameters:
            parameter.process_value = lambda _, words: words
        return parameters

    command.get_params = unconverted


def _after_check(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def checked(*arguments: object, **options: object) -> object:
        from shared.cli.variables import complaints_about_names, refuse

        refuse(complaints_about_names(os.environ))
        return callback(*arguments, **options)

    return checked
