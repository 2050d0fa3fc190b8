"""``doorward tools``: the tools of an MCP server, compared with what was approved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.console import AsJson, CommandError, NegativeResultError, Yes, confirm, output, print_json
from shared.cli.policy_files import policy_in

if TYPE_CHECKING:
    from resource_service.pins.comparison import Change
    from resource_service.pins.definitions import Pins

tools = typer.Typer(
    help="Compare the tools of an MCP server with what was approved, and approve them.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(help="The policy; the lock file is beside it.")]


@tools.command()
def diff(file: File, *, as_json: AsJson = False) -> None:
    """Show what is held: definitions that are new or differ from what was approved. Exit with 1 if any is."""
    held_changes = _held(file)[2]
    if as_json:
        print_json(
            {"kind": change.kind, "name": change.name, "approved": change.approved, "held": change.held}
            for change in held_changes
        )
    else:
        _print_changes(held_changes)
    if held_changes:
        raise NegativeResultError(
            f"{len(held_changes)} held; approve what is right with `doorward tools approve`"
        )
    if not as_json:
        output.print("Nothing is held.")


@tools.command()
def approve(
    file: File,
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of tools, prompts or templates, or `instructions`.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Approve everything that is held.")] = False,
    yes: Yes = False,
) -> None:
    """Approve held definitions, after showing how they differ. Takes effect within a second."""
    _, held, held_changes = _held(file)
    chosen = _chosen(held_changes, names or [], everything=everything)
    if not yes:
        _print_changes(chosen)
    confirm(f"Approve {len(chosen)} as shown?", yes=yes)
    try:
        _approve(file, chosen, held)
    except OSError as error:
        raise CommandError(f"{file.with_suffix('.lock')} cannot be written: {error.strerror}") from None
    for change in chosen:
        output.print(f"approved {_title(change)}", markup=False)


def _approve(file: Path, chosen: list[Change], as_shown: Pins) -> None:
    """Approve what was shown, also if the server has changed it since.

    Raises:
        OSError: the lock file cannot be written.
    """
    from resource_service.pins.comparison import approved_with, still_held
    from resource_service.pins.lock_file import exclusive, held_path, lock_path, write_lock

    lock = lock_path(file)
    with exclusive(lock):
        pins, held, _ = _held(file)
        approved = approved_with(pins, chosen, as_shown)
        write_lock(lock, approved)
        write_lock(held_path(lock), still_held(approved, held))


def _print_changes(changes: list[Change]) -> None:
    from resource_service.pins.comparison import described

    for change in changes:
        for line in (_title(change), *described(change)):
            output.print(line, markup=False)


def _held(file: Path) -> tuple[Pins, Pins, list[Change]]:
    """Return what is approved, what is held, and what differs."""
    from resource_service.pins.comparison import changes
    from resource_service.pins.definitions import Pins
    from resource_service.pins.lock_file import LockFileError, held_path, lock_path, read_lock

    policy_in(file)
    lock = lock_path(file)
    try:
        pins, held = read_lock(lock) or Pins(), read_lock(held_path(lock)) or Pins()
    except LockFileError as error:
        raise CommandError(f"{lock}: {error}") from None
    return pins, held, changes(pins, held)


def _chosen(held_changes: list[Change], names: list[str], *, everything: bool) -> list[Change]:
    if everything == bool(names):
        raise CommandError("name what to approve, or use --all")
    by_name = {change.name or change.kind: change for change in held_changes}
    if missing := [name for name in names if name not in by_name]:
        raise CommandError(f"{missing[0]} is not held; see `doorward tools diff`")
    return (
        held_changes
        if everything
        else [change for change in held_changes if (change.name or change.kind) in names]
    )


def _title(change: Change) -> str:
    from shared.visible_text import visible

    state = "new" if change.is_new else "changed"
    return f"{change.kind}: {visible(change.name)} ({state})" if change.name else f"{change.kind} ({state})"
